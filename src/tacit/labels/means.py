"""Bags of records whose mean is known, give or take: normal on the mean of their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Prediction
from tacit.data.task import Number, task_from_json
from tacit.errors import InputError
from tacit.labels.bagged import listed_members, names_of, one_bag_each
from tacit.labels.base import Labels, Units
from tacit.labels.coupled import Members
from tacit.labels.membership import Membership
from tacit.labels.number_bags import BagMeans
from tacit.labels.number_sites import Beliefs, normal, number_of, precise
from tacit.labels.values import Values
from tacit.labels.values_io import positions, write_labels


class Means(Labels):
    """The mean of the numbers of each bag's records, with observation noise.

    ``bag``: (n,) the number of each record's bag, -1 for none. ``value``: (bags,) means, NaN unknown. ``scale``:
    standard deviation of the observation, a number or (bags,). ``n``: the number of records, where ``bag`` does not
    go to the last of them. See `from_members` for bags that overlap.

    With m records in a bag, whose predictions have means mu and variances s², the likelihood is normal with mean
    sum mu / m and variance sum s² / m² + scale².
    """

    task: Number
    naively = "the bag's mean taken as the value of its records"

    def __init__(self, bag: Any, value: Any, scale: Any = 0.0, n: int | None = None) -> None:
        self._set(one_bag_each(bag, len(np.atleast_1d(value)), n), value, scale)

    @classmethod
    def from_members(cls, record: Any, bag: Any, value: Any, n: int, scale: Any = 0.0) -> Self:
        """From rows of a record and a bag that it is in; the bags may overlap (a composite likelihood)."""
        new = object.__new__(cls)
        new._set(listed_members(record, bag, len(np.atleast_1d(value)), n), value, scale)
        return new

    def _set(self, members: Membership, value: Any, scale: Any) -> None:
        self.members, self._dropped = members, 0
        try:
            self.value: NDArray[np.float64] = np.array(value, dtype=np.float64)
            self.scale: NDArray[np.float64] = np.broadcast_to(np.array(scale, dtype=np.float64), self.value.shape)
        except (TypeError, ValueError):
            raise InputError("means and scales are not all numbers, or not as many; give one of each a bag") from None
        if self.value.ndim != 1:
            raise InputError(f"means have shape {self.value.shape}; give (bags,)")
        for wrong, what in (
            (np.isinf(self.value), "has an infinite mean; give a number, or NaN for unknown"),
            (self.known & ~((self.scale >= 0) & (self.scale < np.inf)), "has a scale that is no number from 0 on"),
            (self.known & (members.sizes == 0), "has a mean, but no record is in it; put its records in, or drop it"),
        ):
            if len(bad := np.flatnonzero(wrong)):
                raise InputError(f"bag {bad[0]} {what}")
        self.scale = np.where(self.known, self.scale, 0.0)
        self._freeze()
        self.task = number_of(self.value)

    def naive(self) -> Values:
        """The bag's mean as the value of each of its records."""
        kept = self.known[self.members.owner]
        record, owner = self.members.records[kept], self.members.owner[kept]
        count = np.bincount(record, minlength=len(self))
        total = np.bincount(record, weights=self.value[owner], minlength=len(self))
        return Values(np.where(count > 0, total / np.maximum(count, 1), np.nan))

    @property
    def known(self) -> NDArray[np.bool_]:
        """(bags,) whether the mean of each is known."""
        return ~np.isnan(self.value)

    @property
    def asked(self) -> NDArray[np.int64]:
        """(units,) the bag that each unit is of."""
        return np.flatnonzero(self.known).astype(np.int64)

    def __len__(self) -> int:
        return self.members.n

    @property
    def dropped(self) -> int:
        return self._dropped

    def units(self) -> Units:
        return self.members.units(self.asked)

    def hide(self, units: NDArray[np.int64]) -> Self:
        value = self.value.copy()
        value[self.asked[units]] = np.nan
        return self._with(self.members, value, self.scale)

    def take(self, index: NDArray[np.int64]) -> Self:
        members, which, cut = self.members.take(index, self.known)
        return self._with(members, self.value[which], self.scale[which], int(self.known[cut].sum()))

    def padded(self, extra: int) -> Self:
        return self._with(self.members.padded(extra), self.value, self.scale)

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        belief = normal(prediction)
        beliefs = Beliefs.of(*precise(belief))
        means = self.over(Members.of(self.units(), belief.mean.device))
        unshaped = torch.zeros_like(belief.mean, dtype=torch.bool)
        return means.log_likelihood(beliefs, unshaped).to(belief.mean.dtype)

    def posterior(self, prediction: Prediction) -> Prediction:
        """Exact where bags do not overlap; else what each bag says, side by side."""
        return Labels.combine(self).posterior(prediction)

    def over(self, members: Members) -> BagMeans:
        """What is known of the units' means, where their members are these."""
        asked, device = self.asked, members.node.device
        value, noise = self.value[asked], self.scale[asked] ** 2
        return BagMeans(members, torch.from_numpy(value).to(device), torch.from_numpy(noise).to(device))

    def describe(self) -> str:
        sizes = self.members.sizes[self.known]
        spread = f" of {sizes.min():,} to {sizes.max():,} records" if len(sizes) else ""
        return f"the means of {len(sizes):,} bags{spread}, on {len(self.labelled()):,} of {len(self):,} records"

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for bag in self.asked.tolist():
            members = [ids[r] for r in self.members.of_bag(bag).tolist()]
            yield {"bag": members, "mean": float(self.value[bag]), "scale": float(self.scale[bag])}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        found = list(rows)
        record, bag = names_of(found, positions(ids))
        value = np.array([row["mean"] for row in found], dtype=np.float64)
        new = cls.from_members(record, bag, value, len(ids), [row["scale"] for row in found])
        task = task_from_json(header["task"])
        assert isinstance(task, Number)
        new.task = task
        return new

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id,bag,mean,scale``, the last two repeated for each record of a bag; bags may not overlap."""
        bag = self.members.one_each()
        if bag is None:
            raise InputError("bags overlap, so that no table with one row a record holds them; write JSON lines")
        known = np.concatenate([self.known, [False]])[bag]
        write_labels(
            path,
            ids,
            {
                "bag": [None if b < 0 else b for b in bag.tolist()],
                "mean": [repr(float(self.value[b])) if k else None for b, k in zip(bag, known, strict=True)],
                "scale": [repr(float(self.scale[b])) if k else None for b, k in zip(bag, known, strict=True)],
            },
        )

    def _with(self, members: Membership, value: NDArray[np.float64], scale: NDArray[np.float64], lost: int = 0) -> Self:
        new = object.__new__(type(self))
        new.members, new.value, new.scale, new.task = members, value, scale, self.task
        new._dropped = self._dropped + lost
        new._freeze()
        return new

    def _freeze(self) -> None:
        self.value.setflags(write=False)
        self.scale.setflags(write=False)
