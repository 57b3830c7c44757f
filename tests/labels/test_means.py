"""Means of bags against the joint normal and quadrature."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal, norm
from torch.autograd import gradcheck

from tacit.data.prediction import Normal
from tacit.data.task import Number
from tacit.errors import InputError
from tacit.labels import Means

from ..reference.quadrature import Site, integrated

NAN = float("nan")


def example(rng: np.random.Generator) -> Means:
    """Seven records in two bags of known mean, one of unknown and none."""
    return Means([0, 1, 0, 2, 1, 0, -1], [*rng.normal(size=2), NAN], [0.3, 0.0, 1.0])


def belief(n: int, seed: int = 0) -> Normal:
    mean, log_scale = torch.randn(2, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Normal(mean, 0.3 * log_scale)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_value_and_posterior_by_quadrature(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, value, scale = belief(3, seed), rng.normal(), 0.4 + rng.random()
    labels = Means([0, 0, -1, 0], [value], scale)
    padded = Normal(*(torch.cat([x[:2], x.new_zeros(1), x[2:]]) for x in (prediction.mean, prediction.log_scale)))
    sites = [Site(float(m), math.exp(float(s))) for m, s in zip(prediction.mean, prediction.log_scale, strict=True)]
    total, centre, spread = integrated(sites, [([0, 1, 2], value, scale)])
    assert float(labels.log_likelihood(padded)) == pytest.approx(total, rel=1e-9, abs=1e-9)
    posterior = labels.posterior(padded)
    assert isinstance(posterior, Normal)
    assert_allclose(posterior.mean[[0, 1, 3]], centre, atol=1e-9)
    assert_allclose((2 * posterior.log_scale[[0, 1, 3]]).exp(), spread, atol=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from([0.0, 0.5]))
@settings(max_examples=30, deadline=None)
def test_likelihood_and_posterior_are_those_of_the_joint_normal(seed: int, n: int, scale: float) -> None:
    prediction = belief(n, seed)
    mean, covariance = prediction.mean.numpy(), np.diag(np.exp(2 * prediction.log_scale.numpy()))
    weight = np.full(n, 1 / n)
    total = weight @ covariance @ weight + scale**2
    labels = Means(np.zeros(n, dtype=int), [0.7], scale)
    expected = multivariate_normal(weight @ mean, total).logpdf(0.7)
    assert float(labels.log_likelihood(prediction)) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    gain = covariance @ weight / total
    posterior = labels.posterior(prediction)
    assert isinstance(posterior, Normal)
    assert_allclose(posterior.mean, mean + gain * (0.7 - weight @ mean), rtol=1e-10, atol=1e-12)
    left = np.diag(covariance - np.outer(gain, gain) * total)
    assert_allclose((2 * posterior.log_scale).exp(), left, rtol=1e-9, atol=1e-12)


def test_several_bags_are_several_units_and_unknown_ones_none() -> None:
    labels, prediction = example(np.random.default_rng(0)), belief(7)
    units = labels.units()
    assert_array_equal(units.offsets, [0, 3, 5])
    assert_array_equal(units.sites, [0, 2, 5, 1, 4])
    expected = []
    for bag, members in ((0, [0, 2, 5]), (1, [1, 4])):
        variance = float((2 * prediction.log_scale[members]).exp().sum()) / len(members) ** 2 + labels.scale[bag] ** 2
        centre = float(prediction.mean[members].mean())
        expected.append(norm(centre, math.sqrt(variance)).logpdf(labels.value[bag]))
    assert_allclose(labels.log_likelihood(prediction), expected, rtol=1e-12)
    leaves = (prediction.mean.requires_grad_(), prediction.log_scale.requires_grad_())
    assert gradcheck(lambda m, s: labels.log_likelihood(Normal(m, s)), leaves)


def test_overlapping_bags_stand_side_by_side() -> None:
    labels, prediction = Means.from_members([0, 1, 1, 2], [0, 0, 1, 1], [0.5, -0.5], 3, 0.2), belief(3)
    alone = [Means(bag, [v], 0.2) for bag, v in (([0, 0, -1], 0.5), ([-1, 0, 0], -0.5))]
    expected = torch.cat([part.log_likelihood(prediction) for part in alone])
    torch.testing.assert_close(labels.log_likelihood(prediction), expected)
    said = labels.posterior(prediction)
    first = alone[0].posterior(prediction)
    assert isinstance(said, Normal) and isinstance(first, Normal)
    assert float(said.mean[0]) == pytest.approx(float(first.mean[0]))
    assert float(said.log_scale[1]) < float(first.log_scale[1])


def test_ten_thousand_bags_take_no_time() -> None:
    labels = Means(np.arange(200_000) % 10_000, np.zeros(10_000), 0.1)
    mean = torch.zeros(200_000, requires_grad=True)
    labels.log_likelihood(Normal(mean, torch.zeros(200_000))).sum().backward()
    assert mean.grad is not None and mean.grad.shape == (200_000,)


def test_units_hide_take_and_padding() -> None:
    labels = example(np.random.default_rng(0))
    hidden = labels.hide(np.array([0]))
    assert_array_equal(hidden.known, [False, True, False])
    taken = labels.take(np.array([4, 0, 1, 2]))
    assert taken.dropped == 1, "the bag of three lost a record"
    assert_array_equal(taken.units().sites, [0, 2])
    assert taken.take(np.array([0, 1])).dropped == 2
    assert len(labels.padded(3)) == 10
    assert hidden.task == taken.task == labels.padded(1).task == labels.task
    assert len(Means([0, 0], [1.0], n=5)) == 5
    with pytest.raises(InputError, match="record 1 is taken 2 times"):
        labels.take(np.array([1, 4, 1]))
    assert labels.take(np.array([3, 3, 6])).dropped == 0, "nothing is known of these"


def test_task_and_description() -> None:
    labels = Means([0, 0, 1, -1], [1.0, 3.0])
    assert labels.task == Number(2.0, 1.0)
    assert labels.describe() == "the means of 2 bags of 1 to 2 records, on 3 of 4 records"


def test_a_table_repeats_the_mean(tmp_path: Path) -> None:
    Means([0, 0, -1, 1], [1.5, NAN], 0.25).to_file(tmp_path / "l.csv", ["a", "b", "c", "d"])
    lines = ["id,bag,mean,scale", "a,0,1.5,0.25", "b,0,1.5,0.25", "c,,,", "d,1,,"]
    assert (tmp_path / "l.csv").read_text().splitlines() == lines
    with pytest.raises(InputError, match="bags overlap"):
        Means.from_members([0, 0], [0, 1], [1.0, 2.0], 2).to_file(tmp_path / "o.csv", ["a", "b"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([0, 2], [1.0]), "record 1 is in bag 2, but bags go from 0 to 0"),
        (([0, -2], [1.0]), "record 1 is in bag -2"),
        (([0, 0], [math.inf]), "bag 0 has an infinite mean"),
        (([0, 0], [1.0, 2.0]), "bag 1 has a mean, but no record is in it"),
        (([0, 0], [1.0], -1.0), "bag 0 has a scale that is no number from 0 on"),
        (([0, 0], [1.0], [1.0, 2.0]), "not as many"),
        (([0, 0], ["tall"]), "not all numbers"),
        (([0, 0], [[1.0]]), "means have shape"),
        (([0, 0.5], [1.0]), "record 1 has 0.5; give a whole number"),
        (([0, 0], [1.0], 0.0, 1), "bags are given for 2 records, but there are 1"),
    ],
)
def test_unusable_bags_are_refused_by_name(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Means(*given)
