"""Censored numbers against scipy's truncated normal, quadrature and mpmath far into the tails."""

from __future__ import annotations

import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import norm, truncnorm
from torch.autograd import gradcheck, gradgradcheck

from tacit.data.prediction import Normal
from tacit.data.task import Number
from tacit.errors import InputError
from tacit.labels import Intervals
from tacit.labels.base import posterior_by_gradient
from tacit.labels.truncated import log_mass, truncated

NAN, INF = float("nan"), float("inf")


def example(rng: np.random.Generator) -> Intervals:
    """Six records: closed, open above, open below, two unknown."""
    a = rng.normal(size=6)
    return Intervals([a[0], a[1], -INF, NAN, a[4], -INF], [a[0] + 1, INF, a[2], NAN, a[4] + 0.1, INF])


def normal(mean: list[float], sd: list[float]) -> Normal:
    return Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(sd, dtype=torch.float64).log())


@given(
    st.floats(-5, 5, allow_subnormal=False),  # on which the reference's quadrature warns
    st.floats(0.1, 5),
    st.floats(-6, 6, allow_subnormal=False),
    st.floats(0.01, 6),
    st.sampled_from(["both", "low", "high"]),
)
@settings(max_examples=60, deadline=None)
def test_value_and_moments_by_quadrature_and_by_scipy(
    mean: float, sd: float, at: float, width: float, side: str
) -> None:
    low, high = -INF if side == "high" else at, INF if side == "low" else at + width
    labels, prediction = Intervals([low], [high]), normal([mean], [sd])
    ends = max(low, mean - 40 * sd), min(high, mean + 40 * sd)
    if ends[0] < ends[1]:
        middle = min(max(mean, ends[0]), ends[1])
        mass = sum(
            quad(norm(mean, sd).pdf, *e, epsabs=0, epsrel=1e-12)[0] for e in ((ends[0], middle), (middle, ends[1]))
        )
        found = float(labels.log_likelihood(prediction))
        if mass > 1e-290:
            assert found == pytest.approx(math.log(mass), rel=1e-9, abs=1e-9)
    judge = truncnorm((low - mean) / sd, (high - mean) / sd, loc=mean, scale=sd)
    posterior = labels.posterior(prediction)
    assert isinstance(posterior, Normal)
    assert float(posterior.mean) == pytest.approx(judge.mean(), rel=1e-6, abs=1e-6)
    assert float(posterior.log_scale.exp()) == pytest.approx(judge.std(), rel=1e-4, abs=1e-6)


@given(st.floats(-3, 3), st.floats(0.3, 3), st.floats(-3, 3), st.floats(0.05, 6))
@settings(max_examples=40, deadline=None)
def test_the_posterior_is_what_tweedies_formulas_give(mean: float, sd: float, low: float, width: float) -> None:
    labels, prediction = Intervals([low, NAN], [low + width, NAN]), normal([mean, 1.0], [sd, 2.0])
    closed, gradient = (
        labels.posterior(prediction),
        posterior_by_gradient(labels.log_likelihood, labels.units(), prediction),
    )
    assert isinstance(closed, Normal) and isinstance(gradient, Normal)
    assert_allclose(closed.mean, gradient.mean, rtol=1e-9, atol=1e-9)
    assert_allclose((2 * closed.log_scale).exp(), (2 * gradient.log_scale).exp(), rtol=1e-9, atol=1e-9)


def exactly(mean: float, variance: float, low: float, high: float) -> tuple[float, float, float]:
    """Log-mass, mean and variance with 300 digits."""
    with mpmath.workdps(300):
        sd = mpmath.sqrt(mpmath.mpf(variance))
        a, b = ((mpmath.mpf(x) - mpmath.mpf(mean)) / sd for x in (low, high))
        mass = (mpmath.erfc(a / mpmath.sqrt(2)) - mpmath.erfc(b / mpmath.sqrt(2))) / 2
        at_a, at_b = (mpmath.mpf(0) if mpmath.isinf(x) else mpmath.npdf(x) / mass for x in (a, b))
        z = at_a - at_b
        left = 1 + (0 if mpmath.isinf(a) else a * at_a) - (0 if mpmath.isinf(b) else b * at_b) - z**2
        return float(mpmath.log(mass)), float(mean + sd * z), float(variance * left)


@pytest.mark.parametrize("width", [1e-8, 1e-3, 0.3, 0.999, 1.001, 5.0, INF])
@pytest.mark.parametrize("at", [-30.0, -4.0, -0.7, 0.0, 0.001, 1.0, 3.999, 4.001, 12.0, 30.0])
def test_every_regime_is_right_to_rounding(at: float, width: float) -> None:
    mean, variance, low, high = 0.3, 2.0, 0.3 + at, 0.3 + at + width
    given = [torch.tensor([x], dtype=torch.float64) for x in (mean, variance, low, high)]
    value, centre, spread = exactly(mean, variance, low, high)
    assert float(log_mass(*given)) == pytest.approx(value, rel=1e-13, abs=1e-13)
    assert_allclose(torch.cat(truncated(*given)), [centre, spread], rtol=1e-11)
    mirrored = [given[0], given[1], 2 * mean - given[3], 2 * mean - given[2]]
    torch.testing.assert_close(log_mass(*mirrored), log_mass(*given), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("at", [1e3, 1e6, 1e9])
def test_far_tails_follow_their_asymptotics(at: float) -> None:
    """Beyond a: log Q(a) = -a²/2 - log a - log sqrt(2 pi) - ..., mean a + 1/a, variance 1/a²."""
    nought, one, low, high = (torch.tensor([x], dtype=torch.float64) for x in (0.0, 1.0, at, INF))
    expected = -0.5 * at**2 - math.log(at) - 0.5 * math.log(2 * math.pi) - 1 / at**2
    assert float(log_mass(nought, one, low, high)) == pytest.approx(expected, rel=1e-12)
    mean, variance = truncated(nought, one, low, high)
    assert float(mean) == pytest.approx(at + 1 / at, rel=1e-11)
    assert float(variance) == pytest.approx(1 / at**2, rel=10 / at**2 + 1e-12)


def test_the_likelihood_is_twice_differentiable_in_every_regime() -> None:
    labels = Intervals([-1.0, 0.5, -INF, 2.0, 5.0, 5.0, -3.0, NAN], [1.5, INF, -0.4, 2.01, 6.0, INF, -2.99, NAN])
    mean = torch.randn(8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    log_scale = (0.3 * mean.detach()).requires_grad_()
    assert gradcheck(lambda m, s: labels.log_likelihood(Normal(m, s)), (mean, log_scale))
    assert gradgradcheck(lambda m, s: labels.log_likelihood(Normal(m, s)), (mean, log_scale))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1e-8), (1e8, 1.0), (-1e8, 1e-3), (0.0, 1e8), (0.25, 1e-8)])
def test_extreme_beliefs_stay_finite(mean: float, sd: float, dtype: torch.dtype) -> None:
    labels = Intervals([0.2, -INF, 0.2, 1e6], [INF, 0.1, 0.3, 1e6 + 1])
    leaf = torch.full((4,), mean, dtype=dtype, requires_grad=True)
    log_scale = torch.full((4,), math.log(sd), dtype=dtype, requires_grad=True)
    likelihood = labels.log_likelihood(Normal(leaf, log_scale))
    posterior = labels.posterior(Normal(leaf, log_scale))
    assert isinstance(posterior, Normal)
    for found in (
        likelihood,
        *torch.autograd.grad(likelihood.sum(), (leaf, log_scale)),
        posterior.mean,
        posterior.log_scale,
    ):
        assert bool(torch.isfinite(found).all())
    low, high = torch.tensor(labels.low).to(dtype), torch.tensor(labels.high).to(dtype)
    assert bool(((low <= posterior.mean) & (posterior.mean <= high)).all())


def test_the_gradient_pulls_towards_the_interval() -> None:
    mean = torch.tensor([-50.0, 50.0], dtype=torch.float64, requires_grad=True)
    likelihood = Intervals([0.0, 0.0], [1.0, 1.0]).log_likelihood(Normal(mean, torch.zeros(2, dtype=torch.float64)))
    (gradient,) = torch.autograd.grad(likelihood.sum(), mean)
    assert_allclose(gradient, [50.02, -49.02], atol=0.01)


def test_a_certain_belief_is_inside_or_out() -> None:
    three = torch.tensor([0.5, 1.0, 7.0], dtype=torch.float64)
    nought, one = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    assert log_mass(three, nought, nought, one).tolist() == [0.0, 0.0, -1e30]


def test_units_hide_take_padding_and_task() -> None:
    labels = Intervals([0.0, NAN, -INF, 2.0, -INF], [1.0, NAN, 4.0, INF, INF])
    assert_array_equal(labels.units().sites, [0, 2, 3]), "two open sides say nothing"
    assert labels.task == Number(float(np.mean([0.5, 4.0, 2.0])), float(np.std([0.5, 4.0, 2.0])))
    hidden, taken, longer = labels.hide(np.array([1])), labels.take(np.array([3, 0])), labels.padded(1)
    assert_array_equal(hidden.low, [0.0, NAN, NAN, 2.0, NAN])
    assert_array_equal(taken.high, [INF, 1.0])
    assert_array_equal(longer.labelled(), [0, 2, 3])
    assert hidden.task == taken.task == longer.task == labels.task
    assert "3 of 5 records: 1 closed, 1 known from below only, 1 from above only" in labels.describe()


def test_a_table_holds_open_sides(tmp_path: Path) -> None:
    Intervals([0.1, NAN, -INF], [INF, NAN, 4.0]).to_file(tmp_path / "l.csv", ["a", "b", "ü"])
    assert (tmp_path / "l.csv").read_text().splitlines() == ["id,low,high", "a,0.1,inf", "b,,", "ü,-inf,4.0"]


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ([0.0, 5.0], [1.0, 2.0], r"record 1 \(5 to 2\) has its lower bound above the upper one"),
        ([0.0, 2.0], [1.0, 2.0], r"record 1 .* a number that is known exactly belongs to Values"),
        ([NAN], [2.0], r"record 0 .* has one bound that is unknown"),
        ([INF], [INF], r"record 0 .* at the same infinity"),
        ([0.0], [1.0, 2.0], "bounds have shapes"),
        (["low"], [1.0], "bounds are not all numbers"),
    ],
)
def test_unusable_bounds_are_refused_by_record(low: list[float], high: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Intervals(low, high)


@pytest.mark.parametrize(("low", "high"), [(1e300, np.inf), (-1e300, 1e300), (0.0, 1e300), (-1e308, 0.0)])
def test_bounds_that_are_finite_and_too_far_out_are_refused(low: float, high: float) -> None:
    with pytest.raises(InputError, match=r"record 1 .* has a bound beyond 1e\+30 in size; write -inf or inf"):
        Intervals([0.0, low], [1.0, high])


@pytest.mark.parametrize(("low", "high"), [(-1e30, 1e30), (0.0, 1e30), (9e29, np.inf), (-np.inf, -1e30)])
def test_the_farthest_bounds_give_finite_results(low: float, high: float) -> None:
    labels = Intervals([0.0, low], [1.0, high])
    assert np.isfinite([labels.task.centre, labels.task.scale]).all()
    belief = Normal(torch.zeros(2), torch.zeros(2))
    after = labels.posterior(belief)
    assert isinstance(after, Normal)
    assert torch.isfinite(labels.log_likelihood(belief)).all()
    assert torch.isfinite(after.mean).all() and torch.isfinite(after.log_scale).all()


def test_comparisons_with_known_numbers_are_bounds() -> None:
    numbers = [1.0, 4.0, np.nan, np.nan, np.nan, np.nan]
    #          2 > 0   2 > 1   3 < 1   3 > 0   4 < 0   4 > 1 (no: 0 is 1)   3 > 5   0 < 1
    winner = [2, 2, 1, 3, 0, 4, 3, 1]
    loser = [0, 1, 3, 0, 4, 1, 5, 0]
    found = Intervals.from_comparisons(numbers, winner, loser)
    assert_array_equal(found.low, [np.nan, np.nan, 4.0, 1.0, np.nan, np.nan])
    assert_array_equal(found.high, [np.nan, np.nan, np.inf, 4.0, np.nan, np.nan])
    assert len(Intervals.from_comparisons([np.nan, 2.0], [], []).units()) == 0
    with pytest.raises(InputError, match="2 winners and 1 losers"):
        Intervals.from_comparisons(numbers, [2, 3], [0])
    with pytest.raises(InputError, match="comparison"):
        Intervals.from_comparisons(numbers, [6], [0])


def test_a_bound_from_a_comparison_is_the_likelihood_of_the_comparison() -> None:
    """That a normal number is above a known one, against its survival function."""
    found = Intervals.from_comparisons([0.3, np.nan], [1], [0])
    prediction = Normal(torch.tensor([0.0, 0.7], dtype=torch.float64), torch.tensor([0.0, 0.2], dtype=torch.float64))
    assert_allclose(found.log_likelihood(prediction), [norm.logsf(0.3, 0.7, np.exp(0.2))], rtol=1e-12)
