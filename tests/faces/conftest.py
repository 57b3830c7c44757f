"""What tests of the command line share: a folder of their own, and a way to call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from tacit.cli import main


@pytest.fixture
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test in an empty folder, on one thread."""
    monkeypatch.chdir(tmp_path)
    with threadpool_limits(1):
        yield


@pytest.fixture
def tacit(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``tacit("fit", ...)`` gives exit status, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        status: int | str | None = 0
        try:
            main([str(word) for word in words])
        except SystemExit as error:
            status = error.code or 0
        said = capsys.readouterr()
        assert isinstance(status, int)
        return status, said.out, said.err

    return run
