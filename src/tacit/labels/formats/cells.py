"""What tables of labels are made of: ids, class names, numbers, yes and no; and what would not survive in a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable, id_cells, plain
from tacit.data.sources.files import listed
from tacit.errors import InputError
from tacit.labels.exact import sort_names
from tacit.labels.given import marks_unknown, numbers_in
from tacit.labels.ids import Place, match_ids
from tacit.labels.json_text import encodable
from tacit.labels.read import ID_NAMES, named_column
from tacit.labels.values_io import is_unknown, label_text, positions, write_table
from tacit.listing import nearest

ITEM_NAMES = ("task", "item", *ID_NAMES)
_WORDS = {"1": 1, "true": 1, "yes": 1, "0": 0, "false": 0, "no": 0, "-1": -1}


def id_column(raw: RawTable, names: Sequence[str] = ID_NAMES) -> str:
    """The column of ids, one of ``names``; none is an `InputError`."""
    found = named_column(raw.table.column_names, names)
    if found is None:
        have = listed(raw.table.column_names, 8)
        raise InputError(f"{raw.name} has no column of ids (called {', '.join(names[:3])}, ...); it has: {have}.")
    return found


def required(raw: RawTable, *names: str) -> str:
    """The column called by one of ``names``; none is an `InputError`."""
    found = named_column(raw.table.column_names, names)
    if found is None:
        raise InputError(f"{raw.name} has no column {names[0]!r}; it has: {listed(raw.table.column_names, 8)}.")
    return found


def record_of(raw: RawTable, column: str, records: Records) -> NDArray[np.int64]:
    """(rows,) the record that each id names."""
    return np.array(match_ids(id_cells(raw.column(column)), records, Place.column(raw, column)), dtype=np.int64)


def names_in(raw: RawTable, column: str) -> list[str]:
    """(rows,) names of annotators, bags, nodes: text, whatever it is; an empty cell is an `InputError`."""
    cells = id_cells(raw.column(column))
    if None in cells:
        raise InputError(f"{raw.cell(cells.index(None), column)} is empty; give a name.")
    return [str(cell) for cell in cells]


def class_texts(values: Sequence[Any]) -> list[str | None]:
    """Names of classes from plain values, None where unknown: empty, and -1 among whole numbers from 0 on."""
    numbers = numbers_in(values)
    unknown = marks_unknown(set(numbers.values()))
    return [
        None if is_unknown(value) or (unknown and numbers.get(row) == -1) else label_text(value)
        for row, value in enumerate(values)
    ]


def numbered(
    texts: Sequence[str | None], classes: Sequence[str] | None, cell: Callable[[int], str]
) -> tuple[NDArray[np.int64], list[str]]:
    """(rows,) class numbers, -1 where unknown, and the names: ``classes``, else all there are, sorted.

    A class that is none of ``classes`` is an `InputError` that begins with ``cell(row)``.
    """
    names = sort_names({text for text in texts if text is not None}) if classes is None else list(classes)
    number = positions(names)
    for row, text in enumerate(texts):
        if text is not None and text not in number:
            raise InputError(f"{cell(row)}: {text!r} is none of the classes. {nearest(text, names)}")
    return np.array([-1 if text is None else number[text] for text in texts], dtype=np.int64), names


def numbers(raw: RawTable, column: str) -> NDArray[np.float64]:
    """(rows,) numbers, NaN where missing; text is an `InputError` that names the cell."""
    values = plain(raw.column(column)).tolist()
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            try:
                found[row] = float(value)
            except (TypeError, ValueError):
                raise InputError(f"{raw.cell(row, column)}: {value!r} is no number.") from None
    return found


def truths(raw: RawTable, column: str) -> NDArray[np.int64]:
    """(rows,) 1 for yes, 0 for no, -1 where unknown, from 1 and 0, true and false, or yes and no."""
    values = plain(raw.column(column)).tolist()
    found = np.full(len(values), -1, dtype=np.int64)
    for row, value in enumerate(values):
        word = "-1" if value is None else label_text(value).lower()
        if word not in _WORDS:
            raise InputError(f"{raw.cell(row, column)}: {value!r} is neither yes nor no; write 1 or 0.")
        found[row] = _WORDS[word]
    return found


def once(record: NDArray[np.int64], records: Records, name: str, where: Callable[[int], str]) -> None:
    """`InputError` that names two rows that speak of one record."""
    first: dict[int, int] = {}
    for row, found in enumerate(record.tolist()):
        earlier = first.setdefault(found, row)
        if earlier != row:
            raise InputError(
                f"{name}: {where(earlier)} and {where(row)} both speak of {records.ids[found]!r}. Keep one of them."
            )


def grid(raw: RawTable, columns: Sequence[str], records: Records, record: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, columns) the numbers of each record, NaN where nothing is said; a record is in one row at most."""
    once(record, records, raw.name, raw.where)
    cells = np.full((len(records), len(columns)), np.nan)
    for c, column in enumerate(columns):
        cells[record, c] = numbers(raw, column)
    return cells


def others(raw: RawTable, *taken: str | None) -> list[str]:
    """All columns but these."""
    return [name for name in raw.table.column_names if name not in taken]


def write_cells(path: Path, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    """A CSV of ``columns`` under ``names``; a name that would be read as another is an `InputError`."""
    for name in names:
        if not name or name != name.strip() or set(name) & set("\r\n\t;|\0") or not encodable(name):
            raise InputError(f"a table cannot have a column for the name {name!r}; write JSON lines (.jsonl)")
    write_table(path, names, zip(*columns, strict=True))


def keeps_ids(ids: Sequence[str]) -> Sequence[str]:
    """The ids; one that would be read as another from a cell is an `InputError`."""
    return _kept(ids, lambda cells: id_cells(pa.chunked_array([pa.array(cells, pa.string())])), "the id or name")


def keeps_classes(names: Sequence[str]) -> Sequence[str]:
    """Class names as they stand in the cells of a column; one that would be read as another is an `InputError`."""

    def read(cells: Sequence[str]) -> Sequence[Any]:
        return class_texts(plain(pa.chunked_array([pa.array(cells, pa.string())])).tolist())

    return _kept(names, read, "the class name")


def _kept(cells: Sequence[str], read: Callable[[Sequence[str]], Sequence[Any]], what: str) -> Sequence[str]:
    for cell in cells:
        if "\0" in cell or not encodable(cell):
            raise InputError(f"a table cannot hold {what} {cell!r}; write JSON lines (.jsonl)")
    for cell, again in zip(cells, read(cells), strict=True):
        if cell != again:
            said = "nothing" if again is None else repr(again)
            raise InputError(f"a table cannot hold {what} {cell!r}, which would be read as {said}; write JSON lines")
    return cells
