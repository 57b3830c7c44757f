"""Atomic writes: all or nothing, and nothing left behind."""

from __future__ import annotations

import os

import pytest

from tacit.data import atomic
from tacit.data.atomic import atomic_folder, atomic_write
from tacit.errors import InputError


@pytest.mark.parametrize("content", ["Grüße\r\nzwei\n", b"\x00\xff"])
def test_content_arrives_verbatim_and_replaces(tmp_path, content: str | bytes) -> None:
    path = tmp_path / "deep" / "file"
    atomic_write(path, "before")
    atomic_write(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(path.parent) == ["file"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    atomic_write(tmp_path / "f", "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", fail)
    with pytest.raises(InputError, match=r"cannot write .*f: No space left"):
        atomic_write(tmp_path / "f", "new")
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_text() == "old"


def test_files_get_ordinary_permissions(tmp_path) -> None:
    (tmp_path / "plain").write_text("")
    atomic_write(tmp_path / "f", "x")
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_folder_appears_only_when_complete(tmp_path) -> None:
    with atomic_folder(tmp_path / "run") as partial:
        (partial / "a").write_text("1")
        assert not (tmp_path / "run").exists()
        assert partial.parent == tmp_path
    assert os.listdir(tmp_path) == ["run"]
    assert (tmp_path / "run" / "a").read_text() == "1"


def test_folder_of_a_failed_block_disappears(tmp_path) -> None:
    def interrupted() -> None:
        with atomic_folder(tmp_path / "run") as partial:
            (partial / "a").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_existing_folder_is_refused_or_exchanged(tmp_path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").write_text("")
    with pytest.raises(InputError, match="run exists already"), atomic_folder(tmp_path / "run"):
        pass
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "run", replace=True):
        raise RuntimeError
    assert os.listdir(tmp_path / "run") == ["old"]
    with atomic_folder(tmp_path / "run", replace=True) as partial:
        (partial / "new").write_text("")
    assert os.listdir(tmp_path / "run") == ["new"]
    assert os.listdir(tmp_path) == ["run"]


def test_a_file_in_the_way_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        atomic_write(tmp_path / "file" / "below", "x")
