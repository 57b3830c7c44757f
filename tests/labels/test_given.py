"""Labels from arrays, files and folders: what is unknown, when to ask, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tacit
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels import Exact, Labels, Values
from tacit.labels.given import labels_from, labels_of, require_usable


@pytest.fixture
def records() -> Records:
    return tacit.read(["one text", "two texts", "three texts", "four texts"])


def classes(labels: Labels) -> tuple[tuple[str, ...], list[int]]:
    assert isinstance(labels, Exact)
    return labels.task.names, labels.y.tolist()


@pytest.mark.parametrize(
    ("given", "names", "y"),
    [
        (["b", None, "a", "b"], ("a", "b"), [1, -1, 0, 1]),
        (np.array([3.0, 3.0, np.nan, 10.0]), ("3", "10"), [0, 0, -1, 1]),
        (pd.Series([True, None, False, True]), ("False", "True"), [1, -1, 0, 1]),
        (pd.array(["x", pd.NA, "y", "x"]), ("x", "y"), [0, -1, 1, 0]),
        (np.array([0, 2, -1, -1]), ("0", "2"), [0, 1, -1, -1]),
        (np.array([-1, 1, -1, -1]), ("-1", "1"), [0, 1, 0, 0]),
        (np.array([-1, -2, 0, -1]), ("-2", "-1", "0"), [1, 0, 2, 1]),
    ],
    ids=["text", "floats", "booleans", "extension array", "-1 unknown", "classes -1 and 1", "other negatives"],
)
def test_values_in_memory(records: Records, given: Any, names: tuple[str, ...], y: list[int]) -> None:
    assert classes(labels_of(given, records)) == (names, y)


def test_numbers_as_regression() -> None:
    labels = labels_from([1, -1, None, "2.5"], "regression")
    assert isinstance(labels, Values)
    np.testing.assert_array_equal(labels.v, [1, -1, np.nan, 2.5])


@pytest.mark.parametrize(
    ("values", "asks"),
    [
        ([i / 4 for i in range(20)], False),
        ([i / 4 for i in range(21)], True),
        (list(range(99)), False),
        (list(range(100)), True),
        ([1500 * i for i in range(21)], True),
        ([1500 * i for i in range(20)], False),
        ([1500 * (i // 2) for i in range(60)], False),
        ([f"name {i}" for i in range(200)], False),
        ([str(i) for i in range(100)], True),
    ],
)
def test_many_numbers_ask_regression_or_classes(values: list[Any], asks: bool) -> None:
    if not asks:
        assert isinstance(labels_from(values), Exact)
        return
    with pytest.raises(InputError, match=rf"{len(values)} different numbers.*--task regression or --task classes"):
        labels_from(values)
    assert isinstance(labels_from(values, "classes"), Exact)
    assert isinstance(labels_from(values, "regression"), Values)


@pytest.mark.parametrize("kind", [None, "regression"])
def test_an_infinite_number_is_named(kind: Any) -> None:
    with pytest.raises(InputError, match="record 3 has an infinite value"):
        labels_from([0.5, 1.5, None, float("-inf")], kind)


def test_labels_pass_through_and_must_match_in_number(records: Records) -> None:
    labels = Exact([0, 1, -1, -1])
    assert labels_of(labels, records) is labels
    with pytest.raises(InputError, match="there are 3 labels for 4 records"):
        labels_of(["a", "b", "a"], records)
    with pytest.raises(InputError, match="there are 2 labels for 4 records"):
        labels_of(Exact([0, 1]), records)


@pytest.mark.parametrize("shape", [(4, 1), (4, 2)])
def test_labels_of_several_columns_are_refused(records: Records, shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"labels have shape \(4, \d\); give one a record, or use tacit.labels.Exact"):
        labels_of(np.ones(shape, dtype=int), records)


def test_no_labels_point_to_embedding(records: Records) -> None:
    with pytest.raises(InputError, match="tacit embed"):
        labels_of(None, records)
    with pytest.raises(InputError, match=r"no record has a label.*tacit embed"):
        require_usable(labels_from([None, None]))


def test_one_class_is_refused_by_name_and_two_are_enough() -> None:
    with pytest.raises(InputError, match="all 2 labels are of one class, 'cat'"):
        require_usable(labels_from(["cat", None, "cat"]))
    with pytest.raises(InputError, match="one class, 'dog'"):
        require_usable(Exact.from_values(["dog"], ["cat", "dog"]))
    require_usable(labels_from(["cat", "dog"]))
    require_usable(Values([1.0]))


HOSTILE = ["<script>alert('1')</script>", "two\nlines", 'a "quoted", comma', "ünïcödé 漢字 \U0001f408", "a;b\tc"]


def test_a_file_brings_names_back_whatever_they_hold(tmp_path: Path) -> None:
    records = tacit.read([f"text {i}" for i in range(12)])
    labels = Exact.from_values([*HOSTILE, None, *HOSTILE, None])
    labels.to_file(tmp_path / "labels.csv", records.ids)
    assert classes(tacit.read_labels(tmp_path / "labels.csv", records)) == classes(labels)


def test_a_file_brings_numbers_back_to_the_last_bit(records: Records, tmp_path: Path) -> None:
    labels = Values([1 / 3, np.nan, -1e-300, 12345678901234567.0])
    labels.to_file(tmp_path / "labels.csv", records.ids)
    back = tacit.read_labels(tmp_path / "labels.csv", records, kind="regression")
    assert isinstance(back, Values)
    np.testing.assert_array_equal(back.v, labels.v)


@pytest.mark.parametrize("name", ["NA", "None", "?", " spaced"])
def test_a_name_that_a_file_would_lose_is_refused(records: Records, tmp_path: Path, name: str) -> None:
    labels = Exact([0, 1, -1, -1], ["fine", name])
    with pytest.raises(InputError, match="cannot hold the class name"):
        labels.to_file(tmp_path / "labels.csv", records.ids)
    assert not list(tmp_path.iterdir())


def test_files_align_by_id_in_any_order(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n2,b\n0,a\n3,\n", encoding="utf-8")
    assert classes(labels_of(path, records)) == (("a", "b"), [0, -1, 1, -1])
    assert classes(labels_of(str(path), records)) == (("a", "b"), [0, -1, 1, -1])
    with pytest.raises(InputError, match=r"labels.csv.*has no column 'lable'. Did you mean 'label'"):
        tacit.read_labels(path, records, target="lable")


def test_a_column_of_several_labels_is_written_as_one_column_each(records: Records, tmp_path: Path) -> None:
    Exact(np.array([[1, 0], [0, -1], [-1, -1], [1, 1]]), ["red", "big"]).to_file(tmp_path / "m.csv", records.ids)
    assert (tmp_path / "m.csv").read_text(encoding="utf-8").split() == ["id,red,big", "0,1,0", "1,0,", "2,,", "3,1,1"]
