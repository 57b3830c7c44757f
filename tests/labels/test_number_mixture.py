"""Mixed evidence on numbers against quadrature over all joint values, and against what must not change."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import nquad
from scipy.stats import multivariate_normal, norm
from torch.autograd import gradcheck, gradgradcheck

from tacit.data.prediction import Normal
from tacit.errors import InputError
from tacit.labels import Intervals, Labels, Means, Preferences, Values
from tacit.labels.number_mixture import NumberMixture

from ..reference.quadrature import Site, integrated

NAN, INF = float("nan"), float("inf")


def belief(n: int, seed: int = 0) -> Normal:
    mean, log_scale = torch.randn(2, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Normal(mean, 0.3 * log_scale)


def mixed(*parts: Labels, trust: list[float] | None = None) -> NumberMixture:
    labels = Labels.combine(*parts, trust=trust)
    assert isinstance(labels, NumberMixture)
    return labels


def judged(
    labels: NumberMixture, prediction: Normal, means: list[tuple[list[int], float, float]], nodes: int = 16
) -> None:
    """Value, moments and gradient of all units together, where the bags are ``means``."""
    reference = (labels.task.centre, labels.task.scale)
    sites = [Site(float(m), math.exp(float(s))) for m, s in zip(prediction.mean, prediction.log_scale, strict=True)]
    for part, t in zip(labels.parts, labels.trust, strict=True):
        for r in part.units().sites.tolist() if isinstance(part, Values | Intervals) else ():
            if isinstance(part, Values):
                sites[r].value(float(part.v[r]), math.sqrt(part.noise[r]), t, reference)
            else:
                sites[r].interval(float(part.low[r]), float(part.high[r]), t, reference)
    total, centre, spread = integrated(sites, means, nodes)
    assert not labels.composite
    found = float(labels.log_likelihood(prediction).sum())
    assert abs(found - total) <= 1e-9 * max(1.0, abs(total)), (found, total)
    posterior = labels.posterior(prediction)
    assert isinstance(posterior, Normal)
    assert_allclose(posterior.mean, centre, rtol=1e-9, atol=1e-9)
    assert_allclose((2 * posterior.log_scale).exp(), spread, rtol=1e-9, atol=1e-9)
    leaves = (prediction.mean.clone().requires_grad_(), prediction.log_scale.clone().requires_grad_())
    assert gradcheck(lambda m, s: labels.log_likelihood(Normal(m, s)), leaves)


def interval(rng: np.random.Generator) -> tuple[float, float]:
    low = rng.normal()
    return [(low, INF), (-INF, low), (low, low + rng.exponential())][rng.integers(3)]


def random_locals(rng: np.random.Generator, n: int, cut: list[int], noisy: list[int]) -> list[Labels]:
    """Two parts of values on the ``noisy`` records, two of intervals that agree on the ``cut`` ones."""
    first, second = np.full(n, NAN), np.full(n, NAN)
    first[noisy], second[noisy[:1]] = rng.normal(size=len(noisy)), rng.normal()
    low, high, above = np.full(n, NAN), np.full(n, NAN), np.full(n, NAN)
    for record in cut:
        low[record], high[record] = interval(rng)
        above[record] = min(low[record], high[record]) - rng.exponential() if rng.random() < 0.5 else NAN
    above = np.where(np.isinf(above), NAN, above)
    more = Intervals(above, np.where(np.isnan(above), NAN, INF))
    return [Values(first, 0.3 + rng.random()), Intervals(low, high), Values(second, 0.2), more]


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_any_values_and_intervals_with_one_mean_a_component_are_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut = [int(rng.integers(3))]
    parts = random_locals(rng, 3, cut, list(rng.permutation(3)[: rng.integers(1, 4)]))
    value, scale = rng.normal(), 0.2 + rng.random()
    labels = mixed(*parts, Means([0, 0, 0], [value], scale))
    judged(labels, belief(3, seed), [([0, 1, 2], value, scale)])


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_without_bags_any_number_of_intervals_is_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = mixed(*random_locals(rng, 2, [0, 1], [0, 1]))
    assert len(labels.units()) == 2
    judged(labels, belief(2, seed), [])


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_doubted_sources_are_mixtures(seed: int) -> None:
    """Trust replaces l by t l + (1 - t) mean(l); each of three sources may be wrong, in a bag or outside of one."""
    rng = np.random.default_rng(seed)
    low, high = interval(rng)
    v = rng.normal(size=3)
    parts: list[Labels] = [Values(v[:2], 0.4), Intervals([low, NAN], [high, NAN]), Values([v[2], NAN], 0.3)]
    trust = rng.uniform(0.2, 0.9, size=3).tolist()
    if seed % 2:
        judged(mixed(*parts, trust=trust), belief(2, seed), [], nodes=48)
    else:
        parts[0] = Values([v[0], NAN], 0.4)
        bag = Means([0, 0], [0.3], 0.4)
        judged(mixed(*parts, bag, trust=[*trust, 1.0]), belief(2, seed), [([0, 1], 0.3, 0.4)], nodes=48)


def test_one_bag_with_an_interval_by_adaptive_quadrature() -> None:
    """As the grid of the reference could share a mistake with itself, once against scipy's nquad."""
    prediction = belief(2, 3)
    labels = mixed(Intervals([0.2, NAN], [1.1, NAN]), Means([0, 0], [0.7], 0.5))
    sd = prediction.log_scale.exp().tolist()
    (m0, m1) = prediction.mean.tolist()

    def density(y: float, x: float) -> float:
        return float(norm.pdf(x, m0, sd[0]) * norm.pdf(y, m1, sd[1]) * norm.pdf(0.7, (x + y) / 2, 0.5))

    total, _ = nquad(density, [(m1 - 10 * sd[1], m1 + 10 * sd[1]), (0.2, 1.1)], opts={"epsabs": 1e-13, "epsrel": 1e-12})
    assert float(labels.log_likelihood(prediction).sum()) == pytest.approx(math.log(total), abs=1e-9)


def test_means_without_noise_are_the_limit_of_little_noise() -> None:
    prediction = belief(3, 1)
    parts = Values([NAN, 0.4, NAN], 0.5), Intervals([NAN, NAN, 0.0], [NAN, NAN, 2.0])
    exact = mixed(*parts, Means([0, 0, 0], [0.6], 0.0))
    near = mixed(*parts, Means([0, 0, 0], [0.6], 1e-6))
    assert_allclose(exact.log_likelihood(prediction), near.log_likelihood(prediction), rtol=1e-9)
    found, close = exact.posterior(prediction), near.posterior(prediction)
    assert isinstance(found, Normal) and isinstance(close, Normal)
    assert_allclose(found.mean, close.mean, atol=1e-9)
    assert float(found.mean.sum()) == pytest.approx(3 * 0.6, abs=1e-12)


def test_values_without_noise_fix_their_site_and_leave_the_rest_of_the_mean_to_the_others() -> None:
    prediction = belief(3, 2)
    labels = mixed(Values([1.0, 2.0, NAN]), Means([0, 0, 0], [4.0]), Intervals([0.0, NAN, 8.0], [1.0, NAN, 9.5]))
    posterior = labels.posterior(prediction)
    assert isinstance(posterior, Normal)
    assert_allclose(posterior.mean, [1.0, 2.0, 9.0])
    assert float(posterior.log_scale.max()) < -100
    sd = prediction.log_scale.exp()
    expected = [norm(m, s).logpdf(v) for m, s, v in zip(prediction.mean, sd, (1.0, 2.0, 9.0), strict=True)]
    assert float(labels.log_likelihood(prediction)) == pytest.approx(sum(expected) + math.log(3))


def test_two_equal_values_without_noise_say_it_once() -> None:
    prediction = belief(1)
    twice = mixed(Values([0.7]), Values([0.7]))
    assert float(twice.log_likelihood(prediction)) == pytest.approx(float(Values([0.7]).log_likelihood(prediction)))


def test_several_intervals_in_a_bag_are_a_composite_conditional_likelihood() -> None:
    """log p(mean) + sum_j log p(interval_j | mean), each term from the joint normal."""
    prediction = belief(3, 5)
    low, high = np.array([-0.5, 0.1, NAN]), np.array([INF, 0.8, NAN])
    labels = mixed(Intervals(low, high), Means([0, 0, 0], [0.4], 0.3))
    assert labels.composite
    assert "composite" in labels.describe()
    variance = np.exp(2 * prediction.log_scale.numpy())
    mean = prediction.mean.numpy()
    total = variance.sum() / 9 + 0.09
    expected = multivariate_normal(mean.mean(), total).logpdf(0.4)
    for j in (0, 1):
        gain = variance[j] / 3 / total
        there = norm(mean[j] + gain * (0.4 - mean.mean()), math.sqrt(variance[j] - gain * variance[j] / 3))
        expected += math.log(there.cdf(high[j]) - there.cdf(low[j]))
    assert float(labels.log_likelihood(prediction)) == pytest.approx(expected, abs=1e-12)


def test_a_bag_of_many_intervals_has_about_the_right_posterior() -> None:
    """Assumed density against quadrature: not exact, and much nearer than without the bag."""
    prediction = Normal(torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
    low, high = np.array([-0.5, 0.0, -INF]), np.array([0.5, 1.5, 1.0])
    labels = mixed(Intervals(low, high), Means([0, 0, 0], [0.6], 0.1))
    sites = [Site(0.0, 1.0) for _ in range(3)]
    for site, a, b in zip(sites, low, high, strict=True):
        site.interval(float(a), float(b))
    _, centre, spread = integrated(sites, [([0, 1, 2], 0.6, 0.1)])
    found, alone = labels.posterior(prediction), Intervals(low, high).posterior(prediction)
    assert isinstance(found, Normal) and isinstance(alone, Normal)
    assert np.abs(found.mean.numpy() - centre).max() < 0.1 * np.abs(alone.mean.numpy() - centre).max()
    assert_allclose(found.log_scale.exp(), np.sqrt(spread), rtol=0.15)


def test_overlapping_means_are_composite_and_each_is_heard() -> None:
    prediction = belief(3, 4)
    first, second = Means([0, 0, -1], [0.5], 0.2), Means([-1, 0, 0], [-0.5], 0.2)
    both = mixed(first, second)
    assert both.composite and len(both.units()) == 1
    alone = [part.log_likelihood(prediction).sum() for part in (first, second)]
    torch.testing.assert_close(both.log_likelihood(prediction).sum(), sum(alone, torch.zeros(())).double())
    said, one, other = (labels.posterior(prediction) for labels in (both, first, second))
    assert isinstance(said, Normal) and isinstance(one, Normal) and isinstance(other, Normal)
    precision = [(-2 * p.log_scale).exp() for p in (prediction, one, other, said)]
    torch.testing.assert_close(precision[3], precision[1] + precision[2] - precision[0])
    swapped = mixed(second, first).posterior(prediction)
    assert isinstance(swapped, Normal)
    torch.testing.assert_close(swapped.mean, said.mean)


def test_trust_on_a_mean_is_a_weight() -> None:
    prediction = belief(2, 6)
    values, means = Values([0.3, NAN], 0.5), Means([0, 0], [1.0], 0.2)
    at = [float(mixed(values, means, trust=[1.0, t]).log_likelihood(prediction).sum()) for t in (1e-12, 0.5, 1.0)]
    assert at[1] == pytest.approx((at[0] + at[2]) / 2)
    half, whole = (mixed(values, means, trust=[1.0, t]).posterior(prediction) for t in (0.5, 1.0))
    without = values.posterior(prediction)
    assert isinstance(half, Normal) and isinstance(whole, Normal) and isinstance(without, Normal)
    torch.testing.assert_close(half.mean, (whole.mean + without.mean) / 2)
    assert mixed(values, means, trust=[1.0, 0.5]).scored().trust == (1.0, 1.0)


def test_preferences_stay_aside_and_leave_the_posterior_alone() -> None:
    prediction = belief(4, 7)
    values, pairs = Values([0.3, NAN, 1.0, NAN], 0.1), Preferences([3, 1], [0, 2], 4)
    labels = mixed(values, pairs)
    units = labels.units()
    assert_array_equal(units.offsets, [0, 1, 2, 4, 6])
    expected = torch.cat([values.log_likelihood(prediction), pairs.log_likelihood(prediction)])
    torch.testing.assert_close(labels.log_likelihood(prediction), expected)
    found, alone = labels.posterior(prediction), values.posterior(prediction)
    assert isinstance(found, Normal) and isinstance(alone, Normal)
    torch.testing.assert_close(found.mean, alone.mean)
    left = labels.hide(np.array([0, 3]))
    torch.testing.assert_close(left.log_likelihood(prediction), expected[1:3])
    assert len(mixed(pairs, values).hide(np.array([2])).log_likelihood(prediction)) == 3
    only = mixed(pairs)
    assert len(only.log_likelihood(prediction)) == 2


def example(rng: np.random.Generator) -> NumberMixture:
    """Eight records: values, intervals and two bags, one record that nothing is known of."""
    v, low = np.full(8, NAN), np.full(8, NAN)
    v[[0, 3, 5]], low[[0, 4]] = rng.normal(size=3), rng.normal(size=2) - 9
    means = Means([-1, 0, 0, 0, 0, 1, 1, -1], rng.normal(size=2), 0.3)
    return mixed(Values(v, 0.4), Intervals(low, np.where(np.isnan(low), NAN, INF)), means)


def test_units_hide_take_and_padding() -> None:
    labels = example(np.random.default_rng(0))
    units, prediction = labels.units(), belief(8)
    assert [units.sites[a:b].tolist() for a, b in zip(units.offsets, units.offsets[1:], strict=False)] == [
        [0],
        [1, 2, 3, 4],
        [5, 6],
    ]
    before = labels.log_likelihood(prediction)
    torch.testing.assert_close(labels.hide(np.array([1])).log_likelihood(prediction), before[[0, 2]])
    assert len(labels.hide(np.arange(3)).units()) == 0
    assert labels.hide(np.arange(3)).task == labels.task
    assert_array_equal(labels.padded(2).units().sites, units.sites)
    order = np.random.default_rng(1).permutation(8)
    taken = labels.take(order)
    found, expected = taken.posterior(prediction.take(order)), labels.posterior(prediction)
    assert isinstance(found, Normal) and isinstance(expected, Normal)
    torch.testing.assert_close(found.mean, expected.mean[order])
    torch.testing.assert_close(taken.log_likelihood(prediction.take(order)).sum(), before.sum())
    cut = labels.take(np.array([0, 1, 2, 5, 6]))
    assert (cut.dropped, len(cut.units())) == (1, 2)
    with pytest.raises(InputError, match="taken 2 times"):
        labels.take(np.array([1, 1, 2, 3, 4]))


def test_the_likelihood_is_twice_differentiable() -> None:
    labels = example(np.random.default_rng(3))
    prediction = belief(8, 3)
    leaves = (prediction.mean.requires_grad_(), prediction.log_scale.requires_grad_())
    assert gradgradcheck(lambda m, s: labels.log_likelihood(Normal(m, s)), leaves)


@pytest.mark.parametrize("sd", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("shift", [0.0, 1e6, -1e10])
def test_extreme_beliefs_stay_finite(sd: float, shift: float) -> None:
    labels = example(np.random.default_rng(4))
    mean = torch.full((8,), shift, dtype=torch.float64, requires_grad=True)
    log_scale = torch.full((8,), math.log(sd), dtype=torch.float64, requires_grad=True)
    likelihood = labels.log_likelihood(Normal(mean, log_scale))
    gradients = torch.autograd.grad(likelihood.sum(), (mean, log_scale))
    posterior = labels.posterior(Normal(mean, log_scale))
    assert isinstance(posterior, Normal)
    for found in (likelihood, *gradients, posterior.mean, posterior.log_scale):
        assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((Values([0.0, 1.0]), Values([NAN, 2.0])), "record 1 has the values 1 and 2, both without noise"),
        ((Intervals([0.0], [1.0]), Intervals([1.0], [2.0])), "record 0 has intervals that share no more than a point"),
        ((Values([NAN, 3.0]), Intervals([NAN, 0.0], [NAN, 1.0])), "record 1 has the value 3 and an interval from 0"),
        ((Values([1.0]), Values([1.0, 2.0])), "all parts have to speak of the same records"),
    ],
)
def test_contradictions_are_refused_by_record(parts: tuple[Labels, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Labels.combine(*parts)


def test_contradictions_are_heard_where_a_source_may_be_wrong() -> None:
    labels = mixed(Intervals([0.0], [1.0]), Intervals([2.0], [3.0]), trust=[0.9, 0.9])
    judged(labels, belief(1, 8), [])


def test_a_mean_that_exact_values_exclude_is_refused() -> None:
    labels = mixed(Values([1.0, 2.0]), Means([0, 0], [5.0]))
    with pytest.raises(InputError, match="record 0, 1 contradicts itself"):
        labels.log_likelihood(belief(2))
    agreed = mixed(Values([1.0, 2.0]), Means([0, 0], [1.5]))
    assert math.isfinite(float(agreed.log_likelihood(belief(2))))
