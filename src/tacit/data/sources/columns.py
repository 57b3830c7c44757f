"""Cells of a raw table: what is missing, plain values, ids, and errors that name the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tacit.data.sources.files import listed, objects
from tacit.errors import InputError
from tacit.listing import nearest

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "None", "null", "NULL", "<NA>", "?")
"""Cells that stand for a missing value, after spaces around them are taken off."""

NUMBER = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)$"
CODE = r"^[+-]?0\d"
"""Digits with leading zeros are a code (a postcode, an account), no number."""

_INTEGER = r"^[+-]?\d{1,18}$"


@dataclass(frozen=True)
class RawTable:
    """A table as it was found: columns of text, int64, float64, bool or timestamp[us], null where missing.

    ``name`` for messages; ``where(i)`` says where row i stands in the file ("row 3"); ``digest`` is the
    SHA-256 of what was read; ``named`` is False for a bare array whose columns only have made-up names.
    """

    table: pa.Table
    name: str
    digest: str
    where: Callable[[int], str]
    root: Path | None = None
    named: bool = True

    def column(self, name: str) -> pa.ChunkedArray:
        """A column; an unknown name is an `InputError` with the nearest."""
        self.check([name])
        return self.table.column(name)

    def check(self, names: Sequence[str]) -> None:
        """An `InputError` for the first name that is no column."""
        for name in names:
            if name not in self.table.column_names:
                raise InputError(f"{self.name} has no column {name!r}. {nearest(name, self.table.column_names)}")

    def cell(self, row: int, name: str) -> str:
        """Names one cell in a message."""
        return f"{self.name}, {self.where(row)}, column {name!r}"


class Columns(Mapping[str, NDArray[np.object_]]):
    """Every column of a table as plain values, made when asked for."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._made: dict[str, NDArray[np.object_]] = {}

    def __getitem__(self, name: str) -> NDArray[np.object_]:
        if name not in self._made:
            if name not in self._table.column_names:
                raise KeyError(name)
            self._made[name] = plain(self._table.column(name))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_columns)


def is_text(column: pa.ChunkedArray) -> bool:
    """Whether the cells are strings."""
    return bool(pa.types.is_string(column.type))


def trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column without spaces around cells, null where the cell stands for a missing value."""
    stripped = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(stripped, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), stripped)


def matches(column: pa.ChunkedArray, pattern: str) -> bool:
    """Whether every cell that is not null matches; a look at the first few spares most columns the rest."""
    if pc.all(pc.match_substring_regex(column.slice(0, 20), pattern)).as_py() is False:
        return False
    return pc.all(pc.match_substring_regex(column, pattern)).as_py() is not False


def to_float(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text that matches `NUMBER` as float64."""
    return pc.cast(pc.replace_substring_regex(column, r"^\+", ""), pa.float64())


def plain(column: pa.ChunkedArray) -> NDArray[np.object_]:
    """(rows,) Python values, None where missing.

    A text column becomes int or float where every known cell is a number without leading zeros, else its
    cells stay as they are but for spaces around them; dates become ISO text.
    """
    if is_text(column):
        known = trimmed(column)
        if pc.any(pc.match_substring_regex(known, CODE)).as_py() or known.null_count == len(known):
            pass
        elif matches(known, _INTEGER):
            return objects([None if v is None else int(v) for v in known.to_pylist()])
        elif matches(known, NUMBER) and (floats := to_float(known)) and _finite(floats):
            return objects(floats.to_pylist())
        return objects(known.to_pylist())
    if pa.types.is_timestamp(column.type):
        return objects([None if v is None else v.isoformat() for v in column.to_pylist()])
    return objects(column.to_pylist())


def _finite(column: pa.ChunkedArray) -> bool:
    return pc.all(pc.is_finite(column)).as_py() is not False


def cell_texts(column: pa.ChunkedArray) -> list[str | None]:
    """Cells as trimmed text, None where missing; whole floats lose their ``.0``."""
    if is_text(column):
        return list(trimmed(column).to_pylist())
    return [None if v is None else _text(v) for v in plain(column).tolist()]


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def id_cells(column: pa.ChunkedArray) -> list[str | None]:
    """Cells as ids: like `cell_texts`, but only an empty cell is missing ("NA" may well be an id)."""
    if is_text(column):
        return [cell or None for cell in pc.utf8_trim_whitespace(column).to_pylist()]
    return cell_texts(column)


def ids_of(raw: RawTable, name: str | None) -> tuple[tuple[str, ...], str | None]:
    """Ids and the column they are from: ``name``, else a column called id that is unique, else row numbers.

    In a column that was asked for, a missing or repeated id is an `InputError` that names the rows.
    """
    if name is not None:
        cells = id_cells(raw.column(name))
        if None in cells:
            raise InputError(f"{raw.cell(cells.index(None), name)}: the id is missing. Every record needs one.")
        ids = tuple(str(cell) for cell in cells)
        check_unique(ids, raw, name)
        return ids, name
    for candidate in raw.table.column_names:
        if raw.named and candidate.strip().lower() == "id" and tells_apart(raw, candidate):
            return tuple(map(str, id_cells(raw.table.column(candidate)))), candidate
    return tuple(str(i) for i in range(raw.table.num_rows)), None


def require_columns(raw: RawTable, names: Sequence[str]) -> None:
    """An `InputError` that names every column that a model reads and the table does not have."""
    known = raw.table.column_names
    missing = [name for name in names if name not in known]
    if len(missing) == 1:
        hint = nearest(missing[0], known)
        raise InputError(f"{raw.name} has no column {missing[0]!r}, which the model reads. {hint}")
    if missing:
        which = listed([repr(name) for name in missing], 8)
        raise InputError(f"{raw.name} has no columns {which}, which the model reads. It has: {listed(known, 20)}.")


def id_entry(column: str | None) -> dict[str, str]:
    """What a schema keeps of the column of ids, so that later data is read by it too."""
    return {} if column is None else {"id": column}


def tells_apart(raw: RawTable, name: str) -> bool:
    """Whether the cells of a column could be ids: none is missing, none occurs twice."""
    cells = id_cells(raw.table.column(name))
    return None not in cells and len(set(cells)) == len(cells)


def check_unique(ids: Sequence[str], raw: RawTable, column: str) -> None:
    """An `InputError` that names the first id that occurs twice, and both rows."""
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if name in first:
            raise InputError(
                f"{raw.name}, column {column!r}: the id {name!r} occurs twice, in {raw.where(first[name])} "
                f"and {raw.where(row)}. Ids must be unique; remove one or choose another id column."
            )
        first[name] = row
