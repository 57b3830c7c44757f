"""Votes as a sparse matrix: the two sums that every aggregation is made of, linear in the number of votes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """What S sources said of some items, each of one of C classes.

    ``said``: a sparse (items, S * C) matrix of ones; a vote of source s for class v is in column ``s * C + v``.
    ``informative``: whether saying nothing of an item is an outcome, the last one of each source.
    ``times``: (items,) how many items a row stands for, those with the same votes; None for one each.
    """

    said: Any
    sources: int
    classes: int
    informative: bool
    times: Floats | None = None

    def __len__(self) -> int:
        """The number of items."""
        return int(self.said.shape[0])

    @property
    def outcomes(self) -> int:
        """K: what a source can say of an item, silence included where it is informative."""
        return self.classes + self.informative

    def drawn(self, share: Floats | float) -> Tally:
        """Each item with a probability, (items,) or one for all; not every k-th, because order may have a period."""
        kept = np.flatnonzero(np.random.default_rng(0).random(len(self)) < share)
        return replace(self, said=self.said[kept], times=None if self.times is None else self.times[kept])

    def log_evidence(self, confusion: Floats, weight: Floats) -> Floats:
        """(items, C) sum over sources of ``weight[s] * log confusion[s, truth, outcome]``.

        ``confusion``: (S, C, K); zeros are exact, so that a sum is -inf where an outcome of it is impossible.
        """
        possible = confusion > 0
        logs = np.log(np.where(possible, confusion, 1.0)) * weight[:, None, None]
        total = self._sums(logs)
        if not possible.all():
            # Counted apart: the sums below add and take away what silence is worth, and inf - inf is no number.
            total[self._sums((~possible).astype(np.float64)) > 0.5] = -np.inf
        return total

    def expected(self, p: Floats) -> Floats:
        """(S, C, C) expected votes by source, truth and vote, where items are of each class with ``p`` (items, C)."""
        shape = (self.sources, self.classes, self.classes)
        items = p if self.times is None else p * self.times[:, None]
        return np.asarray(self.said.T @ items).reshape(shape).transpose(0, 2, 1)

    def total(self, p: Floats) -> Floats:
        """(C,) expected items of each class, where they are of each with ``p`` (items, C)."""
        return np.asarray(p.sum(axis=0) if self.times is None else self.times @ p)

    def numbers(self) -> Floats:
        """(items, C) votes for each class."""
        each: Floats = self.said @ np.tile(np.eye(self.classes), (self.sources, 1))
        return each

    def shares(self) -> Floats:
        """(items, C) vote shares; even where an item has no vote."""
        numbers = self.numbers()
        total = numbers.sum(axis=1, keepdims=True)
        return np.where(total > 0, numbers / np.maximum(total, 1.0), 1 / self.classes)

    def voted(self) -> NDArray[np.bool_]:
        """(items,) whether any source voted."""
        return np.asarray(np.diff(self.said.indptr) > 0)

    def _sums(self, cells: Floats) -> Floats:
        """(items, C) sums of the cells (S, C, K) of what every source said or did not say."""
        by_vote = cells[:, :, : self.classes].transpose(0, 2, 1)
        shape = (self.sources * self.classes, self.classes)
        if not self.informative:
            voted: Floats = self.said @ np.ascontiguousarray(by_vote).reshape(shape)
            return voted
        silent = cells[:, :, self.classes]
        return np.asarray(self.said @ (by_vote - silent[:, None, :]).reshape(shape) + silent.sum(axis=0))
