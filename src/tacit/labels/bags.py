"""Bags of records with at least k positives among them, or fewer: multiple-instance labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.task import Classes, task_from_json
from tacit.errors import InputError
from tacit.labels.bagged import Bagged, listed_members, names_of, one_bag_each
from tacit.labels.counts import log_counts
from tacit.labels.coupled import NEVER, Members, unit_sums
from tacit.labels.exact import Exact
from tacit.labels.indices import frozen, truths, whole
from tacit.labels.membership import Membership
from tacit.labels.soft import Soft
from tacit.labels.values_io import positions, write_labels

NAMES = ("negative", "positive")


class Bags(Bagged):
    """A positive bag holds at least ``k`` records of the second class, a negative one fewer: none, for k = 1.

    ``bag``: (n,) the number of each record's bag, -1 for none. ``positive``: (bags,) bool, None or -1 where unknown.
    ``k``: a number, or one a bag. ``n``: the number of records, where ``bag`` does not go to the last of them.
    ``classes``: names of the two classes of records, the positive one last. See `from_members` for bags that overlap.
    (Dietterich, Lathrop and Lozano-Pérez 1997; records are independent given the model, as in noisy-or.)
    """

    naively = "the bag's label copied to its records"
    caveat = "which records of a positive bag are positive is seen only through what recurs in positive bags"

    def __init__(
        self, bag: Any, positive: Any, k: Any = 1, n: int | None = None, classes: Sequence[str] = NAMES
    ) -> None:
        self._set(one_bag_each(bag, len(truths(positive, "bag")), n), positive, k, classes)

    @classmethod
    def from_members(
        cls, record: Any, bag: Any, positive: Any, n: int, k: Any = 1, classes: Sequence[str] = NAMES
    ) -> Self:
        """From rows of a record and a bag that it is in; the bags may overlap (a composite likelihood)."""
        new = object.__new__(cls)
        new._set(listed_members(record, bag, len(truths(positive, "bag")), n), positive, k, classes)
        return new

    def _set(self, members: Membership, positive: Any, k: Any, classes: Sequence[str]) -> None:
        self.task = Classes(tuple(classes))
        if len(set(self.task.names)) != 2:
            raise InputError(f"bags need two classes, negative and positive, but {list(classes)} were given")
        self.members = members
        self.positive: NDArray[np.int8] = frozen(truths(positive, "bag"))
        several = whole(np.atleast_1d(k), "bag")
        if len(several) not in (1, len(self.positive)):
            raise InputError(
                f"there are {len(several)} numbers k for {len(self.positive)} bags; give one, or one a bag"
            )
        self.k: NDArray[np.int64] = frozen(np.resize(several, len(self.positive)))
        sizes = members.sizes
        if len(bad := np.flatnonzero((sizes == 0) & self.known)):
            raise InputError(f"bag {bad[0]} has a label, but no record is in it; put its records in, or drop it")
        if len(bad := np.flatnonzero(self.k < 1)):
            raise InputError(f"bag {bad[0]} has k = {self.k[bad[0]]}; it has to be 1 or more")
        if len(bad := np.flatnonzero((self.positive == 1) & (self.k > sizes))):
            raise InputError(
                f"bag {bad[0]} has {sizes[bad[0]]} records, of which {self.k[bad[0]]} cannot be positive; lower its k"
            )

    @property
    def known(self) -> NDArray[np.bool_]:
        return self.positive >= 0

    def naive(self) -> Exact | Soft:
        """The bag's label on each of its records; a record of several bags has their mean."""
        return self._copied(np.eye(2)[self.positive.clip(0)])

    def joint(self, log_q: Tensor, members: Members) -> Tensor:
        asked = self.asked
        positive = torch.from_numpy(self.positive[asked] == 1).to(log_q.device)
        k = torch.from_numpy(self.k[asked]).to(log_q.device)
        off, on = log_q[members.node].double().unbind(dim=1)
        value = torch.where(positive, log_some(off, on, members), unit_sums(off, members))
        several = k > 1
        if bool(several.any()):
            sites = unit_sums(members.copies, members)
            low = torch.where(several & positive, k, 0)
            high = torch.where(several & ~positive, k - 1, sites)
            value = torch.where(several, log_counts(off, on, members, low, high), value)
        return value.to(log_q.dtype)

    def _of_bags(self, members: Membership, which: NDArray[np.int64]) -> Self:
        return self._with(members, self.positive[which], self.k[which])

    def _hidden(self, bags: NDArray[np.int64]) -> Self:
        positive = self.positive.copy()
        positive[bags] = -1
        return self._with(self.members, positive, self.k)

    def _with(self, members: Membership, positive: NDArray[np.int8], k: NDArray[np.int64]) -> Self:
        new = object.__new__(type(self))
        new.task, new.members, new.positive, new.k = self.task, members, frozen(positive), frozen(k)
        return new

    def _said(self, bag: int) -> dict[str, Any]:
        return {"positive": bool(self.positive[bag] == 1), "k": int(self.k[bag])}

    def describe(self) -> str:
        sizes = self.members.sizes[self.known]
        spread = f" of {sizes.min():,} to {sizes.max():,} records" if len(sizes) else ""
        several = ", some for more than one positive record" if (self.k[self.known] > 1).any() else ""
        shared = "; bags overlap (composite likelihood)" if self.overlap else ""
        return (
            f"{int((self.positive == 1).sum()):,} positive and {int((self.positive == 0).sum()):,} negative "
            f"bags{spread}{several}, on {len(self.labelled()):,} of {len(self):,} records{shared}"
        )

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task, found = task_from_json(header["task"]), list(rows)
        assert isinstance(task, Classes)
        record, bag = names_of(found, positions(ids))
        positive, k = [row["positive"] for row in found], [row["k"] for row in found]
        return cls.from_members(record, bag, positive, len(ids), k, task.names)

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id,bag,positive,k``, the last two repeated for each record of a bag, for the usual class names."""
        if self.task.names != NAMES:
            raise InputError(
                f"a table of bags cannot hold the class names {list(self.task.names)}; write it as JSON lines"
            )
        bag = self._one_each()
        positive = [None if b is None or self.positive[b] < 0 else int(self.positive[b]) for b in bag]
        write_labels(
            path, ids, {"bag": bag, "positive": positive, "k": [None if b is None else int(self.k[b]) for b in bag]}
        )


def log_some(off: Tensor, on: Tensor, members: Members) -> Tensor:
    """(units,) log-probability that some member of each unit is on; ``off``, ``on``: (members,) log-probabilities.

    1 - prod_i (1 - p_i) = 1 - exp(-h), where the hazard h = -sum_i log(1 - p_i) is summed in log space, so that
    neither small nor large probabilities are lost.
    """
    small, tiny = on < -math.log(2), on < -40
    rare = torch.where(small & ~tiny, on, -1.0)
    hazard = torch.where(small, torch.log(-torch.log1p(-torch.exp(rare))), torch.log((-off).clamp_min(math.log(2) / 2)))
    hazard = torch.where(tiny, on, hazard)
    top = hazard.new_full((len(members),), 2 * NEVER).scatter_reduce(0, members.owner, hazard.detach(), "amax")
    h = top + torch.log(unit_sums(torch.exp(hazard - top[members.owner]), members))
    sure = h > -40
    return torch.where(sure, torch.log(-torch.expm1(-torch.exp(torch.where(sure, h, 0.0)))), h)
