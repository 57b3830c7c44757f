"""Data sets of Hugging Face: a folder of ``save_to_disk``, or Parquet with their metadata; labels only."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
from numpy.typing import NDArray

from tacit.data.atomic import atomic_write
from tacit.data.records import Records
from tacit.data.sources.columns import RawTable, id_cells
from tacit.data.sources.files import listed
from tacit.data.sources.tabular import canonical
from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import class_texts, keeps_ids, once
from tacit.labels.formats.json_cells import keeps_names
from tacit.labels.formats.look import Look
from tacit.labels.given import labels_from, require_kind
from tacit.labels.ids import Place, match_ids
from tacit.labels.json_text import document, parse, said
from tacit.labels.read import ID_NAMES, LABEL_NAMES, named_column
from tacit.labels.values_io import positions
from tacit.listing import pick

_KEY = b"huggingface"
Names = tuple[str, ...]


class HuggingFace(Format):
    """One split. The label is ``target``, else a column of that name, else the only one of the type ClassLabel.

    Classes are in the order of the ClassLabel; -1 and null are unknown; a list of classes is several labels a record.
    Records are matched by a column of ids (called id, file or the like, of text or whole numbers), else by position.
    Recognised by ``state.json`` or ``dataset_dict.json`` in a folder, or a ClassLabel in a Parquet file's metadata.
    """

    name = "huggingface"
    title = "a Hugging Face data set"
    kind = "huggingface"
    tasks = ("classes", "regression")
    suffixes = (".parquet",)
    targeted = True

    def recognises(self, look: Look) -> bool:
        if look.folder:
            own = {"state.json", "dataset_dict.json"} & set(look.files)
            return bool(own) and any(name.endswith((".arrow", "dataset_info.json")) for name in look.files)
        if look.suffix != ".parquet" or look.parquet is None:
            return False
        return b"ClassLabel" in (look.parquet.metadata or {}).get(_KEY, b"")

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        table, features = _folder(look) if look.folder else _parquet(look)
        known = {name: names for name in table.column_names if (names := _names(features.get(name), name, look.name))}
        label = _label(table.column_names, known, look.name) if options.target is None else options.target
        ids = named_column([name for name in table.column_names if _is_id(table, name) and name != label], ID_NAMES)
        columns = [name for name in (ids, label) if name is not None and name in table.column_names]
        raw = RawTable(canonical(table.select(columns)), look.name, "", _row, root=look.path)
        raw.check([label])
        record = _records(raw, ids, records)
        once(record, records, look.name, _row)
        if label not in known:
            return _plain(table.column(label), record, records, options)
        return _classes(raw, table.column(label), label, known[label], record, records, options)

    def holds(self, labels: Labels) -> bool:
        if not isinstance(labels, Exact):
            return False
        known = labels.y.reshape(len(labels), -1) >= 0
        return bool((known.all(axis=1) | ~known.any(axis=1)).all())

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Exact)
        keeps_ids(ids)
        keeps_names(labels.task.names, self.title)
        label: dict[str, Any] = {"names": list(labels.task.names), "_type": "ClassLabel"}
        cells: Any = labels.y
        kind = pa.int64()
        if not isinstance(labels.task, Classes):
            label, kind = {"feature": label, "_type": "Sequence"}, pa.list_(pa.int64())
            cells = [None if (row < 0).any() else np.flatnonzero(row).tolist() for row in labels.y]
        features = {"id": {"dtype": "string", "_type": "Value"}, "label": label}
        table = pa.table({"id": pa.array(ids, pa.string()), "label": pa.array(cells, kind)})
        metadata = {_KEY: json.dumps({"info": {"features": features}})}
        buffer = io.BytesIO()
        pa.parquet.write_table(table.replace_schema_metadata(metadata), buffer)
        atomic_write(path, buffer.getvalue())


def _row(row: int) -> str:
    return f"row {row}, counting from 0"


def _parquet(look: Look) -> tuple[pa.Table, dict[str, Any]]:
    try:
        table = pa.parquet.read_table(look.path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{look.name} is no readable Parquet file: {error}.") from None
    return table, _features(table.schema, look.name)


def _folder(look: Look) -> tuple[pa.Table, dict[str, Any]]:
    if not (look.path / "state.json").is_file():
        splits = sorted({name.partition("/")[0] for name in look.files if name.endswith("/state.json")})
        raise InputError(
            f"{look.path} holds no state.json; give the folder of one split ({listed(splits) or 'none found'})"
        )
    state = document(look.path / "state.json")
    if not isinstance(state, dict) or not isinstance(state.get("_data_files"), list):
        raise InputError(f"{look.name}, state.json: expected an object with _data_files, found {said(state)}")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise InputError(f"{look.name} was saved with an index of its rows; save it again after flatten_indices()")
    tables = [_arrow(look, entry) for entry in state["_data_files"]]
    if not tables:
        raise InputError(f"{look.name}, state.json names no data files")
    try:
        table = pa.concat_tables(tables)
    except pa.ArrowException as error:
        raise InputError(f"{look.name}: its files have different columns: {error}.") from None
    features = _features(table.schema, look.name)
    info = look.path / "dataset_info.json"
    if not features and info.is_file():
        value = document(info)
        found = value.get("features") if isinstance(value, dict) else None
        features = found if isinstance(found, dict) else {}
    return table, features


def _arrow(look: Look, entry: Any) -> pa.Table:
    name = entry.get("filename") if isinstance(entry, dict) else None
    if not isinstance(name, str) or name not in look.files:
        raise InputError(f"{look.name}, state.json: there is no data file {said(name)} in the folder")
    try:
        data = pa.memory_map(str(look.path / name))
        try:
            return pa.ipc.open_stream(data).read_all()
        except pa.ArrowInvalid:
            return pa.ipc.open_file(data).read_all()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{look.name}, {name} is no readable Arrow file: {error}.") from None


def _features(schema: pa.Schema, name: str) -> dict[str, Any]:
    """The types of the columns, from the metadata of the schema."""
    text = (schema.metadata or {}).get(_KEY)
    if text is None:
        return {}
    value = parse(text.decode("utf-8", "replace"), f"{name}, metadata")
    for part in ("info", "features"):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _names(feature: Any, column: str, name: str) -> Names:
    """The classes of a column of ClassLabel, or of lists of it; none where it is of another type."""
    while isinstance(feature, dict | list) and not (isinstance(feature, dict) and feature.get("_type") == "ClassLabel"):
        feature = feature.get("feature") if isinstance(feature, dict) else (feature[0] if len(feature) == 1 else None)
    if not isinstance(feature, dict):
        return ()
    names = feature.get("names")
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(n, str) for n in names)
        or len(set(names)) < len(names)
    ):
        raise InputError(f"{name}, column {column!r}: its ClassLabel does not name every class once")
    return tuple(names)


def _label(columns: Sequence[str], known: dict[str, Names], name: str) -> str:
    found = named_column(columns, LABEL_NAMES) or (next(iter(known)) if len(known) == 1 else None)
    if found is None:
        raise InputError(f"{name}: which column is the label: {listed(list(known) or columns, 8)}? Name the target.")
    return found


def _is_id(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(pa.types.is_integer(kind)) or str(kind) in ("string", "large_string", "string_view")


def _records(raw: RawTable, ids: str | None, records: Records) -> NDArray[np.int64]:
    if ids is not None:
        cells = id_cells(raw.column(ids))
        return np.array(match_ids(cells, records, Place.column(raw, ids)), dtype=np.int64)
    if raw.table.num_rows != len(records):
        raise InputError(
            f"{raw.name} has {raw.table.num_rows} rows and no column of ids, but there are {len(records)} records; "
            "give equally many, or ids"
        )
    return np.arange(len(records), dtype=np.int64)


def _plain(column: pa.ChunkedArray, record: NDArray[np.int64], records: Records, options: Options) -> Labels:
    values: list[Any] = [None] * len(records)
    for place, value in zip(record.tolist(), column.to_pylist(), strict=True):
        values[place] = value
    if options.classes is not None:
        return Exact.from_values(class_texts(values), options.classes)
    return labels_from(values, require_kind(options.task))


def _classes(
    raw: RawTable, column: pa.ChunkedArray, label: str, names: Names, record: NDArray[np.int64], records: Records,
    options: Options,
) -> Labels:  # fmt: skip
    several = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    y = np.full((len(records), len(names)) if several else len(records), -1, dtype=np.int64)
    for row, value in enumerate(column.to_pylist()):
        cell = raw.cell(row, label)
        if not several:
            y[record[row]] = -1 if value is None or value == -1 else _number(value, len(names), cell)
        elif value is not None:
            y[record[row]] = 0
            y[record[row], [_number(entry, len(names), cell) for entry in value]] = 1
    if options.classes is None:
        return Exact(y, names)
    if several:
        place = positions(names)
        return Exact(y[:, [pick(name, place, "class") for name in options.classes]], options.classes)
    return Exact.from_values([None if c < 0 else names[c] for c in y.tolist()], options.classes)


def _number(value: Any, classes: int, where: str) -> int:
    if not isinstance(value, int) or not 0 <= value < classes:
        raise InputError(f"{where}: {value!r} is no number of a class; they go from 0 to {classes - 1}.")
    return value
