"""The two-level bootstrap against closed forms, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from tacit.claims.interval import two_level


def test_additive_effects_give_the_closed_form_variance() -> None:
    """Where seeds and records add without residual, the variance of the mean is var(a) / S + var(b) / n."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 0.02, 200), rng.normal(0, 0.3, 500)
    values = a[:, None] + b[None, :]
    found = two_level(values, np.random.default_rng(1), draws=20000)
    seed, record = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    assert found.mean == pytest.approx(values.mean())
    assert found.seed_variance == pytest.approx(seed)
    assert found.record_variance == pytest.approx(record, rel=1e-9)
    half = norm.ppf(0.975) * np.sqrt(seed + record)
    assert found.high - found.mean == pytest.approx(half, rel=0.04)
    assert found.mean - found.low == pytest.approx(half, rel=0.04)


def test_residuals_alone_are_not_counted_twice() -> None:
    """Independent cells: the interval is that of a mean of S · n draws, though both levels are drawn."""
    values = np.random.default_rng(2).normal(size=(60, 400))
    found = two_level(values, np.random.default_rng(3), draws=20000)
    half = norm.ppf(0.975) / np.sqrt(values.size)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.25)


def test_few_seeds_that_agree_on_records_give_students_interval() -> None:
    """With no spread over records the interval is close to the t interval of the seeds' means."""
    means = np.array([0.01, 0.03, 0.02, 0.06, 0.03, 0.01, 0.04, 0.02])
    found = two_level(np.repeat(means[:, None], 50, axis=1), np.random.default_rng(0), draws=20000)
    half = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)
    assert found.record_variance == pytest.approx(0, abs=1e-20)


def test_no_difference_anywhere_is_a_point() -> None:
    found = two_level(np.zeros((5, 30)), np.random.default_rng(0))
    assert (found.low, found.mean, found.high) == (0, 0, 0)


def test_one_seed_still_has_its_records() -> None:
    values = np.random.default_rng(4).random((1, 300))
    found = two_level(values, np.random.default_rng(5))
    assert found.seed_variance == 0
    half = norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(300)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)


@pytest.mark.parametrize("seed_scale", [0.0, 0.05])
def test_five_seeds_cover_the_truth_as_often_as_said(seed_scale: float) -> None:
    """Crossed effects around a known mean, 5 seeds: at least 92 of 100 intervals hold it, and few are vacuous."""
    rng = np.random.default_rng(6)
    covered, trials = 0, 400
    for _ in range(trials):
        values = 0.02 + seed_scale * rng.normal(size=(5, 1)) + 0.2 * rng.normal(size=(1, 100))
        values = values + 0.4 * rng.normal(size=(5, 100))
        found = two_level(values, rng, draws=400)
        covered += found.low <= 0.02 <= found.high
    assert 0.92 <= covered / trials <= 0.985
