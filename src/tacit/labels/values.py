"""Numbers with unknowns: a normal density around what was observed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Normal, Prediction
from tacit.data.task import Number
from tacit.errors import InputError
from tacit.figures import significant
from tacit.labels.base import Labels, Units
from tacit.labels.values_io import is_unknown, number_in, positions, record_at, write_labels


class Values(Labels):
    """One observed number per labelled record, with observation noise.

    ``v``: (n,) numbers, NaN unknown. ``scale``: standard deviation of the observation, a number or (n,).
    ``mass``: how many equal observations each number stands for; the variance is s² + scale² / mass.
    """

    task: Number

    def __init__(self, v: Any, scale: Any = 0.0, mass: Any = 1.0) -> None:
        try:
            self.v: NDArray[np.float64] = np.array(v, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError("the numbers are not all numbers; give (records,), with NaN for unknown") from None
        if self.v.ndim != 1:
            raise InputError(f"numbers have shape {self.v.shape}; give (records,)")
        self.v.setflags(write=False)
        infinite = np.flatnonzero(np.isinf(self.v))
        if len(infinite):
            raise InputError(f"record {infinite[0]} has an infinite value; give a number, or NaN for unknown")
        self.noise: NDArray[np.float64] = np.broadcast_to(
            np.asarray(scale, dtype=np.float64) ** 2 / np.asarray(mass, dtype=np.float64), self.v.shape
        )
        known = self.v[~np.isnan(self.v)]
        spread = float(known.std()) if len(known) > 1 else 1.0
        self.task = Number(float(known.mean()) if len(known) else 0.0, spread if spread > 0 else 1.0)

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> Values:
        """From raw values; None, NaN and empty text are unknown, other text is an error that names the record."""
        numbers = np.full(len(values), np.nan)
        for row, value in enumerate(values):
            if not is_unknown(value):
                try:
                    numbers[row] = float(value)
                except (TypeError, ValueError):
                    raise InputError(
                        f"record {row} has the value {value!r}, which is not a number; mend it or leave it empty"
                    ) from None
        return cls(numbers)

    def naive(self) -> Self:
        return self

    def exact(self) -> Self:
        return self

    def __len__(self) -> int:
        return len(self.v)

    def units(self) -> Units:
        return Units.single(np.flatnonzero(~np.isnan(self.v)).astype(np.int64))

    def hide(self, units: NDArray[np.int64]) -> Self:
        v = self.v.copy()
        v[self.units().sites[units]] = np.nan
        return self._with(v, self.noise)

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.v[index], self.noise[index])

    def padded(self, extra: int) -> Self:
        v = np.concatenate([self.v, np.full(extra, np.nan)])
        return self._with(v, np.concatenate([self.noise, np.zeros(extra)]))

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        if not isinstance(prediction, Normal):
            raise TypeError("numbers need a normal prediction; the prediction is of classes")
        mean = prediction.mean
        sites = torch.from_numpy(np.flatnonzero(~np.isnan(self.v))).to(mean.device)
        value = torch.from_numpy(self.v.copy()).to(mean)[sites]
        noise = torch.from_numpy(np.array(self.noise)).to(mean)[sites]
        variance = (2 * prediction.log_scale[sites]).exp() + noise
        return -0.5 * ((value - mean[sites]) ** 2 / variance + variance.log() + math.log(2 * math.pi))

    def describe(self) -> str:
        known = int((~np.isnan(self.v)).sum())
        return (
            f"numbers on {known:,} of {len(self):,} records, mean {significant(self.task.centre)}, "
            f"spread {significant(self.task.scale)}"
        )

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for record in self.labelled().tolist():
            yield {"id": ids[record], "value": float(self.v[record]), "variance": float(self.noise[record])}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        place = positions(ids)
        v, variance = np.full(len(ids), np.nan), np.zeros(len(ids))
        for number, row in enumerate(rows):
            record = record_at(row, number, place)
            v[record], variance[record] = (number_in(row, number, field) for field in ("value", "variance"))
            if not 0 <= variance[record] < np.inf:
                raise InputError(f"row {number} has a variance of {variance[record]:g}; it has to be 0 or more")
        return cls(v, np.sqrt(variance))

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        write_labels(path, ids, {"label": [None if np.isnan(x) else repr(float(x)) for x in self.v]})

    def _with(self, v: NDArray[np.float64], noise: NDArray[np.float64]) -> Self:
        new = object.__new__(type(self))
        new.v, new.noise, new.task = v, noise, self.task
        for array in (v, noise):
            array.setflags(write=False)
        return new
