"""Arrays that name records or bags by position, and say yes, no or nothing."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels.values_io import is_unknown

Scalar = TypeVar("Scalar", bound=np.generic)


LARGEST = 2.0**53
"""Beyond it not every whole number is a float64 of its own."""


def frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The array itself, no longer to be written to."""
    array.setflags(write=False)
    return array


def placed(values: Any, n: int, what: str) -> NDArray[np.int64]:
    """Positions of records, from 0 to n - 1; any other is an `InputError` that names the row as ``what``."""
    index = whole(values, what)
    if len(bad := np.flatnonzero((index < 0) | (index >= n))):
        raise InputError(
            f"{what} {bad[0]} names record {index[bad[0]]}, but records go from 0 to {n - 1}; mend or drop it"
        )
    return index


def whole(values: Any, what: str) -> NDArray[np.int64]:
    """(rows,) whole numbers; None, NaN and empty text become -1."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"positions have shape {array.shape}; give one for each {what}")
    if np.issubdtype(array.dtype, np.signedinteger):
        return array.astype(np.int64)
    cells = np.array([-1.0 if is_unknown(v) else _number(v, row, what) for row, v in enumerate(array.tolist())])
    if len(bad := np.flatnonzero(cells != np.floor(cells))):
        raise InputError(f"{what} {bad[0]} has {cells[bad[0]]:g}; give a whole number")
    if len(bad := np.flatnonzero(np.abs(cells) > LARGEST)):
        raise InputError(f"{what} {bad[0]} has {cells[bad[0]]:g}, which is too large to count or name anything")
    return cells.astype(np.int64)


def truths(values: Any, what: str) -> NDArray[np.int8]:
    """(rows,) 1 for True or 1, 0 for False or 0, -1 where unknown: -1, None, NaN or empty."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"what is true of each {what} has shape {array.shape}; give one for each {what}")
    if array.dtype == bool:
        return array.astype(np.int8)
    cells = [-1.0 if is_unknown(v) else _number(v, row, what) for row, v in enumerate(array.tolist())]
    known = np.array(cells, dtype=np.float64)
    if len(bad := np.flatnonzero(~np.isin(known, (-1, 0, 1)))):
        raise InputError(f"{what} {bad[0]} is {known[bad[0]]:g}; give True or False, or None where it is unknown")
    return known.astype(np.int8)


def moved(index: NDArray[np.int64], n: int, tied: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) where each record stands in the selection ``index``, -1 where it is left out.

    ``tied``: records that coupled units speak of; one of them taken twice is an `InputError`.
    """
    taken = np.bincount(index, minlength=n)
    if len(twice := tied[taken[tied] > 1]):
        raise InputError(
            f"record {twice[0]} is taken {taken[twice[0]]} times, but other records' labels hang on it; take it once"
        )
    place = np.full(n, -1, dtype=np.int64)
    place[index] = np.arange(len(index))
    return place


def _number(value: Any, row: int, what: str) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf
    except (TypeError, ValueError):
        raise InputError(f"{what} {row} has {value!r}, which is no number; mend it or leave it empty") from None
