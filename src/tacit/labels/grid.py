"""Evidence with a cell for every record and class: its numbers, its class names, and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.labels.values_io import write_labels


def numbers(cells: Any) -> NDArray[np.float64]:
    """(n, C) float64 from numbers or booleans, None as NaN; another shape or text is an `InputError`."""
    try:
        grid = np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the cells are not all numbers, or rows have different lengths; give (records, C)") from None
    if grid.ndim != 2 or not grid.shape[1]:
        raise InputError(f"cells of records and classes have shape {grid.shape}; give (records, C)")
    return grid


def named_classes(count: int, names: Sequence[str] | None) -> Classes:
    """The task of ``count`` classes, named by their numbers where no names are given."""
    found = tuple(names) if names is not None else tuple(str(c) for c in range(count))
    if len(found) != count:
        raise InputError(f"{len(found)} class names for {count} columns; give one a column")
    if len(set(found)) != len(found):
        raise InputError("two classes have the same name")
    return Classes(found)


def write_grid(
    path: Path,
    ids: Sequence[str],
    task: Classes,
    cells: Sequence[Sequence[Any] | None],
    before: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """A CSV of ``id``, the columns ``before``, and one a class, named by it; a row of None is left empty."""
    if lost := [name for name in task.names if not name or name != name.strip() or set(name) & set("\r\n\t;|")]:
        raise InputError(f"a table cannot have a column for the class name {lost[0]!r}; rename the class")
    taken = {"id": None, **(before or {})}
    if clash := [name for name in task.names if name.lower() in taken]:
        raise InputError(f"a table cannot have a column for a class {clash[0]!r} beside its own; rename the class")
    columns = {name: [None if row is None else row[c] for row in cells] for c, name in enumerate(task.names)}
    write_labels(path, ids, {**(before or {}), **columns})
