"""Records as a view: order, ids, hashes, columns, joining."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.data.read import read
from tacit.data.records import concatenate
from tacit.errors import InputError

TEXTS = [f"text number {i}" for i in range(7)]


@given(st.lists(st.integers(0, 6), max_size=10), st.integers(1, 8))
def test_taking_and_blocking_are_list_indexing(index: list[int], size: int) -> None:
    records = read(TEXTS).take(index)
    expected = [TEXTS[i] for i in index]
    assert records.gather() == expected
    assert [text for block in records.blocks(size) for text in block] == expected
    assert records.ids == tuple(str(i) for i in index)
    assert [records[i] for i in range(len(records))] == expected


@given(st.permutations(range(7)), st.lists(st.integers(0, 6), max_size=10))
def test_within_finds_each_record_by_its_id(order: list[int], index: list[int]) -> None:
    whole = read(TEXTS)
    pool = whole.take(order)
    found = whole.take(index).within(pool)
    assert found is not None
    assert pool.take(found).ids == tuple(str(i) for i in index)
    some = whole.take(order[:3])
    missing = any(i not in order[:3] for i in index)
    assert (whole.take(index).within(some) is None) == missing
    assert read(TEXTS).within(pool) is None  # the same texts of another source


def test_taking_twice_composes_and_masks_work() -> None:
    records = read(TEXTS).take([5, 3, 1]).take(np.array([True, False, True]))
    assert records.ids == ("5", "1")
    assert records.gather([1, 0]) == [TEXTS[1], TEXTS[5]]
    assert records[-1] == TEXTS[1]
    with pytest.raises(IndexError):
        records.take([True])
    with pytest.raises(IndexError):
        records[2]


def test_hash_knows_ids_order_and_bytes_but_content_hash_only_samples(tmp_path) -> None:
    records = read(TEXTS)
    assert records.hash == read(list(TEXTS)).hash
    assert records.hash != records.take([1, 0, 2, 3, 4, 5, 6]).hash
    assert records.hash != read([*TEXTS[:6], "other"]).hash
    folder = tmp_path / "texts"
    folder.mkdir()
    for i, text in enumerate(TEXTS):
        (folder / f"{i}.txt").write_text(text)
    assert read(folder).hash != records.hash
    assert read(folder).content_hash() == records.content_hash()


def test_content_hash_separates_shapes_and_does_not_depend_on_blocks(monkeypatch) -> None:
    a, b = np.zeros((2, 4, 6), np.uint8), np.zeros((2, 6, 4), np.uint8)
    assert read(a).content_hash() != read(b).content_hash()
    whole = read(TEXTS).content_hash()
    monkeypatch.setattr("tacit.data.records.Records.blocks.__defaults__", (2,))
    assert read(TEXTS).content_hash() == whole


def test_hash_of_a_table_changes_with_its_feature_columns(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n1,x,0\n2,y,1\n3,x,0\n")
    assert read(path).hash != read(path, exclude=["y"]).hash
    assert read(path, exclude=["y"]).hash == read(path, exclude=["y"]).hash


def test_concatenated_texts_keep_both_and_rename_taken_ids() -> None:
    both = concatenate(read(TEXTS[:3]), read(TEXTS[3:]))
    assert both.gather() == TEXTS
    assert both.ids == ("0", "1", "2", "unlabelled/0", "unlabelled/1", "unlabelled/2", "unlabelled/3")
    assert both.gather([6, 0, 3]) == [TEXTS[6], TEXTS[0], TEXTS[3]]


def test_concatenated_tables_take_the_kinds_of_the_first(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("id,age,job,y\na,1,x,0\nb,2.5,y,1\nc,,x,\n")
    # On its own this age would be constant and this job numeric.
    (tmp_path / "b.csv").write_text("id,job,age\nd,7,3\ne,8,3\n")
    both = concatenate(read(tmp_path / "a.csv", exclude=["y"]), read(tmp_path / "b.csv"))
    assert both.ids == ("a", "b", "c", "d", "e")
    table = both.gather([4, 1, 3])
    assert isinstance(table, pa.Table)
    assert table.to_pydict() == {"age": [3.0, 2.5, 3.0], "job": ["8", "y", "7"]}
    assert both.column("y").tolist() == [0, 1, None, None, None]


def test_concatenated_images_take_the_channels_of_the_first() -> None:
    grey, colour = np.full((2, 4, 4), 100, np.uint8), np.full((1, 4, 4, 3), 50, np.uint8)
    both = concatenate(read(grey), read(colour))
    assert [image.shape for image in both.gather()] == [(4, 4, 1)] * 3
    assert int(both[2][0, 0, 0]) == 50
    assert concatenate(read(colour), read(grey))[1].shape == (4, 4, 3)


def test_other_modalities_do_not_concatenate() -> None:
    with pytest.raises(InputError, match="modality 'image'"):
        concatenate(read(TEXTS), read(np.zeros((2, 4, 4), np.uint8)))


def test_unknown_column_suggests_the_nearest(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("colour,size\nred,1\nblue,2\n")
    with pytest.raises(InputError, match=r"no column 'color'.*Did you mean 'colour'"):
        read(tmp_path / "t.csv").column("color")


def test_samples_cannot_be_changed_through_records() -> None:
    image = read(np.zeros((2, 4, 4), np.uint8))[0]
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 1


def test_reading_does_not_import_torch() -> None:
    code = "import sys, tacit.data.read as r; r.read(['a b', 'c d']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
