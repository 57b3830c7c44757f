"""tacit's own estimate of confusions: partially pooled where sources are alike, anchored where they are rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from tacit.labels.aggregation.confusions import Counts, by_bayes, distributions, with_silence
from tacit.labels.aggregation.tally import Floats

KNOWS = 0.6
"""How often a source knows the truth, before anything is known of it; else it guesses by the class prior.

So that a vote is evidence for its class whatever the prior, which a fixed accuracy is not for a frequent class.
"""

WORTH = 10.0
"""How many votes that belief is worth."""

MOST = 0.25
"""The most that a rule's votes may count beside that belief."""


@dataclass(frozen=True)
class Regularised:
    """Confusions that lean on each other, and on votes being better than chance: tacit's own estimate.

    A source that can vote for every class speaks by *which* it votes for. Its rows are partially pooled: they have
    the Dirichlet prior kappa * A, where A is the confusion of all these sources together and kappa, the likeness of
    sources, maximises the marginal likelihood of the votes (hierarchical Dawid-Skene of Paun et al. 2018, with
    empirical Bayes instead of sampling).

    Where silence is an outcome, a source that votes for some classes only, a rule, speaks by *when* it votes. Rules
    have few votes on a record and copy each other, so that a free fit drifts to whatever makes rules vote together.
    Therefore the truth behind a rule's votes for a class is believed to be a mixture: ``KNOWS`` that class and else
    anything, moved towards what was expected of the votes by ``MOST`` at most, however many they are (cf. Miller and
    Dunson 2019 on coarsened posteriors). Bayes' rule turns it into rates of voting. The vote shares stand for the
    shares of the classes, and the prior is such that they are also what is believed of a record without a vote.
    """

    def shares(self, counts: Counts) -> Floats:
        if counts.unlimited:
            return distributions(counts.truth + 1.0)
        return distributions(counts.spoken + 1 / len(counts.truth))

    def confusion(self, counts: Counts, shares: Floats) -> Floats:
        which = np.asarray((counts.given > 0).all(axis=1)) | (not counts.informative)
        found = np.empty((len(which), len(shares), len(shares) + counts.informative))
        for chosen, rule in ((which, _pooled), (~which, _anchored)):
            if chosen.any():
                part = replace(counts, votes=counts.votes[chosen])
                found[chosen] = rule(part, shares)
        return found

    def prior(self, counts: Counts, shares: Floats, confusion: Floats, weight: Floats) -> Floats:
        if counts.unlimited:
            return shares
        silence = (weight[:, None] * np.log(confusion[:, :, -1])).sum(axis=0)
        return distributions(shares * np.exp(silence.min() - silence))


def _pooled(counts: Counts, shares: Floats) -> Floats:
    common = distributions(counts.votes.sum(axis=0) + WORTH * _knowing(shares))
    pseudo = likeness(counts.votes, common) * common
    return with_silence(distributions(counts.votes + pseudo), counts)


def _anchored(counts: Counts, shares: Floats) -> Floats:
    votes, given = counts.votes.transpose(0, 2, 1), counts.given[:, :, None]
    most = WORTH * MOST / (1 - MOST)
    weight = most / (given + most)
    truth = (weight * votes + WORTH * _knowing(shares)) / (weight * given + WORTH)
    return by_bayes(truth, counts, shares)


def _knowing(shares: Floats) -> Floats:
    """(C, C) votes by truth, or truths by vote, of a source that knows at the rate ``KNOWS`` and else guesses."""
    return np.asarray(KNOWS * np.eye(len(shares)) + (1 - KNOWS) * shares)


def likeness(votes: Floats, common: Floats) -> float:
    """kappa: how many votes the rows ``common`` (C, C) are worth as a prior of each source's ``votes`` (S, C, C).

    It maximises the Dirichlet-multinomial likelihood of the rows, within 1 and 1,000.
    """
    rows = votes.sum(axis=2)

    def against(log_kappa: float) -> float:
        kappa = np.exp(log_kappa)
        cells = gammaln(votes + kappa * common).sum() - len(votes) * gammaln(kappa * common).sum()
        return float((gammaln(rows + kappa) - gammaln(kappa)).sum() - cells)

    return float(np.exp(minimize_scalar(against, bounds=(0.0, np.log(1000.0)), method="bounded").x))
