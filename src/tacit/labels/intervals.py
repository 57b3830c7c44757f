"""Numbers that are known to lie between two bounds: the likelihood is the predicted mass between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Normal, Prediction
from tacit.data.task import Number, task_from_json
from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.indices import placed
from tacit.labels.number_sites import normal, number_of, precise, updated
from tacit.labels.truncated import log_mass, truncated
from tacit.labels.values import Values
from tacit.labels.values_io import positions, write_labels
from tacit.listing import pick

FARTHEST = 1e30
"""Single precision has no room for much larger numbers, nor double for the squares of their squares."""


class Intervals(Labels):
    """Censored numbers, one interval a record (the Tobit likelihood: Tobin 1958; Amemiya 1984 for both sides).

    ``low``, ``high``: (n,) bounds; -inf and inf leave a side open, NaN in both is unknown, as are two open sides.
    A number that is known exactly, ``low == high``, belongs to `Values` and is refused; `Labels.combine` joins both.
    """

    task: Number
    naively = "the bound, or the middle of two, taken as the value"

    def __init__(self, low: Any, high: Any) -> None:
        self.low, self.high = _bounds(low), _bounds(high)
        if self.low.shape != self.high.shape or self.low.ndim != 1:
            raise InputError(f"bounds have shapes {self.low.shape} and {self.high.shape}; give (records,) twice")
        one = np.isnan(self.low) != np.isnan(self.high)
        for wrong, what in (
            (one, "has one bound that is unknown; write -inf or inf for a side that is open, NaN twice for unknown"),
            (self.low > self.high, "has its lower bound above the upper one; mend or drop it"),
            (np.isinf(self.low) & (self.low == self.high), "has two bounds at the same infinity; mend or drop it"),
            (self._far, f"has a bound beyond {FARTHEST:g} in size; write -inf or inf for a side that is open"),
            (self.low == self.high, "has bounds that are equal; a number that is known exactly belongs to Values"),
        ):
            if len(bad := np.flatnonzero(wrong)):
                where = f"record {bad[0]} ({self.low[bad[0]]:g} to {self.high[bad[0]]:g})"
                raise InputError(f"{where} {what}")
        open_ = np.isinf(self.low) & np.isinf(self.high)
        self.low[open_] = self.high[open_] = np.nan
        self.task = number_of(self._middle)
        self._freeze()

    @classmethod
    def from_comparisons(cls, numbers: Any, winner: Any, loser: Any) -> Self:
        """What comparisons with records whose number is known say of the others: it is larger, or it is smaller.

        ``numbers``: (n,) NaN where unknown. ``winner``, ``loser``: (pairs,) positions; the winner's number is the
        larger one. A record has the closest bounds that are given for it, and none where they contradict each other:
        comparisons may err. Between two unknown numbers a comparison bounds neither, and is one of `Preferences`.
        """
        known = Values(numbers).v
        first, second = placed(winner, len(known), "comparison"), placed(loser, len(known), "comparison")
        if first.shape != second.shape:
            raise InputError(f"there are {len(first):,} winners and {len(second):,} losers; give one of each a pair")
        low, high = np.full(len(known), -np.inf), np.full(len(known), np.inf)
        above = np.isnan(known[first]) & ~np.isnan(known[second])
        below = np.isnan(known[second]) & ~np.isnan(known[first])
        np.maximum.at(low, first[above], known[second[above]])
        np.minimum.at(high, second[below], known[first[below]])
        nothing = low >= high
        return cls(np.where(nothing, np.nan, low), np.where(nothing, np.nan, high))

    @property
    def _far(self) -> NDArray[np.bool_]:
        """(n,) whether a bound is finite and yet too far out to be computed with."""
        far = [np.isfinite(side) & (np.abs(side) > FARTHEST) for side in (self.low, self.high)]
        return np.asarray(far[0] | far[1])

    @property
    def _middle(self) -> NDArray[np.float64]:
        """(n,) the middle of each interval, the bound of one that is open on a side; NaN where unknown."""
        closed = np.where(np.isinf(self.high), self.low, self.low / 2 + self.high / 2)
        return np.where(np.isinf(self.low), self.high, closed)

    def __len__(self) -> int:
        return len(self.low)

    def naive(self) -> Values:
        """The middle of an interval, or its only bound, as the value."""
        return Values(self._middle)

    def units(self) -> Units:
        return Units.single(np.flatnonzero(~np.isnan(self.low)).astype(np.int64))

    def hide(self, units: NDArray[np.int64]) -> Self:
        low, high = self.low.copy(), self.high.copy()
        hidden = self.units().sites[units]
        low[hidden] = high[hidden] = np.nan
        return self._with(low, high)

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.low[index], self.high[index])

    def padded(self, extra: int) -> Self:
        unknown = np.full(extra, np.nan)
        return self._with(np.concatenate([self.low, unknown]), np.concatenate([self.high, unknown]))

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        belief = normal(prediction)
        _, *seen = self._seen(belief)
        return log_mass(*seen).to(belief.mean.dtype)

    def posterior(self, prediction: Prediction) -> Prediction:
        """Normal with the moments of the truncated one: Tweedie's formulas, written so that they cannot cancel."""
        belief = normal(prediction)
        sites, *seen = self._seen(belief)
        with torch.no_grad():
            return updated(belief, sites, *truncated(*seen))

    def describe(self) -> str:
        sites = self.units().sites
        below, above = (int(np.isinf(side[sites]).sum()) for side in (self.low, self.high))
        return (
            f"intervals on {len(sites):,} of {len(self):,} records: {len(sites) - below - above:,} closed, "
            f"{above:,} known from below only, {below:,} from above only"
        )

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """An open side is null: JSON knows no infinity."""
        for record in self.labelled().tolist():
            low, high = float(self.low[record]), float(self.high[record])
            yield {"id": ids[record], "low": None if low == -np.inf else low, "high": None if high == np.inf else high}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        place = positions(ids)
        low, high = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
        for row in rows:
            record = pick(row["id"], place, "record")
            low[record] = -np.inf if row["low"] is None else row["low"]
            high[record] = np.inf if row["high"] is None else row["high"]
        found = cls(low, high)
        task = task_from_json(header["task"])
        assert isinstance(task, Number)
        found.task = task
        return found

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id,low,high``: -inf and inf where open, empty where unknown."""
        cells = {"low": self.low, "high": self.high}
        write_labels(path, ids, {k: [None if np.isnan(x) else repr(float(x)) for x in v] for k, v in cells.items()})

    def _seen(self, belief: Normal) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The sites with bounds; mean, variance and both bounds of each."""
        known = self.units().sites
        mean, variance = precise(belief)
        low, high = (torch.from_numpy(side[known]).to(mean.device) for side in (self.low, self.high))
        sites = torch.from_numpy(known).to(mean.device)
        return sites, mean[sites], variance[sites], low, high

    def _with(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Self:
        new = object.__new__(type(self))
        new.low, new.high, new.task = low, high, self.task
        new._freeze()
        return new

    def _freeze(self) -> None:
        self.low.setflags(write=False)
        self.high.setflags(write=False)


def _bounds(values: Any) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("bounds are not all numbers; write -inf or inf for an open side, NaN for unknown") from None
