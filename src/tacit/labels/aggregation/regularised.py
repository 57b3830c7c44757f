"""tacit's own estimate of confusions: partially pooled where sources are alike, anchored where they are rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, gammaln, logit

from tacit.labels.aggregation.confusions import Counts, distributions, with_silence
from tacit.labels.aggregation.tally import Floats

Bits = NDArray[np.bool_]

KNOWS = 0.6
"""How often a source knows the truth, before anything is known of it; else it guesses."""

WORTH = 10.0
"""How many votes that belief is worth."""

LEAST = 1e-6
"""The least probability of any vote in a prior."""

MOST = 0.25
"""The most that what a network thinks of a rule's votes may count beside that belief."""


@dataclass(frozen=True)
class Regularised:
    """Confusions that lean on each other, and on votes being better than chance: tacit's own estimate.

    A source that can vote for every class speaks by *which* it votes for. Its rows are partially pooled: they have
    the Dirichlet prior kappa * A, where A is the confusion of all these sources together and kappa, the likeness of
    sources, maximises the marginal likelihood of the votes (hierarchical Dawid-Skene of Paun et al. 2018, with
    empirical Bayes instead of sampling). Where silence says nothing, A is moved to how often the source is right,
    which is pooled in the same way: annotators are unlike in skill more than in what they confuse.

    Where silence is an outcome, a source that votes for some classes only, a rule, speaks by *when* it votes. Rules
    have few votes on a record and copy each other, so that their votes alone say neither how frequent the classes
    are nor who is right: a free fit drifts to whatever makes rules vote together. Therefore classes are taken to be
    even among the records with a vote, and the truth behind a rule's votes for a class to be that class at the rate
    ``KNOWS``, less for a rule that speaks so often that even classes leave no room for it, and else anything; a
    rule's silence says nothing. Only where a network helps to tell the truth (``taught``) is that belief moved
    towards what it thinks of the votes, by ``MOST`` at most, however many they are (cf. Miller and Dunson 2019 on
    coarsened posteriors).
    """

    taught: bool = False

    def shares(self, counts: Counts) -> Floats:
        return distributions(counts.truth + 1.0) if counts.unlimited else np.full_like(counts.truth, 1 / counts.classes)

    def confusion(self, counts: Counts, shares: Floats) -> Floats:
        which = np.asarray((counts.given > 0).all(axis=1)) | (not counts.informative)
        found = np.empty((len(which), counts.classes, counts.classes + counts.informative))
        if which.any():
            found[which] = _pooled(replace(counts, votes=counts.votes[which]), shares)
        if not which.all():
            found[~which] = with_silence(self._ruled(counts, ~which), replace(counts, votes=counts.votes[~which]))
        return found

    def _ruled(self, counts: Counts, rules: Bits) -> Floats:
        """(rules, C, C) votes by truth; what its votes leave over goes to the classes that a rule never votes for."""
        truth = _behind(counts)[rules]
        votes, given = counts.votes[rules].transpose(0, 2, 1), counts.given[rules][:, :, None]
        if self.taught:
            found = distributions((votes + truth) / (counts.truth + 1.0))
            weight = given / (1 + given * (1 - MOST) / (WORTH * MOST))
            truth = (weight * found + WORTH * truth) / (weight + WORTH)
        rows = np.where(given > 0, truth, 0.0).transpose(0, 2, 1)
        rows = rows / np.maximum(rows.sum(axis=2).max(axis=1), 1.0)[:, None, None]
        never = (given == 0).transpose(0, 2, 1)
        return np.asarray(rows + never * (1 - rows.sum(axis=2, keepdims=True)) / never.sum(axis=2, keepdims=True))


def _behind(counts: Counts) -> Floats:
    """(S, C, C) truth by source and vote, where the classes that anyone votes for are even among the spoken items."""
    given, even = counts.given, 1 / counts.classes
    spoken = counts.spoken.sum() / max(int((given.sum(axis=0) > 0).sum()), 1)
    room = (spoken / np.maximum(given, 1.0) - even) / max(1 - even, 1e-12)
    knows = np.clip(room, 0.0, KNOWS)[:, :, None]
    return np.asarray(knows * np.eye(counts.classes) + (1 - knows) * even)


def _pooled(counts: Counts, shares: Floats) -> Floats:
    common = distributions(counts.votes.sum(axis=0) + WORTH * _knowing(shares))
    centre = common if counts.informative else _as_skilled(common, counts.votes)
    pseudo = likeness(counts.votes, centre) * centre
    return with_silence(distributions(counts.votes + pseudo), counts)


def _as_skilled(common: Floats, votes: Floats) -> Floats:
    """(S, C, C) the ``common`` rows with the odds of being right, for each class, moved by each source's skill."""
    right, total = np.einsum("scc->s", votes), votes.sum(axis=(1, 2))
    mean = _open((right.sum() + KNOWS) / (total.sum() + 1.0))
    kappa = likeness(np.stack([right, total - right], axis=1), np.array([mean, 1 - mean]))
    skill = logit(_open((right + kappa * mean) / (total + kappa))) - logit(mean)
    diagonal = expit(logit(_open(np.diag(common))) + skill[:, None])
    itself = np.eye(len(common), dtype=bool)
    errors = np.where(itself, 0.0, np.maximum(common, LEAST))
    errors = errors / np.maximum(errors.sum(axis=1, keepdims=True), LEAST)
    return distributions(np.where(itself, diagonal[:, :, None], (1 - diagonal)[:, :, None] * errors) + LEAST)


def _open(rate: Any) -> Any:
    return np.clip(rate, 1e-3, 1 - 1e-3)


def _knowing(shares: Floats) -> Floats:
    """(C, C) votes by truth of a source that knows it at the rate ``KNOWS`` and else guesses."""
    return np.asarray(KNOWS * np.eye(len(shares)) + (1 - KNOWS) * shares)


def likeness(votes: Floats, common: Floats) -> float:
    """kappa: how many votes the distributions ``common`` are worth as a prior of those behind the ``votes`` (..., K).

    It maximises the Dirichlet-multinomial likelihood of the votes, within 1 and 1,000. ``common`` has the shape of
    ``votes``, or is the same for all sources.
    """
    rows, each = votes.sum(axis=-1), np.broadcast_to(common, votes.shape)

    def against(log_kappa: float) -> float:
        kappa = np.exp(log_kappa)
        cells = (gammaln(votes + kappa * each) - gammaln(kappa * each)).sum()
        return float((gammaln(rows + kappa) - gammaln(kappa)).sum() - cells)

    return float(np.exp(minimize_scalar(against, bounds=(0.0, np.log(1000.0)), method="bounded").x))
