"""How a source's confusion follows from expected votes: the maximisation step of every aggregation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import digamma

from tacit.labels.aggregation.tally import Floats

ACCURACY = 0.7
"""How often a vote is right before anything is known of its source: better than chance, and no more than that."""

WORTH = 10.0
"""How many votes that belief is worth."""

SURE = 0.999
"""The most that a source may be expected to vote, so that its silence never becomes impossible."""


@dataclass(frozen=True)
class Counts:
    """What the expectation step found.

    ``votes``: (S, C, C) expected votes by source, truth and vote. ``truth``: (C,) expected items of each class.
    ``shares``: (C,) the classes' shares in the votes, every item with a vote counted once. ``informative``: whether
    silence is an outcome.
    """

    votes: Floats
    truth: Floats
    shares: Floats
    informative: bool

    @property
    def items(self) -> float:
        """How many items there are."""
        return float(self.truth.sum())

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

    def prior(self, counts: Counts) -> Floats:
        """(C,) class prior."""

    def confusion(self, counts: Counts, prior: Floats) -> Floats:
        """(S, C, K) probability of each outcome by source and truth; ``prior`` (C,) is the mean belief beforehand."""


@dataclass(frozen=True)
class Free:
    """Every cell by itself (Dawid and Skene 1979), after ``smoothing`` votes of each kind were added to it."""

    smoothing: float

    def prior(self, counts: Counts) -> Floats:
        return _normalised(counts.truth + self.smoothing)

    def confusion(self, counts: Counts, prior: Floats) -> Floats:
        cells = counts.votes
        if counts.informative:
            silent = np.maximum(counts.truth[None, :, None] - cells.sum(axis=2, keepdims=True), 0.0)
            cells = np.concatenate([cells, silent], axis=2)
        return _normalised(cells + self.smoothing)


@dataclass(frozen=True)
class OneCoin:
    """One accuracy a source, the same for every class; all wrong classes are equally likely.

    ``smoothing`` right and as many wrong votes were added. Where silence is an outcome, the accuracy is that of the
    votes (how often they name the truth), and the class prior is that of the vote shares.
    """

    smoothing: float

    def prior(self, counts: Counts) -> Floats:
        truth = counts.shares * counts.items if counts.informative else counts.truth
        return _normalised(truth + self.smoothing)

    def confusion(self, counts: Counts, prior: Floats) -> Floats:
        right = np.einsum("scc->s", counts.votes) + self.smoothing
        coins = _coin(right / (counts.votes.sum(axis=(1, 2)) + 2 * self.smoothing), len(prior))
        return _by_bayes(coins, counts, prior) if counts.informative else coins


@dataclass(frozen=True)
class Regularised:
    """Confusions that lean on each other, and on votes being better than chance: tacit's own estimate.

    A source that can vote for every class speaks by *which* it votes for. Its rows are partially pooled: they have
    the Dirichlet prior kappa * A, where A is the confusion of all these sources together and kappa, the likeness of
    sources, maximises the marginal likelihood of the votes (hierarchical Dawid-Skene of Paun et al. 2018, with
    empirical Bayes instead of sampling).

    Where silence is an outcome, a source that votes for some classes only, a rule, speaks by *when* it votes. Votes
    of rules are few and rules copy each other, so that a free fit drifts to whatever makes rules vote together.
    Therefore the truth behind its n votes for a class is the mean of what was expected of them and of
    ``ACCURACY``, in proportion n' : ``WORTH`` with n' = n * WORTH / (n + WORTH): data can outweigh the belief that
    votes are better than chance up to one half (cf. Miller and Dunson 2019 on coarsened posteriors), and Bayes' rule
    turns it into the rates of voting; the class prior is then that of the vote shares.
    """

    def prior(self, counts: Counts) -> Floats:
        if counts.unlimited:
            return _normalised(counts.truth + 1.0)
        return _normalised(counts.shares * counts.items + 1 / len(counts.truth))

    def confusion(self, counts: Counts, prior: Floats) -> Floats:
        which = np.asarray((counts.given > 0).all(axis=1)) | (not counts.informative)
        found = np.empty((len(which), len(prior), len(prior) + counts.informative))
        for chosen, rule in ((which, _pooled), (~which, _anchored)):
            if chosen.any():
                part = Counts(counts.votes[chosen], counts.truth, counts.shares, counts.informative)
                found[chosen] = rule(part, prior)
        return found


def _pooled(counts: Counts, prior: Floats) -> Floats:
    believed = WORTH * _coin(np.array([ACCURACY]), len(prior))[0]
    common = _normalised(counts.votes.sum(axis=0) + believed)
    pseudo = likeness(counts.votes, common) * common
    return _with_silence(_normalised(counts.votes + pseudo), counts)


def _anchored(counts: Counts, prior: Floats) -> Floats:
    votes, given = counts.votes.transpose(0, 2, 1), counts.given[:, :, None]
    believed = _coin(np.array([ACCURACY]), len(prior))[0]
    weight = given * WORTH / (given + WORTH)
    truth = (weight * votes / np.maximum(given, 1e-300) + WORTH * believed) / (weight + WORTH)
    return _by_bayes(truth, counts, prior)


def _by_bayes(truth: Floats, counts: Counts, prior: Floats) -> Floats:
    """(S, C, C + 1) rates of voting from the ``truth`` (S, C, C) behind each source's votes, by source and vote."""
    rate = (counts.given[:, :, None] + 0.5) / (counts.items + 1.0)
    voting = (rate * truth / np.maximum(prior, 1e-12)).transpose(0, 2, 1)
    voting = voting / np.maximum(voting.sum(axis=2, keepdims=True) / SURE, 1.0)
    return np.concatenate([voting, 1.0 - voting.sum(axis=2, keepdims=True)], axis=2)


def likeness(votes: Floats, common: Floats, steps: int = 10) -> float:
    """kappa: how many votes the rows ``common`` (C, C) are worth as a prior of each source's ``votes`` (S, C, C).

    It maximises the Dirichlet-multinomial likelihood by the fixed point of Minka (2000, equation 55 for the
    precision with the mean held fixed), within 1 and 1,000.
    """
    kappa, rows = WORTH, votes.sum(axis=2)
    for _ in range(steps):
        pseudo = kappa * common
        gained = float((common * (digamma(votes + pseudo) - digamma(pseudo))).sum())
        lost = float((digamma(rows + kappa) - digamma(kappa)).sum())
        if lost <= 0:
            return WORTH
        kappa = min(max(kappa * gained / lost, 1.0), 1000.0)
    return kappa


def _coin(accuracy: Floats, classes: int) -> Floats:
    """(S, C, C) confusions that are right with ``accuracy`` (S,) and wrong in every way alike."""
    if classes == 1:
        return np.ones((len(accuracy), 1, 1))
    wrong = (1 - accuracy) / (classes - 1)
    return np.where(np.eye(classes, dtype=bool), accuracy[:, None, None], wrong[:, None, None])


def _with_silence(rows: Floats, counts: Counts) -> Floats:
    """Confusions (S, C, C) of those who vote; where silence is an outcome, with its rate, whatever the truth."""
    if not counts.informative:
        return rows
    rate = ((counts.given.sum(axis=1) + 0.5) / (counts.items + 1.0))[:, None, None]
    return np.concatenate([rate * rows, np.broadcast_to(1 - rate, (*rows.shape[:2], 1))], axis=2)


def _normalised(cells: Floats) -> Floats:
    """Distributions along the last axis."""
    return np.asarray(cells / cells.sum(axis=-1, keepdims=True))
