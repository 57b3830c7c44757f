"""Which records are in which bag."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels.base import Units
from tacit.labels.indices import frozen, moved


@dataclass(frozen=True)
class Membership:
    """Bag b holds ``records[offsets[b]:offsets[b + 1]]``, positions among ``n`` records; bags may overlap."""

    n: int
    offsets: NDArray[np.int64]
    records: NDArray[np.int64]

    def __post_init__(self) -> None:
        frozen(self.offsets)
        frozen(self.records)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @staticmethod
    def of(record: NDArray[np.int64], bag: NDArray[np.int64], bags: int, n: int) -> Membership:
        """From rows of a record and a bag; a bag that does not exist or a record twice in one is an `InputError`."""
        if len(bad := np.flatnonzero((bag < 0) | (bag >= bags))):
            raise InputError(
                f"record {record[bad[0]]} is in bag {bag[bad[0]]}, but bags go from 0 to {bags - 1}; mend or drop it"
            )
        order = np.lexsort((record, bag))
        record, bag = record[order], bag[order]
        if len(twice := np.flatnonzero((np.diff(record) == 0) & (np.diff(bag) == 0))):
            raise InputError(f"record {record[twice[0]]} is in bag {bag[twice[0]]} twice; name it once")
        return Membership(
            n, np.concatenate([[0], np.cumsum(np.bincount(bag, minlength=bags))]).astype(np.int64), record
        )

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(bags,) records in each."""
        return np.diff(self.offsets)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """(members,) the bag of each."""
        return frozen(np.repeat(np.arange(len(self)), self.sizes))

    def of_bag(self, bag: int) -> NDArray[np.int64]:
        """The records of one bag, ascending."""
        return self.records[self.offsets[bag] : self.offsets[bag + 1]]

    def units(self, bags: NDArray[np.int64]) -> Units:
        """These bags, one or several times each, as units."""
        sizes = self.sizes[bags]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        return Units(offsets, self.records[np.repeat(self.offsets[bags], sizes) + within])

    def one_each(self) -> NDArray[np.int64] | None:
        """(n,) the bag of every record, -1 for none; None where bags overlap."""
        if len(np.unique(self.records)) < len(self.records):
            return None
        bag = np.full(self.n, -1, dtype=np.int64)
        bag[self.records] = self.owner
        return bag

    def take(
        self, index: NDArray[np.int64], known: NDArray[np.bool_]
    ) -> tuple[Membership, NDArray[np.int64], NDArray[np.int64]]:
        """On a selection of records: what is left, which bags these are, and which were cut and are lost.

        A record of a bag that is ``known`` (bags,) may be taken once only.
        """
        place = moved(index, self.n, self.records[known[self.owner]])[self.records]
        found = np.bincount(self.owner, weights=place >= 0, minlength=len(self)).astype(np.int64)
        whole = (found == self.sizes) & (found > 0)
        kept = whole[self.owner]
        number = np.cumsum(whole) - 1
        left = Membership.of(place[kept], number[self.owner[kept]], int(whole.sum()), len(index))
        return left, np.flatnonzero(whole), np.flatnonzero((found > 0) & (found < self.sizes))

    def padded(self, extra: int) -> Membership:
        """The same bags, and ``extra`` more records in none."""
        return Membership(self.n + extra, self.offsets, self.records)
