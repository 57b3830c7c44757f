"""Raw label values: what counts as unknown, how a value is named, and how labels are written."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from tacit.data.atomic import atomic_write
from tacit.errors import InputError


def is_unknown(value: Any) -> bool:
    """None, NaN, pandas' NA and blank text are unknown."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return type(value).__name__ in ("NAType", "NaTType")


def label_text(value: Any) -> str:
    """The class name of a raw value: whole floats lose their ``.0``, so 3 and 3.0 are one class."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def positions(names: Sequence[str]) -> dict[str, int]:
    """Where each name stands."""
    return {name: place for place, name in enumerate(names)}


def record_at(row: Mapping[str, Any], number: int, place: Mapping[str, int]) -> int:
    """Where the record stands that row ``number`` names in its field ``id``, among those in ``place``."""
    name = cell(row, number, "id")
    if not isinstance(name, str) or name not in place:
        raise InputError(f"no record has the id {name!r} (row {number})")
    return place[name]


def cell(row: Mapping[str, Any], number: int, field: str) -> Any:
    """What row ``number`` has in ``field``; an `InputError` where it has no such field."""
    if not isinstance(row, Mapping) or field not in row:
        raise InputError(f"row {number} has no field {field!r}; write it")
    return row[field]


def number_in(row: Mapping[str, Any], number: int, field: str) -> float:
    """The number that row ``number`` has in ``field``; anything else is an `InputError`."""
    found = cell(row, number, field)
    if isinstance(found, bool) or not isinstance(found, Real):
        raise InputError(f"row {number} has {found!r} in the field {field!r}, which is no number")
    return float(found)


def write_labels(path: Path, ids: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> None:
    """A CSV of ``id`` and the columns, empty where unknown; written atomically."""
    rows = ([id_, *(c[row] for c in columns.values())] for row, id_ in enumerate(ids))
    write_table(path, ["id", *columns], rows)


def write_table(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV with a column for each of ``names``, cells of None left empty; written atomically."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    atomic_write(path, text.getvalue())
