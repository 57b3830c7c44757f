"""Expectation-maximisation over votes: what each item is, and how each source errs, in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tacit.labels.aggregation.confusions import Counts, Estimator
from tacit.labels.aggregation.tally import Floats, Tally

RARE = 1e-12
"""The least share of a class that a network may predict; confusions divide by it."""


@dataclass(frozen=True)
class Fit:
    """``p``: (items, C) beliefs; ``prior``: (C,); ``confusion``: (S, C, K); ``log_likelihood`` of all votes."""

    p: Floats
    prior: Floats
    confusion: Floats
    log_likelihood: float


def fit(
    tally: Tally,
    estimator: Estimator,
    weight: Floats,
    iterations: int,
    log_prior: Floats | None = None,
    start: Floats | None = None,
) -> Fit:
    """Maximisation and expectation by turns.

    ``weight``: (S,) what part of an independent source each counts for. ``log_prior``: (items, C) what a network
    thinks of the items; without it they share a class prior, which is estimated too. ``start``: (items, C) beliefs to
    begin with, by default their vote shares.
    """
    votes = tally.shares()
    spoken = tally.total(votes * tally.voted()[:, None])
    p = votes if start is None else start
    mean = None if log_prior is None else np.maximum(np.exp(log_prior).mean(axis=0), RARE)
    prior, confusion, log_likelihood = np.empty(0), np.empty(0), 0.0
    for _ in range(iterations):
        counts = Counts(tally.expected(p), tally.total(p), spoken, tally.informative)
        prior = estimator.shares(counts) if mean is None else mean
        confusion = estimator.confusion(counts, prior)
        p, log_likelihood = _beliefs(tally, prior, confusion, weight, log_prior)
    return Fit(p, prior, confusion, log_likelihood)


def expected(tally: Tally, found: Fit, weight: Floats) -> Floats:
    """(items, C) beliefs, by what was ``found`` of other items with the same sources."""
    return _beliefs(tally, found.prior, found.confusion, weight)[0]


def _beliefs(
    tally: Tally, prior: Floats, confusion: Floats, weight: Floats, log_prior: Floats | None = None
) -> tuple[Floats, float]:
    scores = tally.log_evidence(confusion, weight)
    scores += np.log(np.maximum(prior, 1e-300)) if log_prior is None else log_prior
    return normalised(scores, tally.times)


def normalised(scores: Floats, times: Floats | None = None) -> tuple[Floats, float]:
    """Probabilities (items, C) from log-weights, which are overwritten, and the sum of their log-sums.

    ``times``: (items,) how often each item counts in that sum; None for once.
    Column by column: C is small, and reducing along it would take ten times as long.
    """
    classes = scores.shape[1]
    largest = scores[:, 0].copy()
    for c in range(1, classes):
        np.maximum(largest, scores[:, c], out=largest)
    scores -= largest[:, None]
    np.exp(scores, out=scores)
    total = scores[:, 0].copy()
    for c in range(1, classes):
        total += scores[:, c]
    scores /= total[:, None]
    log_sums = largest + np.log(total)
    return scores, float(log_sums.sum() if times is None else times @ log_sums)
