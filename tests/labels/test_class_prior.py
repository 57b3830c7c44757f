"""The share of positives from scores: exact cases, a simulation, and the interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tacit.labels.class_prior import DELTA, GAMMA, positive_share


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_bin_is_that_of_the_paper() -> None:
    """Algorithm 1 spelt out over all thresholds."""
    draws = rng(1)
    p, u = draws.normal(1, 1, 40), np.concatenate([draws.normal(1, 1, 30), draws.normal(-1, 1, 90)])
    slack = (1 + GAMMA) * (np.sqrt(np.log(4 / DELTA) / (2 * len(u))) + np.sqrt(np.log(4 / DELTA) / (2 * len(p))))
    bounds = {c: ((u >= c).mean() + slack) / (p >= c).mean() for c in p}
    best = min(bounds, key=lambda c: bounds[c])
    expected = min(float((u >= best).mean() / (p >= best).mean()), 1.0)
    assert positive_share(p, u, rng(), draws=2).value == pytest.approx(expected)


def test_scores_that_separate_give_the_exact_share() -> None:
    found = positive_share(np.ones(50), np.repeat([1.0, 0.0], [30, 70]), rng())
    assert found.value == pytest.approx(0.3)
    assert found.low < 0.3 < found.high
    assert positive_share(np.ones(5), np.zeros(9), rng()).value == 0.0
    assert positive_share(np.ones(5), np.ones(9), rng()).value == 1.0
    assert positive_share(np.array([2.0]), np.array([3.0]), rng()).value == 1.0


def test_only_the_order_of_scores_counts() -> None:
    p, u = rng(2).normal(1, 1, 60), rng(3).normal(0, 1, 100)
    assert positive_share(p, u, rng()) == positive_share(np.exp(p), np.exp(u), rng())


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_simulated_shares_are_found_and_covered(share: float) -> None:
    """Scores with a region that positives alone reach; 40 samples of 300 labelled and 1,500 unlabelled."""
    found = []
    for seed in range(40):
        draws = rng(seed)
        positives = draws.binomial(1500, share)
        u = np.concatenate([draws.normal(3, 1, positives), draws.normal(-1, 1, 1500 - positives)])
        found.append(positive_share(draws.normal(3, 1, 300), u, draws, draws=100))
    assert np.mean([f.value for f in found]) == pytest.approx(share, abs=0.025)
    assert np.mean([f.low <= share <= f.high for f in found]) >= 0.9


def test_without_a_pure_region_it_is_too_large_and_never_below_the_best_ratio() -> None:
    """The bias that the docstring owns up to: the ratio of tails at its lowest bounds what can be known."""
    draws = rng(4)
    p = draws.normal(0.5, 1, 4000)
    u = np.concatenate([draws.normal(0.5, 1, 1200), draws.normal(0, 1, 2800)])
    found = positive_share(p, u, draws, draws=20)
    ratio = (0.3 * norm.sf(1.5, 0.5) + 0.7 * norm.sf(1.5)) / norm.sf(1.5, 0.5)
    assert found.value > 0.3
    assert found.value == pytest.approx(ratio, abs=0.15)
