"""Numbers against scipy's normal density and the conjugate posterior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical, Normal
from tacit.errors import InputError
from tacit.labels import Values

NAN = float("nan")
moderate = st.floats(-5, 5)


def example(rng: np.random.Generator) -> Values:
    """Six records with noise of their own, the last one unknown."""
    return Values(np.append(rng.normal(3, 2, 5), NAN), scale=rng.uniform(0.1, 1, 6))


def normal(mean: list[float], sd: list[float]) -> Normal:
    return Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(sd, dtype=torch.float64).log())


def test_likelihood_is_the_normal_density_with_both_variances() -> None:
    labels = Values([1.0, NAN, -2.0], scale=[0.5, 1.0, 2.0], mass=[1.0, 1.0, 4.0])
    found = labels.log_likelihood(normal([0.3, 9.0, 1.0], [0.7, 1.0, 1.5]))
    expected = [norm(0.3, np.hypot(0.7, 0.5)).logpdf(1.0), norm(1.0, np.sqrt(1.5**2 + 4 / 4)).logpdf(-2.0)]
    assert_allclose(found, expected, rtol=1e-12)


def test_likelihood_passes_gradcheck() -> None:
    labels = Values([1.0, NAN, -2.0], scale=0.3)
    mean = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    log_scale = torch.tensor([0.1, -0.4, 0.3], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda m, s: labels.log_likelihood(Normal(m, s)), (mean, log_scale))


@given(moderate, moderate, st.floats(0.1, 3), st.floats(0.1, 3))
@settings(max_examples=50, deadline=None)
def test_posterior_is_the_conjugate_one(value: float, mean: float, sd: float, noise: float) -> None:
    """Normal prior N(mean, sd²), observation N(truth, noise²): precisions add, means weigh by them."""
    posterior = Values([value, NAN], scale=noise).posterior(normal([mean, 7.0], [sd, 2.0]))
    assert isinstance(posterior, Normal)
    precision = 1 / sd**2 + 1 / noise**2
    assert_allclose(float(posterior.mean[0]), (mean / sd**2 + value / noise**2) / precision, rtol=1e-8, atol=1e-8)
    assert_allclose(float(posterior.log_scale[0].exp()) ** 2, 1 / precision, rtol=1e-8)
    assert (float(posterior.mean[1]), float(posterior.log_scale[1].exp())) == (7.0, pytest.approx(2.0))


def test_without_noise_the_posterior_is_what_was_observed() -> None:
    posterior = Values([1.5, NAN]).posterior(normal([0.0, 3.0], [1.0, 2.0]))
    assert isinstance(posterior, Normal)
    assert float(posterior.mean[0]) == pytest.approx(1.5)
    assert float(posterior.log_scale[0].exp()) == pytest.approx(0.0, abs=1e-7)


def test_without_any_number_the_belief_stays() -> None:
    belief = normal([0.0, 3.0], [1.0, 2.0])
    posterior = Values([NAN, NAN]).posterior(belief)
    assert isinstance(posterior, Normal)
    torch.testing.assert_close(posterior.mean, belief.mean)
    torch.testing.assert_close(posterior.log_scale, belief.log_scale)


def test_units_hide_take_and_padding() -> None:
    labels = Values([1.0, NAN, 3.0, 4.0], scale=[0.1, 0.2, 0.3, 0.4])
    assert_array_equal(labels.units().sites, [0, 2, 3])
    hidden = labels.hide(np.array([1]))
    assert_array_equal(hidden.v, [1.0, NAN, NAN, 4.0])
    assert_array_equal(labels.v, [1.0, NAN, 3.0, 4.0])
    taken = labels.take(np.array([3, 0]))
    assert_array_equal(taken.v, [4.0, 1.0])
    assert_allclose(taken.noise, [0.16, 0.01])
    longer = labels.padded(2)
    assert_array_equal(longer.v, [1.0, NAN, 3.0, 4.0, NAN, NAN])
    assert_array_equal(longer.labelled(), [0, 2, 3])
    assert hidden.task == taken.task == longer.task == labels.task, "the head's units never change with the fold"


def test_task_centres_and_scales_by_what_is_known() -> None:
    task = Values([1.0, NAN, 3.0]).task
    assert (task.centre, task.scale) == (2.0, 1.0)
    assert Values([5.0, 5.0]).task.scale == 1.0
    assert (Values([NAN]).task.centre, Values([NAN]).task.scale) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, None, "2.5", ""], [1.0, NAN, 2.5, NAN]), ([np.float32(0.5), True], [0.5, 1.0])],
)
def test_raw_values(values: list[Any], expected: list[float]) -> None:
    assert_array_equal(Values.from_values(values).v, expected)


def test_text_and_infinite_values_are_refused_by_record() -> None:
    with pytest.raises(InputError, match="record 1 has the value 'tall', which is not a number"):
        Values.from_values([1.0, "tall"])
    with pytest.raises(InputError, match="record 2 has an infinite value"):
        Values([0.0, NAN, float("inf")])
    with pytest.raises(InputError, match="numbers have shape"):
        Values([[1.0]])


def test_labels_cannot_be_written_to_at_any_stage() -> None:
    labels = Values([1.0, 2.0])
    for made in (labels, labels.take(np.array([0])), labels.hide(np.array([0])), labels.padded(1)):
        with pytest.raises(ValueError, match="read-only"):
            made.v[0] = 1


def test_a_prediction_of_classes_is_refused() -> None:
    with pytest.raises(TypeError, match="normal prediction"):
        Values([1.0]).log_likelihood(Categorical(torch.zeros(1, 2)))
