"""How many records of each class a bag holds: the likelihood is the probability of these counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.task import Classes, task_from_json
from tacit.errors import InputError
from tacit.labels.bagged import Bagged, listed_members, names_of, one_bag_each
from tacit.labels.complement import excluding
from tacit.labels.counts import log_counts
from tacit.labels.coupled import Members
from tacit.labels.exact import Exact
from tacit.labels.grid import named_classes, numbers, write_grid
from tacit.labels.indices import LARGEST, frozen
from tacit.labels.lattice import fits, log_multinomial
from tacit.labels.membership import Membership
from tacit.labels.soft import Soft
from tacit.labels.values_io import positions


class Proportions(Bagged):
    """Counts of the classes in bags of records: label proportions.

    ``bag``: (n,) the number of each record's bag, -1 for none. ``counts``: (bags, C) whole numbers that sum to the
    bag's records; a row of None, NaN or -1 is unknown. ``n``: the number of records, where ``bag`` does not go to the
    last of them. ``classes``: the names in order. See `from_members` for bags that overlap.

    Exact for two classes in a bag, and for more while a lattice of partial counts is small enough
    (`tacit.labels.lattice`). Beyond, each class is counted by itself, a unit each: a composite likelihood.
    """

    naively = "the bag's shares copied to its records"
    caveat = "classes whose shares move together over all bags cannot be told apart"

    def __init__(self, bag: Any, counts: Any, n: int | None = None, classes: Sequence[str] | None = None) -> None:
        self._set(one_bag_each(bag, len(numbers(counts)), n), counts, classes)

    @classmethod
    def from_members(cls, record: Any, bag: Any, counts: Any, n: int, classes: Sequence[str] | None = None) -> Self:
        """From rows of a record and a bag that it is in; the bags may overlap (a composite likelihood)."""
        new = object.__new__(cls)
        new._set(listed_members(record, bag, len(numbers(counts)), n), counts, classes)
        return new

    def _set(self, members: Membership, counts: Any, classes: Sequence[str] | None) -> None:
        cells = numbers(counts)
        cells[np.isnan(cells)] = -1
        self.task = named_classes(cells.shape[1], classes)
        if self.task.outputs < 2:
            raise InputError("counts of one class say nothing; give a column for each of two classes or more")
        self.members = members
        wrong = ~np.isfinite(cells) | (cells < 0) | (cells != np.floor(cells))
        if len(bad := np.flatnonzero(wrong.any(axis=1) & (cells != -1).any(axis=1))):
            raise InputError(f"bag {bad[0]} has counts {cells[bad[0]].tolist()}; give whole numbers from 0 on")
        if len(bad := np.flatnonzero((cells > LARGEST).any(axis=1))):
            raise InputError(f"bag {bad[0]} has counts {cells[bad[0]].tolist()}, too large to count its records")
        self.counts: NDArray[np.int64] = frozen(cells.astype(np.int64))
        if len(bad := np.flatnonzero(self.known & (self.counts.sum(axis=1) != members.sizes))):
            raise InputError(
                f"bag {bad[0]} has counts that sum to {self.counts[bad[0]].sum()}, but it holds "
                f"{members.sizes[bad[0]]} records; mend the counts or the bag"
            )
        if len(bad := np.flatnonzero(self.known & (members.sizes == 0))):
            raise InputError(f"bag {bad[0]} has counts, but no record is in it; put its records in, or drop it")

    @property
    def known(self) -> NDArray[np.bool_]:
        return np.asarray(self.counts[:, 0] >= 0)

    def naive(self) -> Exact | Soft:
        """The bag's shares on each of its records; a record of several bags has their mean."""
        counts = self.counts.clip(0)
        return self._copied(counts / counts.sum(axis=1, keepdims=True).clip(1))

    @cached_property
    def by_class(self) -> NDArray[np.bool_]:
        """(bags,) whether the bag is read one class at a time, because exact counting would take too long."""
        pairwise = (self.counts > 0).sum(axis=1) <= 2
        return frozen(self.known & ~pairwise & ~fits(self.counts.clip(0)))

    @cached_property
    def reading(self) -> Reading:
        """How each unit is read."""
        known = np.flatnonzero(self.known)
        repeats = np.where(self.by_class[known], self.task.outputs, 1)
        bag = np.repeat(known, repeats)
        counts, alone = self.counts[bag], self.by_class[bag]
        number = np.arange(len(bag)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        order = np.argsort(-counts, axis=1, kind="stable")
        # of two classes the rarer one is counted, against the other
        counted = np.where(alone, number, order[:, 1])
        lattice = np.flatnonzero(~alone & ((counts > 0).sum(axis=1) > 2))
        k = counts[np.arange(len(bag)), counted]
        low, high = k.copy(), k.copy()
        low[lattice], high[lattice] = 0, counts[lattice].sum(axis=1)
        return Reading(bag, counted, np.where(alone, -1, order[:, 0]), low, high, lattice)

    @property
    def asked(self) -> NDArray[np.int64]:
        return self.reading.bag

    def joint(self, log_q: Tensor, members: Members) -> Tensor:
        read = self.reading
        _, counted, against, low, high, lattice = (torch.tensor(a, device=log_q.device) for a in read.arrays)
        weights, owner = log_q[members.node].double(), members.owner
        on = weights.gather(1, counted[owner, None])[:, 0]
        off = weights.gather(1, against[owner, None].clamp_min(0))[:, 0]
        if len(read.bag) > int(self.known.sum()):
            others = excluding(weights).gather(1, counted[owner, None])[:, 0]
            off = torch.where(against[owner] < 0, others, off)
        value = log_counts(off, on, members, low, high)
        if len(lattice):
            counts = torch.from_numpy(self.counts[read.bag[read.lattice]]).to(log_q.device)
            value = value.index_copy(0, lattice, log_multinomial(weights, members, lattice, counts))
        return value.to(log_q.dtype)

    def _of_bags(self, members: Membership, which: NDArray[np.int64]) -> Self:
        return self._with(members, self.counts[which])

    def _hidden(self, bags: NDArray[np.int64]) -> Self:
        counts = self.counts.copy()
        counts[bags] = -1
        return self._with(self.members, counts)

    def _with(self, members: Membership, counts: NDArray[np.int64]) -> Self:
        new = object.__new__(type(self))
        new.task, new.members, new.counts = self.task, members, frozen(counts)
        return new

    def _said(self, bag: int) -> dict[str, Any]:
        return {"counts": self.counts[bag].tolist()}

    def describe(self) -> str:
        sizes = self.members.sizes[self.known]
        spread = f" of {sizes.min():,} to {sizes.max():,} records" if len(sizes) else ""
        large = int(self.by_class.sum())
        said = (
            f"; {large:,} of them are too large to be counted exactly and are read one class at a time (composite "
            "likelihood)"
            if large
            else ""
        )
        shared = "; bags overlap (composite likelihood)" if self.overlap else ""
        return (
            f"counts of {self.task.outputs} classes in {len(sizes):,} bags{spread}, on {len(self.labelled()):,} of "
            f"{len(self):,} records{said}{shared}"
        )

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task, found = task_from_json(header["task"]), list(rows)
        assert isinstance(task, Classes)
        names = task.names
        record, bag = names_of(found, positions(ids))
        counts = np.reshape([row["counts"] for row in found], (-1, len(names)))
        return cls.from_members(record, bag, counts, len(ids), names)

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id,bag`` and a column a class, named by it: the bag's count, repeated for each of its records."""
        bag = self._one_each()
        rows = [None if b is None or not self.known[b] else self.counts[b].tolist() for b in bag]
        write_grid(path, ids, self.task, rows, before={"bag": bag})


@dataclass(frozen=True)
class Reading:
    """Of each unit: its bag; the class that is counted, and the one against it, -1 for all others; between which
    counts; and the positions of the units that the lattice reads instead.
    """

    bag: NDArray[np.int64]
    counted: NDArray[np.int64]
    against: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    lattice: NDArray[np.int64]

    @property
    def arrays(self) -> tuple[NDArray[np.int64], ...]:
        """In the order above."""
        return self.bag, self.counted, self.against, self.low, self.high, self.lattice

    def __post_init__(self) -> None:
        for array in self.arrays:
            frozen(array)
