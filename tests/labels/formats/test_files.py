"""Which format is chosen, how labels reach `tacit.read_labels`, and what is written where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tacit
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels import Candidates, Exact, Intervals, Labels, Noisy, Soft, Values, Votes
from tacit.labels.formats import read_labels_file, write_labels_file
from tacit.labels.given import labels_of


@pytest.fixture
def records() -> Records:
    return tacit.read(["one", "two", "three"])


def test_every_face_reads_every_format(tmp_path: Path, records: Records) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("task,worker,label\n0,u,a\n0,v,b\n", encoding="utf-8")
    for labels in (
        tacit.read_labels(path, records),
        labels_of(str(path), records),
        labels_of(path, records, "classes"),
    ):
        assert isinstance(labels, Votes) and len(labels) == 3


@pytest.mark.parametrize(
    ("end", "labels"),
    [
        (".jsonl", Candidates([[1, 1, 0], [1, 0, 0], [1, 1, 1]], ["c", "b", "a"])),
        (".csv", Candidates([[1, 1, 0], [1, 0, 0], [0, 1, 1]], ["a", "b", "c"])),
        (".csv", Exact([0, -1, 1], ["a", "b"])),
        (".csv", Soft([[0.5, 0.5], [np.nan] * 2, [1, 0]], ["b", "a"])),
        (".csv", Intervals([0, 1, 2], [3, np.inf, 4])),
        (".csv", Votes([0, 0, 1], [0, 1, 1], [0, 1, 1], 3, ["a", "b"], sources=["v", "u"])),
        (".parquet", Exact([0, -1, 1], ["b", "a"])),
        (".json", Exact([[0, 1], [-1, -1], [1, 1]], ["b", "a"])),
    ],
)
def test_the_suffix_says_how_to_write_and_looking_how_to_read(
    tmp_path: Path, records: Records, end: str, labels: Labels
) -> None:
    write_labels_file(tmp_path / f"f{end}", labels, records.ids)
    again = tacit.read_labels(tmp_path / f"f{end}", records)
    assert type(again) is type(labels)
    assert (again.header(), list(again.rows(records.ids))) == (labels.header(), list(labels.rows(records.ids)))


@pytest.mark.parametrize(
    ("name", "labels", "format", "message"),
    [
        ("f.xyz", Exact([0, 1, 0]), None, r"no format ending in .xyz holds exact labels"),
        ("f", Exact([0, 1, 0]), None, r"no format ending in nothing holds"),
        ("f.csv", Noisy(np.array([0, 1, 0]), "learn"), None, r"no format ending in .csv holds"),
        ("f.csv", Soft([[2.0, 3.0]] * 3, virtual=True), None, r"no format ending in .csv holds virtual evidence"),
        ("f.json", Exact([[0, -1]] * 3), None, r"no format ending in .json holds"),
        ("f.csv", Votes([0], [0], [0], 3, ["a", "b"], confusion=[np.eye(2)]), None, r"no format ending in .csv holds"),
        ("f.csv", Values([1, 2, 3], scale=0.5), "table", r"a table of ids and labels does not hold numbers"),
        (
            "f.txt",
            Exact([0, 1, 0]),
            "table",
            r"f.txt: a table of ids and labels is written to a name that ends in .csv",
        ),
        ("f.csv", Exact([0, 1, 0]), "tabel", r"unknown format 'tabel'. Did you mean 'table'\?"),
        ("f.csv.gz", Exact([0, 1, 0]), None, r"no format ending in .gz"),
        ("f.csv", Exact([0, 1]), None, r"there are 3 ids for 2 records"),
        ("f.csv", Exact([0, 1, 0], ["1.0", "2.0"]), None, r"the class name '1.0', which would be read as '1'"),
        ("f.csv", Exact([0, 1, 0], ["NA", "2"]), None, r"the class name 'NA', which would be read as nothing"),
        ("f.csv", Exact([[0], [1], [0]], ["id"]), "multilabel", r"a label 'id' beside its own"),
        ("f.csv", Exact([[0], [1], [0]], ["a;b"]), "multilabel", r"cannot have a column for the name 'a;b'"),
        ("f.csv", Candidates([[1, 0, 1]] * 3, ["a|b", "c", "d"]), None, r"cannot join lists with the class 'a\|b'"),
        ("f.csv", Votes([], [], [], 3, ["a"], sources=["u"]), "long-votes", r"without a vote"),
        ("f.csv", Votes([], [], [], 3, ["a"], None, "informative", ["u"]), "wide-votes", r"without a vote"),
        (
            "f.csv",
            Votes([0], [0], [0], 3, ["a"], None, "informative", ["worker"]),
            "wide-votes",
            r"the source 'worker'",
        ),
        ("f.csv", Votes([0, 0], [0, 0], [0, 0], 3, ["a", "b"]), "long-votes", r"write JSON lines"),
        ("f.json", Votes([0, 0], [0, 0], [0, 1], 3, ["a", "b"]), "label-studio", r"write JSON lines"),
        ("f.json", Votes([], [], [], 3, ["a"], sources=["u"]), "label-studio", r"without a vote"),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, records: Records, name: str, labels: Any, format: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_labels_file(tmp_path / name, labels, records.ids, format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("id", ["", " a", "a\0", "\udcff", "a\u2003"])
def test_ids_that_a_table_would_lose_are_refused(tmp_path: Path, id: str) -> None:
    with pytest.raises(InputError, match="a table cannot hold the id or name"):
        write_labels_file(tmp_path / "f.csv", Exact([0, 1]), [id, "b"])


def test_folders_and_paths_that_are_nothing(tmp_path: Path, records: Records) -> None:
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(InputError, match="is a folder of no kind of labels that is known"):
        tacit.read_labels(tmp_path / "labels.csv", records)
    with pytest.raises(InputError, match=r"no such file or folder.*Did you mean"):
        tacit.read_labels(tmp_path / "label.csv", records)
    with pytest.raises(InputError, match=r"cannot read|is a folder|Is a directory"):
        read_labels_file(tmp_path / "labels.csv", records, kind="votes")
    (tmp_path / "n.txt").write_text("id|label\n0|a\n", encoding="utf-8")
    assert isinstance(tacit.read_labels(tmp_path / "n.txt", records), Exact)


def test_a_new_format_is_one_new_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, records: Records) -> None:
    from tacit.labels.formats import base, files
    from tacit.labels.formats.look import Look

    class Stars(base.Format):
        """One line of stars and blanks."""

        name = "stars"
        title = "a line of stars"
        kind = "exact"

        def recognises(self, look: Look) -> bool:
            return set(look.start) == {"*", " "}

        def read(self, look: Look, records: Records, options: base.Options) -> Labels:
            return Exact([int(c == "*") for c in look.start], ["no", "yes"])

    monkeypatch.setattr(files, "formats", lambda: {**base.formats(), "stars": Stars()})
    (tmp_path / "f.txt").write_text("* *", encoding="utf-8")
    assert tacit.read_labels(tmp_path / "f.txt", records).y.tolist() == [1, 0, 1]  # type: ignore[attr-defined]
