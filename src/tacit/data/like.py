"""Reading more of what a model was made with: its own schema decides, not what a few new rows look like."""

from __future__ import annotations

import os
from typing import Any

from tacit.data.read import read
from tacit.data.records import Records
from tacit.data.sources.ask import Ask
from tacit.data.sources.columns import RawTable, tells_apart
from tacit.data.sources.files import TABLE_SUFFIXES, existing, suffix


def read_like(source: Any, schema: dict[str, Any], modality: str, *, id: str | None = None) -> Records:
    """`tacit.read`, with tables read by the kinds of ``schema``: a single row, where every column is constant, will do.

    Ids come from the column ``id``, else from the one that the schema names, where its cells are there and all
    different. Columns that the schema does not know stay side columns. Bad input is an `InputError` as in `tacit.read`.
    """
    raw = _raw_table(source)
    if raw is None:
        return read(source, modality, id=id, bag=_bag_column(source, schema)).conform(schema)
    names = raw.table.column_names
    known = schema.get("id", "")
    if id is None and known in names and tells_apart(raw, known):
        id = known
    if modality == "table":
        from tacit.data.sources.tables import TableSource

        return Records(TableSource(raw, id=id, kinds=schema["columns"]))
    if modality == "set":
        from tacit.data.sources.sets import SetTable

        return Records(SetTable(raw, bag=schema.get("bag"), kinds=schema["columns"]))
    from tacit.data.sources.looking import from_raw

    text = tuple(schema.get("columns", ())) if modality == "text" else ()
    path = schema.get("path") if modality == "image" else None
    ask = Ask(modality, id, (), text if {*text} <= {*names} else (), path if path in names else None)
    return Records(from_raw(raw, ask)).conform(schema)


def _bag_column(source: Any, schema: dict[str, Any]) -> str | None:
    """The column of bags that the schema names; None for arrays, which have no columns."""
    rows = isinstance(source, list | tuple) and len(source) > 0 and isinstance(source[0], dict)
    return schema.get("bag") if rows or isinstance(source, str | os.PathLike) else None


def _raw_table(source: Any) -> RawTable | None:
    """The cells of a table file or data frame; None for what has no named columns."""
    if isinstance(source, str | os.PathLike):
        path = existing(source)
        if path.is_dir() or suffix(path) not in TABLE_SUFFIXES:
            return None
        from tacit.data.sources.tabular import load

        return load(path)
    from tacit.data.sources.frames import from_frame

    frame = from_frame(source)
    return frame if isinstance(frame, RawTable) else None
