"""Bags read from tables, arrays and npz files: which rows go together, what is a feature, and errors by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tacit
from tacit.data.like import read_like
from tacit.data.records import concatenate
from tacit.errors import InputError


def frame() -> pd.DataFrame:
    """Three bags whose rows are mixed: b has rows 0 and 3, a has 1, 2 and 5, c has 4."""
    return pd.DataFrame(
        {
            "molecule": ["b", "a", "a", "b", "c", "a"],
            "x": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0],
            "y": [10, 20, 30, 40, 50, 60],
            "active": ["no", "yes", "yes", "no", "yes", "yes"],
            "shape": ["p", "q", "q", "r", "q", "p"],
        }
    )


def csv(folder: Path, **changes: Any) -> Path:
    path = folder / "molecules.csv"
    frame().assign(**changes).to_csv(path, index=False)
    return path


def read(source: Any, **options: Any) -> tacit.Records:
    return tacit.read(source, modality="set", bag="molecule", **options)


def test_rows_of_a_bag_are_one_record_in_the_order_of_first_rows(tmp_path: Path) -> None:
    for source in (frame(), csv(tmp_path), frame().to_dict("records")):
        records = read(source, exclude=["active"])
        assert records.ids == ("b", "a", "c")
        np.testing.assert_array_equal(records[0], [[1, 10], [4, 40]])
        np.testing.assert_array_equal(records[1], [[2, 20], [np.nan, 30], [6, 60]])
        np.testing.assert_array_equal(records.take([2])[0], [[5, 50]])
        assert records.column("active").tolist() == ["no", "yes", "yes"]
    assert "3 bags of 1 to 3 instances" in records.description
    assert "left out: active (kept aside), shape (holds no numbers)" in records.description.replace(
        "it was ", ""
    ).replace("it ", "")


def test_naming_the_column_of_bags_says_the_modality(tmp_path: Path) -> None:
    assert tacit.read(csv(tmp_path), bag="molecule").modality == "set"
    renamed = frame().rename(columns={"molecule": "Bag"})
    assert tacit.read(renamed, modality="set").ids == ("b", "a", "c")
    with pytest.raises(InputError, match="--bag is for modality 'set', but 'table' was asked for"):
        tacit.read(csv(tmp_path), modality="table", bag="molecule")
    with pytest.raises(InputError, match="--id names 'x', but the ids of bags"):
        read(csv(tmp_path), id="x")
    with pytest.raises(InputError, match="--bag names a column of a table, but a list has no columns"):
        read([np.zeros((2, 3))])


def test_a_value_that_differs_within_a_bag_names_the_bag_and_both_rows(tmp_path: Path) -> None:
    records = read(csv(tmp_path, active=["no", "yes", "yes", "no", "yes", "no"]), exclude=["active"])
    with pytest.raises(
        InputError, match=r"molecules.csv, bag 'a': the column 'active' is 'yes' in row 3 and 'no' in row 7"
    ):
        records.column("active")
    with pytest.raises(InputError, match="bag 'b': the column 'shape'"):
        records.column("shape")


def test_bad_cells_are_named_by_row_and_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"molecules.csv, row 4, column 'x': 'many' is no number.*--drop"):
        read(csv(tmp_path, x=["1", "2", "many", "4", "5", "6"]))
    with pytest.raises(InputError, match=r"row 5, column 'y': the number is infinite"):
        read(csv(tmp_path, y=[1.0, 2.0, 3.0, np.inf, 5.0, 6.0]))
    with pytest.raises(InputError, match=r"row 3, column 'molecule': the bag is missing"):
        read(csv(tmp_path, molecule=["b", None, "a", "b", "c", "a"]))
    assert read(csv(tmp_path, x=["1", "2", "many", "4", "5", "6"]), exclude=["x", "active"])[0].shape == (2, 1)


def test_bags_that_cannot_be_found_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"which column of molecules.csv says the bag of a row.*molecule, x, y"):
        tacit.read(csv(tmp_path), modality="set")
    with pytest.raises(InputError, match=r"no column 'molecul'. Did you mean 'molecule'"):
        tacit.read(csv(tmp_path), modality="set", bag="molecul")
    with pytest.raises(InputError, match="no column of numbers"):
        tacit.read(frame()[["molecule", "shape"]], modality="set", bag="molecule")


def test_arrays_in_memory_are_bags_where_that_is_said() -> None:
    bags = [np.arange(6.0).reshape(2, 3), np.ones((1, 3), dtype=int), [[1, None, True]]]
    records = tacit.read(bags, modality="set")
    assert records.ids == ("0", "1", "2")
    np.testing.assert_array_equal(records[2], [[1, np.nan, 1]])
    assert tacit.read(np.zeros((5, 4, 3)), modality="set")[4].shape == (4, 3)
    assert tacit.read([np.zeros((9, 9)), np.zeros((8, 8))]).modality == "image"


@pytest.mark.parametrize(
    ("bags", "words"),
    [
        ([np.ones((2, 3)), np.ones((0, 3))], "bag 1 has no instances"),
        ([np.ones((2, 3)), np.ones((2, 4))], "bag 1: its instances have 4 columns, those of bag 0 have 3"),
        ([np.ones((2, 3)), np.ones(3)], r"bag 1: its shape is \(3,\), and \(instances, columns\) is expected"),
        ([np.ones((2, 3, 3))], "Flatten every instance"),
        ([[[1.0, 2.0]], [[3.0, 4.0], [5.0, "five"]]], "bag 1, row 1, column 1: 'five' is no number"),
        ([np.array([[1.0, np.inf]])], "bag 0, row 0, column 1: the number is infinite"),
        (np.ones((4, 3)), r"shape \(4, 3\); bags are"),
    ],
)
def test_bad_arrays_are_named_by_bag(bags: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        tacit.read(bags, modality="set")


def test_later_data_is_read_by_the_columns_of_the_first(tmp_path: Path) -> None:
    first = read(csv(tmp_path), exclude=["active"])
    later = pd.DataFrame({"y": [1, 1], "extra": [0, 5], "molecule": ["z", "z"], "x": [2, 2]})
    records = read_like(later, first.schema, "set")
    assert records.ids == ("z",)
    np.testing.assert_array_equal(records[0], [[2, 1], [2, 1]])
    np.testing.assert_array_equal(read_like([np.ones((2, 2))], first.schema, "set")[0], 1)
    with pytest.raises(InputError, match=r"has no column 'y', which the model reads|no column 'y'"):
        read_like(later.drop(columns="y"), first.schema, "set")
    with pytest.raises(InputError, match="instances have 3 columns, the model reads 2"):
        read_like([np.ones((2, 3))], first.schema, "set")


def test_a_single_instance_can_be_asked_about(tmp_path: Path) -> None:
    schema = read(csv(tmp_path), exclude=["active"]).schema
    row = {"molecule": "z", "x": 2, "y": 1}
    for source in ([row], pd.DataFrame([row])):
        np.testing.assert_array_equal(read_like(source, schema, "set")[0], [[2, 1]])
    np.testing.assert_array_equal(read([row])[0], [[2, 1]])


def test_a_folder_of_one_table_is_that_table(tmp_path: Path) -> None:
    csv(tmp_path)
    assert read(tmp_path).ids == ("b", "a", "c")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("no table")
    with pytest.raises(InputError, match="holds no table of instances"):
        read(tmp_path / "empty")


def test_unlabelled_bags_join_the_labelled(tmp_path: Path) -> None:
    a = read(csv(tmp_path), exclude=["active"])
    b = read(frame().drop(columns="active").assign(molecule=list("uvvuwv")))
    both = concatenate(a, b)
    assert both.ids == ("b", "a", "c", "u", "v", "w")
    assert both.column("active").tolist() == ["no", "yes", "yes", None, None, None]
    np.testing.assert_array_equal(both.gather([4])[0], a[1])


def test_hashes_tell_bags_apart() -> None:
    rows = np.arange(8.0).reshape(4, 2)
    cut = [tacit.read([rows[:n], rows[n:]], modality="set") for n in (1, 2, 2)]
    assert cut[0].hash != cut[1].hash == cut[2].hash
    assert cut[0].content_hash() != cut[1].content_hash() == cut[2].content_hash()


def test_an_npz_file_says_the_bag_of_each_instance(tmp_path: Path) -> None:
    path = tmp_path / "bags.npz"
    x, bag = np.arange(10).reshape(5, 2), np.array([1, 0, 1, 2, 0])
    np.savez(path, X=x, bag=bag, y=np.array([7, 8, 9]), weight=np.arange(5))
    records = tacit.read(path, modality="set")
    assert records.ids == ("1", "0", "2")
    np.testing.assert_array_equal(records[0], x[[0, 2]])
    assert records.column("y").tolist() == [8, 7, 9]
    np.testing.assert_array_equal(tacit.read(path, bag="weight")[0], x[[0]])
    with pytest.raises(InputError, match=r"no array 'bags' that says the bag of an instance. Did you mean 'bag'"):
        tacit.read(path, bag="bags")
    with pytest.raises(InputError, match=r"'y' has shape \(3,\), but there are 5 instances"):
        tacit.read(path, bag="y")
