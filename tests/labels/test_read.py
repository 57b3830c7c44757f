"""Label files against the records they speak of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.data.read import read
from tacit.data.records import Records
from tacit.labels.read import read_labels


@pytest.fixture
def photos(tmp_path: Path) -> Records:
    for name in ("cat/one.npy", "dog/two.npy", "dog/three.npy", "cat/two.npy"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "photos" / name, np.zeros((4, 4), np.uint8))
    return read(tmp_path / "photos")  # cat/one, cat/two, dog/three, dog/two


def labels(tmp_path: Path, records: Records, text: str, name: str = "l.csv", **options: str) -> list[object]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_labels(tmp_path / name, records, **options).tolist()


def test_every_format_gives_the_same(tmp_path) -> None:
    records = read(["a b", "c d", "e f", "g h"])
    frame = pd.DataFrame({"id": ["2", "0"], "label": ["x", "y"]})
    frame.to_csv(tmp_path / "l.csv", index=False)
    frame.to_csv(tmp_path / "l.tsv.gz", index=False, sep="\t")
    frame.to_parquet(tmp_path / "l.parquet")
    (tmp_path / "l.jsonl").write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
    for path in sorted(tmp_path.iterdir()):
        assert read_labels(path, records).tolist() == ["y", None, "x", None]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]))))
def test_any_label_name_survives_a_csv(tmp_path: Path, names: list[str]) -> None:
    names = [f"<b>{name}\nx" for name in names] or ["<i>"]
    records = read([f"text {i}" for i in range(len(names))])
    pd.DataFrame({"id": range(len(names)), "label": names}).to_csv(tmp_path / "l.csv", index=False)
    assert read_labels(tmp_path / "l.csv", records).tolist() == names


@pytest.mark.parametrize(
    "name",
    ["dog/three.npy", "three.npy", "three", "dog/three", "./dog/three.npy", "dog\\three.npy", "photos/dog/three.npy"],
)
def test_files_by_shorter_and_longer_names(tmp_path, photos: Records, name: str) -> None:
    assert labels(tmp_path, photos, f"file,label\n{name},x\n") == [None, None, "x", None]


def test_absolute_paths(tmp_path, photos: Records) -> None:
    text = f"path,label\n{(tmp_path / 'photos' / 'cat' / 'one.npy').as_posix()},x\n"
    assert labels(tmp_path, photos, text) == ["x", None, None, None]


def test_numbers_are_numbers_and_codes_are_text(tmp_path) -> None:
    records = read(["a b", "c d", "e f"])
    assert labels(tmp_path, records, "id,y\n0,3\n1,-1\n2,\n") == [3, -1, None]
    assert labels(tmp_path, records, "id,y\n0,3.5\n1,2\n") == [3.5, 2.0, None]
    assert labels(tmp_path, records, "id,y\n0,007\n1,010\n2,NA\n") == ["007", "010", None]
    assert labels(tmp_path, records, "id,y\n0,yes\n1,?\n2,no\n") == ["yes", None, "no"]


def test_columns_are_found_by_name_or_named(tmp_path) -> None:
    records = read(["a b", "c d"])
    assert labels(tmp_path, records, "Class,note,ID\nx,n,1\n") == [None, "x"]
    assert labels(tmp_path, records, "key,answer\n1,x\n") == [None, "x"]
    assert labels(tmp_path, records, "id,first,second\n1,x,y\n", target="second") == [None, "y"]
    assert labels(tmp_path, records, "id,other,label\n7,1,x\n", id="other") == [None, "x"]


def test_an_agreeing_repetition_is_no_conflict(tmp_path) -> None:
    assert labels(tmp_path, read(["a b", "c d"]), "id,y\n1,x\n1,x\n") == [None, "x"]


def test_an_exact_id_beats_a_short_name(tmp_path) -> None:
    for name in ("two.npy", "dog/two.npy"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "p" / name, np.zeros((4, 4), np.uint8))
    assert labels(tmp_path, read(tmp_path / "p"), "file,label\ntwo.npy,x\n") == [None, "x"]


def test_ids_that_look_missing_are_ids(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("id,gdp\nNA,1.5\nAT,2.5\n")
    assert labels(tmp_path, read(tmp_path / "t.csv"), "id,label\nNA,x\n") == ["x", None]
