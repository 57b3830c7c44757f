"""Data sets of Hugging Face, laid out as their library writes them (checked against its version 5.2.0)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from numpy.testing import assert_array_equal

import tacit
from tacit.data.records import Records
from tacit.data.sources.texts import TextList
from tacit.errors import InputError
from tacit.labels import Exact, Values
from tacit.labels.formats import read_labels_file, write_labels_file
from tacit.labels.formats.base import formats
from tacit.labels.formats.look import Look

NAMES = ["neg", "pos", "größer"]
LABEL = {"names": NAMES, "_type": "ClassLabel"}
TEXT = {"dtype": "string", "_type": "Value"}
FEATURES = {"text": TEXT, "label": LABEL}


def named(*ids: str) -> Records:
    return Records(TextList(["text"] * len(ids), ids=ids))


def table(features: dict[str, Any] | None = FEATURES, **columns: Any) -> pa.Table:
    found = pa.table(columns or {"text": ["a", "b", "c", "d"], "label": pa.array([2, -1, 0, None], pa.int64())})
    if features is None:
        return found
    return found.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def saved(folder: Path, *shards: pa.Table, state: dict[str, Any] | None = None) -> Path:
    """A folder as ``save_to_disk`` leaves it."""
    folder.mkdir()
    files = [f"data-{k:05}-of-{len(shards):05}.arrow" for k in range(len(shards))]
    for name, shard in zip(files, shards, strict=True):
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, shard.schema) as stream:
            stream.write_table(shard)
    whole = {"_data_files": [{"filename": name} for name in files], "_split": None} | (state or {})
    (folder / "state.json").write_text(json.dumps(whole), encoding="utf-8")
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}), encoding="utf-8")
    return folder


def in_parquet(path: Path, content: pa.Table) -> Path:
    pa.parquet.write_table(content, path)
    return path


def recognised(path: Path) -> list[str]:
    return [name for name, found in formats().items() if found.recognises(Look(path))]


@pytest.mark.parametrize("features", [FEATURES, None], ids=["in the metadata", "in dataset_info.json"])
def test_a_saved_folder_in_two_files(tmp_path: Path, features: Any) -> None:
    whole = table(features)
    path = saved(tmp_path / "d", whole.slice(0, 3), whole.slice(3))
    assert recognised(path) == ["huggingface"]
    labels = tacit.read_labels(path, named(*"wxyz"))
    assert isinstance(labels, Exact)
    assert (labels.task.names, labels.y.tolist()) == (tuple(NAMES), [2, -1, 0, -1])


def test_parquet_is_recognised_by_its_metadata(tmp_path: Path) -> None:
    path = in_parquet(tmp_path / "d.parquet", table())
    assert recognised(path) == ["huggingface"]
    assert tacit.read_labels(path, named(*"wxyz")).y.tolist() == [2, -1, 0, -1]  # type: ignore[attr-defined]
    assert recognised(in_parquet(tmp_path / "p.parquet", table(None))) == []
    assert recognised(in_parquet(tmp_path / "q.parquet", table({"text": TEXT}))) == []


def test_ids_and_several_labels(tmp_path: Path) -> None:
    for feature in ({"feature": LABEL, "_type": "Sequence"}, {"feature": LABEL, "_type": "List"}, [LABEL]):
        content = table({"id": TEXT, "tags": feature}, id=["y", "x", "ß"], tags=[[0, 2], [], None])
        path = in_parquet(tmp_path / "d.parquet", content)
        labels = tacit.read_labels(path, named("x", "y", "z", "ß"))
        assert_array_equal(labels.y, [[0, 0, 0], [1, 0, 1], [-1, -1, -1], [-1, -1, -1]])  # type: ignore[attr-defined]
        ordered = tacit.read_labels(path, named("x", "y", "z", "ß"), classes=["größer", "neg"])
        assert_array_equal(ordered.y[1], [1, 1])  # type: ignore[attr-defined]


def test_columns_without_class_labels(tmp_path: Path) -> None:
    path = saved(tmp_path / "d", table(FEATURES, text=["a", "b"], label=[1, 0], score=[0.5, 2.5], tone=["x", None]))
    assert isinstance(tacit.read_labels(path, named("u", "v"), target="score", kind="regression"), Values)
    assert tacit.read_labels(path, named("u", "v"), target="tone").y.tolist() == [0, -1]  # type: ignore[attr-defined]
    ordered = tacit.read_labels(path, named("u", "v"), classes=["größer", "pos", "neg"])
    assert (ordered.task.names, ordered.y.tolist()) == (("größer", "pos", "neg"), [1, 2])  # type: ignore[attr-defined, union-attr]


def test_what_is_written_has_the_metadata_of_a_class_label(tmp_path: Path) -> None:
    write_labels_file(tmp_path / "l.parquet", Exact(np.array([2, -1]), NAMES), ["ü", "b"])
    features = json.loads(pa.parquet.read_schema(tmp_path / "l.parquet").metadata[b"huggingface"])["info"]["features"]
    assert features == {"id": TEXT, "label": LABEL}


def content(*labels: Any, features: Any = FEATURES, **columns: Sequence[Any]) -> Any:
    return lambda folder: saved(folder, table(features, label=list(labels), **columns))


def garbled(folder: Path) -> Path:
    saved(folder, table())
    (folder / "data-00000-of-00001.arrow").write_bytes(b"nonsense")
    return folder


def state(**entries: Any) -> Any:
    return lambda folder: saved(folder, table(), state=entries)


def dictionary(folder: Path) -> Path:
    folder.mkdir()
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}', encoding="utf-8")
    saved(folder / "train", table())
    saved(folder / "test", table())
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            content(0, 1, 3, 0),
            r"d, row 2, counting from 0, column 'label': 3 is no number of a class; they go from 0 to 2",
        ),
        (
            content("neg", "pos", "pos", "neg"),
            r"d, row 0, counting from 0, column 'label': 'neg' is no number of a class",
        ),
        (content([0], [-1], [1], []), r"d, row 1, counting from 0, column 'label': -1 is no number"),
        (content(0, 1, 1), r"d has 3 rows and no column of ids, but there are 4 records"),
        (content(0, 1, id=["w", "q"]), r"d, column 'id': no record has the id 'q' \(row 1"),
        (content(0, 1, id=["w", "w"]), r"d: row 0, counting from 0 and row 1, counting from 0 both speak of 'w'"),
        (
            content(0, features={"label": LABEL | {"names": ["a", "a"]}}),
            r"d, column 'label': its ClassLabel does not name",
        ),
        (content(0, features={"label": LABEL | {"names": None}}), r"d, column 'label': its ClassLabel does not name"),
        (
            lambda f: saved(f, table(None, one=[1], two=[2])),
            r"d: which column is the label: one, two\? Name the target",
        ),
        (lambda f: saved(f, table(), table(None, other=[1])), r"d: its files have different columns"),
        (lambda f: saved(f), r"d, state.json names no data files"),
        (garbled, r"d, data-00000-of-00001.arrow is no readable Arrow file"),
        (state(_data_files=3), r"d, state.json: expected an object with _data_files"),
        (state(_data_files=[{"filename": "../x.arrow"}]), r"d, state.json: there is no data file '../x.arrow'"),
        (state(_data_files=[7]), r"d, state.json: there is no data file null"),
        (state(_indices_data_files=[{"filename": "i.arrow"}]), r"d was saved with an index.*flatten_indices"),
        (dictionary, r"d holds no state.json; give the folder of one split \(test, train\)"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels_file(make(tmp_path / "d"), named(*"wxyz"), kind="huggingface")


def test_metadata_and_parquet_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"d.parquet is no readable Parquet file"):
        read_labels_file(tmp_path / "d.parquet", named("a"), kind="huggingface")
    for text, message in (("{", "no valid JSON"), ('{"info": NaN}', "NaN is no JSON")):
        bad = table().replace_schema_metadata({"huggingface": text})
        with pytest.raises(InputError, match=rf"e.parquet, metadata: {message}"):
            read_labels_file(in_parquet(tmp_path / "e.parquet", bad), named("a"), kind="huggingface")
    with pytest.raises(InputError, match=r"e.parquet has no column 'tone'"):
        read_labels_file(in_parquet(tmp_path / "e.parquet", table()), named(*"wxyz"), kind="huggingface", target="tone")
