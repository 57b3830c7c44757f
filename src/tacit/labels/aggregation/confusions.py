"""How a source's confusion follows from expected votes: the maximisation step of every aggregation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tacit.labels.aggregation.tally import Floats
from tacit.labels.transitions import even_errors

SURE = 0.999
"""The most that a source may be expected to vote, so that its silence never becomes impossible."""


@dataclass(frozen=True)
class Counts:
    """What the expectation step found.

    ``votes``: (S, C, C) expected votes by source, truth and vote. ``truth``: (C,) expected items of each class.
    ``spoken``: (C,) items with a vote, parted by their vote shares. ``informative``: whether silence is an outcome.
    """

    votes: Floats
    truth: Floats
    spoken: Floats
    informative: bool

    @property
    def items(self) -> float:
        """How many items there are."""
        return float(self.truth.sum())

    @property
    def classes(self) -> int:
        """C."""
        return len(self.truth)

    @property
    def given(self) -> Floats:
        """(S, C) how often each source voted for each class."""
        return np.asarray(self.votes.sum(axis=1))

    @property
    def unlimited(self) -> bool:
        """Whether which class a source votes for is all that it says: silence is no outcome, or all vote for all."""
        return not self.informative or bool((self.given > 0).all())


class Estimator(Protocol):
    """From expected counts to the parameters of the next step."""

    def shares(self, counts: Counts) -> Floats:
        """(C,) shares of the classes among the items, where no network knows better."""

    def confusion(self, counts: Counts, shares: Floats) -> Floats:
        """(S, C, K) probability of each outcome by source and truth, given the shares of the classes (C,)."""


@dataclass(frozen=True)
class Free:
    """Every cell by itself (Dawid and Skene 1979), after ``smoothing`` votes of each kind were added to it."""

    smoothing: float

    def shares(self, counts: Counts) -> Floats:
        return distributions(counts.truth + self.smoothing)

    def confusion(self, counts: Counts, shares: Floats) -> Floats:
        cells = counts.votes
        if counts.informative:
            silent = np.maximum(counts.truth[None, :, None] - cells.sum(axis=2, keepdims=True), 0.0)
            cells = np.concatenate([cells, silent], axis=2)
        return distributions(cells + self.smoothing)


@dataclass(frozen=True)
class OneCoin:
    """One accuracy a source, the same for every class; all wrong classes are equally likely.

    ``smoothing`` right and as many wrong votes were added. Where silence is an outcome, the accuracy is that of the
    votes (how often they name the truth), and the shares of the classes are those of the votes.
    """

    smoothing: float

    def shares(self, counts: Counts) -> Floats:
        return distributions((counts.spoken if counts.informative else counts.truth) + self.smoothing)

    def confusion(self, counts: Counts, shares: Floats) -> Floats:
        right = np.einsum("scc->s", counts.votes) + self.smoothing
        rate = right / (counts.votes.sum(axis=(1, 2)) + 2 * self.smoothing)
        coins = even_errors(rate[:, None], len(shares))
        return by_bayes(coins, counts, shares) if counts.informative else coins


def by_bayes(truth: Floats, counts: Counts, shares: Floats) -> Floats:
    """(S, C, C + 1) rates of voting from the ``truth`` (S, C, C) behind each source's votes, by source and vote."""
    rate = (counts.given[:, :, None] + 0.5) / (counts.items + 1.0)
    voting = (rate * truth / shares).transpose(0, 2, 1)
    voting = voting / np.maximum(voting.sum(axis=2, keepdims=True) / SURE, 1.0)
    return np.concatenate([voting, 1.0 - voting.sum(axis=2, keepdims=True)], axis=2)


def with_silence(rows: Floats, counts: Counts) -> Floats:
    """Confusions (S, C, C) of those who vote; where silence is an outcome, with its rate, whatever the truth."""
    if not counts.informative:
        return rows
    rate = ((counts.given.sum(axis=1) + 0.5) / (counts.items + 1.0))[:, None, None]
    return np.concatenate([rate * rows, np.broadcast_to(1 - rate, (*rows.shape[:2], 1))], axis=2)


def distributions(cells: Floats) -> Floats:
    """Distributions along the last axis."""
    return np.asarray(cells / cells.sum(axis=-1, keepdims=True))
