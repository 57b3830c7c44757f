"""What objects of JSON are made of: ids, lists of classes, shares; errors name the line and the field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.ids import Place, match_ids
from tacit.labels.json_text import Rows, encodable, said
from tacit.labels.read import ID_NAMES, named_column
from tacit.labels.values_io import label_text


def records_of(rows: Rows, records: Records) -> NDArray[np.int64]:
    """(rows,) the record that each object names, by a field called id or the like."""
    field = named_column(list(rows.objects[0]), ID_NAMES)
    if field is None:
        raise InputError(f"{rows.name}, {rows.where(0)}: no field is called id.")
    place = Place(rows.name, f"field {field!r}", rows.where)
    ids = [None if row.get(field) is None else name_of(row[field], place.cell(k)) for k, row in enumerate(rows.objects)]
    return np.array(match_ids(ids, records, place), dtype=np.int64)


def name_of(value: Any, where: str) -> str:
    """An id or a class as text, from text, a number, or yes and no; else an `InputError`."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float):
        return label_text(value)
    raise InputError(f"{where}: expected a name, found {said(value)}.")


def names_of(value: Any, where: str) -> list[str]:
    """A list of names."""
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list of names, found {said(value)}.")
    return [name_of(entry, where) for entry in value]


def shares_of(value: Any, where: str) -> dict[str, float]:
    """Numbers by name."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object of a number for each class, found {said(value)}.")
    for name, share in value.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise InputError(f"{where}: expected a number for {name!r}, found {said(share)}.")
    return {name: float(share) for name, share in value.items()}


def field_of(rows: Rows, name: str) -> tuple[Sequence[Any], Place]:
    """The values of a field, None where it is missing, and where they stand."""
    return [row.get(name) for row in rows.objects], Place(rows.name, f"field {name!r}", rows.where)


def keeps_names(names: Iterable[str], title: str) -> None:
    """`InputError` for a name that a file of this ``title`` would not give back: empty, or no text."""
    if lost := [name for name in names if not name or not encodable(name)]:
        raise InputError(f"{title} cannot hold the name {lost[0]!r}; write JSON lines (a name that ends in .jsonl)")
