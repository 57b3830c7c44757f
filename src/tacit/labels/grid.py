"""Evidence with a cell for every record, or pixel, and class: its numbers, its class names, and its table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.task import Classes, Masks, Task
from tacit.errors import InputError
from tacit.labels.values_io import write_labels

MOST_CELLS = 2**28
"""Cells of an array that a file may ask for before a row of it is read."""


def numbers(cells: Any, dense: bool = False) -> NDArray[np.float64]:
    """(n, C) float64 from numbers or booleans, None as NaN, or where ``dense`` may be, (n, height, width, C).

    Another shape or text is an `InputError`.
    """
    try:
        grid = np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the cells are not all numbers, or rows have different lengths; give (records, C)") from None
    if grid.ndim not in ((2, 4) if dense else (2,)) or not grid.shape[-1]:
        wanted = "(records, C) or (records, height, width, C)" if dense else "(records, C)"
        raise InputError(f"cells of records and classes have shape {grid.shape}; give {wanted}")
    return grid


def named_classes(count: int, names: Sequence[str] | None) -> Classes:
    """The task of ``count`` classes, named by their numbers where no names are given."""
    found = tuple(names) if names is not None else tuple(str(c) for c in range(count))
    if len(found) != count:
        raise InputError(f"{len(found)} class names for {count} columns; give one a column")
    if len(set(found)) != len(found):
        raise InputError("two classes have the same name")
    return Classes(found)


def task_of(cells: NDArray[Any], names: Sequence[str] | None) -> Classes | Masks:
    """The task of cells (n, C) or (n, height, width, C)."""
    classes = named_classes(cells.shape[-1], names)
    return classes if cells.ndim == 2 else Masks(classes.names, *cells.shape[1:3])


def pixels(task: Task) -> tuple[int, ...]:
    """(height, width) of a record's pixels; empty where the task is not of pixels."""
    return (task.height, task.width) if isinstance(task, Masks) else ()


def unknown(records: int, task: Classes | Masks, value: Any, dtype: Any, each: tuple[int, ...] = ()) -> NDArray[Any]:
    """An array of ``each`` for every site of the records, filled with ``value``; too large a one is an `InputError`."""
    shape = (records, *pixels(task), *each)
    if math.prod(shape) > MOST_CELLS:
        raise InputError(f"{' x '.join(f'{size:,}' for size in shape)} cells are more than can be held; mend the size")
    return np.full(shape, value, dtype=dtype)


def by_site(cells: NDArray[Any]) -> NDArray[Any]:
    """(sites, C) of cells (n, C) or (n, height, width, C)."""
    return cells.reshape(-1, cells.shape[-1])


def site_named(where: Iterable[int]) -> str:
    """The record, or its pixel, at this position, (record,) or (record, row, column), for people."""
    return ", ".join(f"{what} {at}" for what, at in zip(("record", "row", "column"), where, strict=False))


def nested(cells: NDArray[np.float64]) -> list[Any]:
    """The cells of one record for JSON, null for NaN."""
    return [nested(row) if row.ndim else None if np.isnan(row) else float(row) for row in cells]


def read_nested(said: Any, shape: Sequence[int]) -> NDArray[np.float64]:
    """The cells of one record from JSON; another shape or text is an `InputError`."""
    try:
        cells = np.array(said, dtype=object)
        found = np.array(said, dtype=np.float64)
    except (TypeError, ValueError):
        cells = found = np.empty(0)
    if not {type(cell) for cell in cells.flat} <= {int, float, type(None)}:
        found = np.empty(0)
    if found.shape != tuple(shape):
        size = " x ".join(map(str, shape))
        raise InputError(f"a record's cells are not {size} numbers; give rows of columns, and of classes")
    return found


def sites_said(observed: NDArray[np.int64], task: Classes | Masks, records: int) -> str:
    """How many records, or pixels of them, are spoken of, for people."""
    if isinstance(task, Classes):
        return f"{len(observed):,} of {records:,} records"
    spoken = len(np.unique(observed // task.sites_per_record))
    return f"{len(observed):,} pixels of {spoken:,} of {records:,} records"


def require_table(task: Task) -> None:
    """Raise `InputError` for labels of pixels, which no table of records holds."""
    if isinstance(task, Masks):
        raise InputError("labels of pixels fit in no table; write them as lines of JSON (write_labels_file)")


def write_grid(
    path: Path,
    ids: Sequence[str],
    task: Classes | Masks,
    cells: Sequence[Sequence[Any] | None],
    before: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """A CSV of ``id``, the columns ``before``, and one a class, named by it; a row of None is left empty."""
    require_table(task)
    if lost := [name for name in task.names if not name or name != name.strip() or set(name) & set("\r\n\t;|")]:
        raise InputError(f"a table cannot have a column for the class name {lost[0]!r}; rename the class")
    taken = {"id": None, **(before or {})}
    if clash := [name for name in task.names if name.lower() in taken]:
        raise InputError(f"a table cannot have a column for a class {clash[0]!r} beside its own; rename the class")
    columns = {name: [None if row is None else row[c] for row in cells] for c, name in enumerate(task.names)}
    write_labels(path, ids, {**(before or {}), **columns})
