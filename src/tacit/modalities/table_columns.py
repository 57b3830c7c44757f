"""What is fitted to the columns of a table: quantiles and moments of numbers, known values of categories."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import ndtri

from tacit.errors import InputError

UNKNOWN, MISSING, RARE, FIRST = 0, 1, 2, 3
"""Category codes: never seen or hidden; missing; too seldom for a code of its own; the first known value."""

_KNOTS = 128
_MOST_VALUES = 256


@dataclass(frozen=True)
class Numeric:
    """A column of numbers. Missing and infinite cells are imputed by the median and flagged.

    ``scaled`` maps through the column's own quantiles to normal scores (what networks read best of skewed
    columns, Gorishniy et al. 2021); ``standardised`` subtracts the mean and divides by the deviation.
    """

    name: str
    quantiles: NDArray[np.float64]  # (K,) values, rising
    scores: NDArray[np.float64]  # (K,) normal scores of them
    median: float
    mean: float
    deviation: float
    gaps: bool  # cells were missing when fitted

    @classmethod
    def fit(cls, name: str, values: NDArray[np.float64]) -> Self:
        """``values``: (n,), not finite where missing; a column without a value is a constant 0."""
        known = values[np.isfinite(values)]
        gaps = len(known) < len(values)
        if not len(known):
            return cls(name, np.zeros(1), np.zeros(1), 0.0, 0.0, 1.0, gaps)
        levels = (np.arange(_KNOTS) + 0.5) / _KNOTS
        quantiles, scores = _distinct(np.quantile(known, levels), ndtri(levels))
        scores -= scores.mean() if len(scores) == 1 else 0.0
        deviation = float(known.std())
        centre = float(np.median(known))
        scale = deviation if deviation > 1e-12 * max(1.0, abs(centre)) else 1.0
        return cls(name, quantiles, scores, centre, float(known.mean()), scale, gaps)

    def filled(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values with gaps imputed, and where they were."""
        missing = ~np.isfinite(values)
        return np.where(missing, self.median, values), missing

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normal scores, linear between quantiles; beyond the outermost knots the standard scale goes on."""
        inside = np.interp(values, self.quantiles, self.scores)
        beyond = (values - values.clip(self.quantiles[0], self.quantiles[-1])) / self.deviation
        return np.asarray(inside + np.clip(beyond, -1.0, 1.0))

    def standardised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip((values - self.mean) / self.deviation, -10.0, 10.0)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "quantiles": self.quantiles.tolist(), "scores": self.scores.tolist()}

    @classmethod
    def from_json(cls, meta: dict[str, Any]) -> Self:
        return cls(**{**meta, "quantiles": np.array(meta["quantiles"]), "scores": np.array(meta["scores"])})


@dataclass(frozen=True)
class Categorical:
    """A column of categories or truth values; ``values`` have the codes from `FIRST` on, by frequency."""

    name: str
    values: tuple[str, ...]
    rare: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, cells: list[str | None]) -> Self:
        """A value needs 2 cells, and one in 2,000, for a code of its own; at most 256 values get one."""
        counts = Counter(cell for cell in cells if cell is not None)
        ordered = sorted(counts, key=lambda value: (-counts[value], value))
        needed = max(2, len(cells) // 2000)
        known = [value for value in ordered[:_MOST_VALUES] if counts[value] >= needed]
        # A hundred thousand seldom names need not be told from new ones: both are then unknown.
        return cls(name, tuple(known), tuple(ordered[len(known) : len(known) + _MOST_VALUES]))

    @property
    def size(self) -> int:
        """Number of codes."""
        return FIRST + len(self.values)

    def codes(self, cells: list[str | None]) -> NDArray[np.int64]:
        known: dict[str | None, int] = {None: MISSING, **dict.fromkeys(self.rare, RARE)}
        known |= {value: FIRST + i for i, value in enumerate(self.values)}
        return np.array([known.get(cell, UNKNOWN) for cell in cells], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "values": list(self.values), "rare": list(self.rare)}

    @classmethod
    def from_json(cls, meta: dict[str, Any]) -> Self:
        return cls(meta["name"], tuple(meta["values"]), tuple(meta["rare"]))


def numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column as float64, NaN where missing; text that is no number is an `InputError` naming the column."""
    try:
        column = pc.cast(table.column(name), pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"The column {name!r} is to hold numbers and does not ({error}).") from None
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def cells(table: pa.Table, name: str) -> list[str | None]:
    """A column as strings, None where missing; truth values as "true" and "false", 3.0 as "3"."""
    column = table.column(name)
    if pa.types.is_floating(column.type):
        return [None if value is None or value != value else f"{value:.15g}" for value in column.to_pylist()]
    return list(pc.cast(column, pa.string()).to_pylist())


def _distinct(
    quantiles: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One knot per distinct value, with the mean score of its ties."""
    values, group = np.unique(quantiles, return_inverse=True)
    total = np.bincount(group, weights=scores)
    return values, total / np.bincount(group)
