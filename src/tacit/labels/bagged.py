"""What evidence on bags of records shares: which bag each record is in, and what becomes of it in a selection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tacit.data.prediction import Prediction
from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.coupled import Coupled
from tacit.labels.exact import Exact
from tacit.labels.indices import placed, whole
from tacit.labels.membership import Membership
from tacit.labels.soft import Soft
from tacit.listing import pick


class Bagged(Coupled):
    """Evidence on the bags of ``members``. A subclass keeps what is known of each, and says which are ``known``.

    Which records an unknown bag holds is kept, but not written.
    """

    members: Membership
    _dropped: int = 0

    @property
    @abstractmethod
    def known(self) -> NDArray[np.bool_]:
        """(bags,) whether anything is known of each."""

    @abstractmethod
    def _of_bags(self, members: Membership, which: NDArray[np.int64]) -> Self:
        """The same evidence where ``members`` hold these bags, at new positions."""

    @abstractmethod
    def _hidden(self, bags: NDArray[np.int64]) -> Self:
        """The same bags, and nothing known of these."""

    @abstractmethod
    def _said(self, bag: int) -> dict[str, Any]:
        """What is known of a bag, as JSON."""

    @property
    def asked(self) -> NDArray[np.int64]:
        """(units,) the bag that each unit is of."""
        return np.flatnonzero(self.known).astype(np.int64)

    @property
    def overlap(self) -> bool:
        """Whether known bags share records."""
        records = self.members.records[self.known[self.members.owner]]
        return len(np.unique(records)) < len(records)

    def __len__(self) -> int:
        return self.members.n

    @property
    def dropped(self) -> int:
        return self._dropped

    def units(self) -> Units:
        return self.members.units(self.asked)

    def hide(self, units: NDArray[np.int64]) -> Self:
        return self._kept(self._hidden(np.unique(self.asked[units])), 0)

    def take(self, index: NDArray[np.int64]) -> Self:
        members, which, cut = self.members.take(index, self.known)
        return self._kept(self._of_bags(members, which), int(np.isin(self.asked, cut).sum()))

    def padded(self, extra: int) -> Self:
        return self._kept(self._of_bags(self.members.padded(extra), np.arange(len(self.members))), 0)

    def posterior(self, prediction: Prediction) -> Prediction:
        """Exact where bags do not overlap; else what each bag says, side by side."""
        return Labels.combine(self).posterior(prediction)

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for bag in np.flatnonzero(self.known).tolist():
            yield {"bag": [ids[r] for r in self.members.of_bag(bag).tolist()], **self._said(bag)}

    def _kept(self, new: Self, lost: int) -> Self:
        new._dropped = self._dropped + lost
        return new

    def _copied(self, shares: NDArray[np.float64]) -> Exact | Soft:
        """What each record hears from its known bags on average, from the ``shares`` (bags, C) of these."""
        kept = self.known[self.members.owner]
        record, owner = self.members.records[kept], self.members.owner[kept]
        total = np.zeros((len(self), shares.shape[1]))
        np.add.at(total, record, shares[owner])
        with np.errstate(invalid="ignore"):
            return Soft(total / np.bincount(record, minlength=len(self))[:, None], self.task.names).naive()

    def _one_each(self) -> list[int | None]:
        """The bag of every record for a table with one row a record; bags that overlap have none."""
        bag = self.members.one_each()
        if bag is None:
            raise InputError(
                "bags overlap, so that no table with one row a record holds them; write them as JSON lines"
            )
        return [None if b < 0 else b for b in bag.tolist()]


def one_bag_each(bag: Any, bags: int, n: int | None = None) -> Membership:
    """From the bag of every record, -1, None or NaN for none; records up to ``n`` beyond these are in no bag."""
    of_record = whole(bag, "record")
    if n is not None and n < len(of_record):
        raise InputError(f"bags are given for {len(of_record):,} records, but there are {n:,}; give one a record")
    inside = np.flatnonzero(of_record != -1)
    return Membership.of(inside, of_record[inside], bags, len(of_record) if n is None else n)


def listed_members(record: Any, bag: Any, bags: int, n: int) -> Membership:
    """From rows of a record and a bag that it is in; a record may be in several."""
    record, bag = placed(record, n, "row"), whole(bag, "row")
    if len(record) != len(bag):
        raise InputError(f"there are {len(record):,} records for {len(bag):,} bags; give one of each a row")
    return Membership.of(record, bag, bags, n)


def names_of(rows: Sequence[Any], place: dict[str, int]) -> tuple[list[int], list[int]]:
    """The record and the bag of every member, from what ``rows`` wrote."""
    pairs = [(pick(name, place, "record"), bag) for bag, row in enumerate(rows) for name in row["bag"]]
    return [record for record, _ in pairs], [bag for _, bag in pairs]
