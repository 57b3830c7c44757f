"""How many of the unlabelled are positive: estimated from scores, with an interval."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DELTA, GAMMA = 0.1, 0.01
"""Confidence and slack of the best bin, as in the paper's experiments."""


class Share(NamedTuple):
    """A share of the unlabelled and its interval."""

    value: float
    low: float
    high: float


def positive_share(
    labelled: Floats, unlabelled: Floats, rng: np.random.Generator, draws: int = 200, level: float = 0.95
) -> Share:
    """The share of positives among the unlabelled, by the best bin (Garg et al. 2021, algorithm 1).

    ``labelled``, ``unlabelled``: scores, at least one of each, higher for what is more likely positive, from a model
    that did not train on these records. Where only positives score above c, the share of the unlabelled above c is
    the sought one times that of the labelled: their ratio is read at the c where its upper confidence bound is
    lowest. Against Elkan and Noto (2008) it needs the order of scores only and no calibration; against kernel
    embeddings (Ramaswamy et al. 2016) time n log n. Where no score is reached by positives alone, it is too large.

    The interval is a bootstrap of both samples, at each end the further of the percentile and the basic one, because
    the lowest of many ratios is too low, in every draw again. It holds sampling error, not the bias named above.
    """
    thresholds = np.sort(labelled)[::-1]
    # cell k: unlabelled records that reach threshold k and none before; the last cell: those that reach none
    cell = np.searchsorted(-thresholds, -unlabelled, side="left")
    cells = np.bincount(cell, minlength=len(thresholds) + 1)
    positives, n = len(labelled), len(unlabelled)
    last = np.append(np.flatnonzero(np.diff(thresholds)), positives - 1)  # of every group of equal scores
    value = _best_bin(np.ones(positives, dtype=np.int64), cells, last)
    resampled = [
        _best_bin(rng.multinomial(positives, np.full(positives, 1 / positives)), rng.multinomial(n, cells / n), last)
        for _ in range(draws)
    ]
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    ends = np.clip([min(low, 2 * value - high), max(high, 2 * value - low)], 0.0, 1.0)
    return Share(value, float(ends[0]), float(ends[1]))


def _best_bin(labelled: NDArray[np.int64], cells: NDArray[np.int64], last: NDArray[np.int64]) -> float:
    """The share, from how often each labelled record and each cell of the unlabelled was drawn."""
    n_p, n_u = labelled.sum(), cells.sum()
    reach_p, reach_u = np.cumsum(labelled)[last] / n_p, np.cumsum(cells)[last] / n_u
    slack = (1 + GAMMA) * (math.sqrt(math.log(4 / DELTA) / (2 * n_u)) + math.sqrt(math.log(4 / DELTA) / (2 * n_p)))
    reached = reach_p > 0
    best = np.argmin(np.where(reached, reach_u + slack, np.inf) / np.where(reached, reach_p, 1.0))
    return float(min(reach_u[best] / reach_p[best], 1.0))
