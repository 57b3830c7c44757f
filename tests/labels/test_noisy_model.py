"""The noise transition as it is learned: before any fit, fitted to predictions, trained by gradient."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical
from tacit.labels import Candidates, Exact, Labels, Noisy
from tacit.labels.noisy_model import RIGHT, SLACK, LearnedChannel, NoisyModel
from tacit.labels.transitions import (
    PSEUDO,
    anchor_transition,
    confident_transition,
    even_errors,
    pooled_transition,
)

from .judge import belief
from .test_noisy import NOISE
from .test_transitions import noisy_draws

NAMES = ["a", "b", "c"]


def transition_of(model: NoisyModel) -> np.ndarray:
    found = model.fitted().transition
    assert found is not None
    return found


def test_before_a_fit_labels_are_taken_at_their_word() -> None:
    """Nearly: other evidence on the same record can overrule them."""
    y, log_p = np.array([2, -1, 0]), Categorical(belief(3, 3))
    model = Noisy(y, "estimate", NAMES).model()
    assert_allclose(model.log_likelihood(log_p).exp(), Exact(y, NAMES).log_likelihood(log_p).exp(), atol=2 * SLACK)
    against = Labels.combine(Noisy([2], "estimate", NAMES), Candidates([[1, 1, 0]], NAMES)).model()
    assert bool(torch.isfinite(against.log_likelihood(log_p.take([0]))).all())


@pytest.mark.parametrize("estimator", ["confident", "anchors", "pooled"])
def test_an_estimate_is_that_of_the_observed_labels(estimator: str) -> None:
    p, _, given = noisy_draws(5000, 0)
    given[::3] = -1
    known = given >= 0
    model = Noisy(given, "estimate", NAMES, estimator).model()  # type: ignore[arg-type]
    predicted = p if estimator == "pooled" else p @ NOISE
    model.fit(Categorical(torch.from_numpy(predicted).clamp_min(1e-12).log()))
    if estimator == "anchors":
        expected = anchor_transition(predicted)
    elif estimator == "pooled":
        expected = pooled_transition(predicted[known], given[known])
    else:
        expected = confident_transition(predicted[known], given[known])
    assert_allclose(transition_of(model), (1 - SLACK) * expected + SLACK / 3, rtol=1e-9)
    assert_allclose(transition_of(model), NOISE, atol=0.15 if estimator == "pooled" else 0.06)


def test_an_estimate_does_better_than_the_labels_at_their_word() -> None:
    """Held-out likelihood of the noisy labels, from predictions of the truth."""
    p, true, given = noisy_draws(4000, 5)
    truth = Categorical(torch.from_numpy(p).clamp_min(1e-12).log())
    labels = Noisy(given, "estimate", NAMES)
    train, test = labels.hide(np.arange(2000, 4000)), labels.hide(np.arange(2000))
    model = train.model()
    model.fit(truth)
    fitted = Noisy(test.y, transition_of(model), NAMES)
    assert fitted.log_likelihood(truth).mean() > test.model().log_likelihood(truth).mean() + 0.1
    believed = fitted.posterior(truth)
    assert isinstance(believed, Categorical)
    late = np.arange(4000) >= 2000
    right = (believed.p.argmax(dim=1).numpy() == true)[late].mean()
    assert right > (given == true)[late].mean() + 0.1


def test_a_learned_transition_starts_near_the_identity_with_a_dominant_diagonal() -> None:
    for classes in (2, 3, 100):
        transition = LearnedChannel(classes).log_transition().detach().exp()
        torch.testing.assert_close(transition.sum(dim=1), torch.ones(classes, dtype=torch.float64))
        torch.testing.assert_close(transition.diagonal(), torch.full((classes,), RIGHT, dtype=torch.float64))
    channel = LearnedChannel(3)
    with torch.no_grad():
        channel.weight.fill_(50.0)
    transition = channel.log_transition().exp()
    assert bool((transition.diagonal()[:, None] >= transition).all())


def test_the_likelihood_is_differentiable_in_the_transition() -> None:
    model = Noisy([2, -1, 0], "learn", NAMES).model()
    log_p, channel = belief(3, 3), model.channel
    assert isinstance(channel, LearnedChannel)

    def likelihood(weight: torch.Tensor) -> torch.Tensor:
        found = torch.func.functional_call(channel, {"weight": weight}, ())
        return torch.logsumexp(log_p[[0, 2]] + found.T[[2, 0]], dim=1)

    channel.forward = channel.log_transition  # type: ignore[method-assign]
    assert gradcheck(likelihood, (channel.weight.detach().clone().requires_grad_(),))
    torch.testing.assert_close(likelihood(channel.weight), model.log_likelihood(Categorical(log_p)))
    model.log_likelihood(Categorical(log_p)).sum().backward()
    assert channel.weight.grad is not None


def test_gradient_steps_find_the_noise_where_the_truth_is_predicted() -> None:
    p, _, given = noisy_draws(20_000, 2)
    model = Noisy(given, "learn", NAMES).model()
    prediction = Categorical(torch.from_numpy(p).clamp_min(1e-30).log())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        (-model.log_likelihood(prediction).mean()).backward()
        optimizer.step()
    assert_allclose(transition_of(model), NOISE, atol=0.03)
    again = Noisy(given, "learn", NAMES).model()
    again.fit(prediction)
    assert_allclose(transition_of(again), transition_of(model), atol=0.02)


def test_a_refit_keeps_the_diagonal_dominant() -> None:
    model = Noisy([1, 1, 1], "learn", ["a", "b"]).model()
    model.fit(Categorical(torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64).log()))
    transition = transition_of(model)
    assert (np.diag(transition)[:, None] >= transition).all()
    assert np.isfinite(transition).all()


def test_batches_share_the_parameters() -> None:
    model = Noisy([2, -1, 0, 1], "learn", NAMES).model()
    part = model.take(np.array([3, 0, 0]))
    assert [id(p) for p in part.parameters()] == [id(p) for p in model.parameters()]
    log_p = belief(4, 3)
    found = part.log_likelihood(Categorical(log_p[[3, 0, 0]]))
    torch.testing.assert_close(found, model.log_likelihood(Categorical(log_p))[[2, 0, 0]])
    posterior = part.posterior(Categorical(log_p[[3, 0, 0]]))
    assert isinstance(posterior, Categorical)
    assert not posterior.log_p.requires_grad
    estimated = Noisy([2, -1, 0, 1], "estimate", NAMES).model()
    batch = estimated.take(np.array([0, 2]))
    estimated.fit(Categorical(belief(4, 3)))
    torch.testing.assert_close(batch.emission(), estimated.emission()[[0, 1]])


def test_what_is_given_stays_and_so_does_what_nothing_speaks_of() -> None:
    prediction = Categorical(belief(3, 3))
    given = Noisy([0, 1, 2], NOISE).model()
    given.fit(prediction)
    assert_allclose(transition_of(given), NOISE, rtol=1e-12)
    for how in ("estimate", "learn"):
        model = Noisy([-1, -1, -1], how, NAMES).model()
        before = transition_of(model)
        model.fit(prediction)
        assert_allclose(transition_of(model), before)


def test_the_state_of_a_model_can_be_stored() -> None:
    p, _, given = noisy_draws(500, 4)
    for how in ("estimate", "learn"):
        model = Noisy(given, how, NAMES).model()
        model.fit(Categorical(torch.from_numpy(p).clamp_min(1e-30).log()))
        fresh = Noisy(given, how, NAMES).model()
        fresh.load_state_dict(copy.deepcopy(model.state_dict()))
        assert_allclose(transition_of(fresh), transition_of(model), rtol=1e-12)


def test_in_a_mixture_the_transition_is_fitted_to_what_the_others_believe() -> None:
    _, true, given = noisy_draws(3000, 6)
    mixed = Labels.combine(Noisy(given, "learn", NAMES), Exact(true, NAMES)).model()
    mixed.fit(Categorical(torch.full((3000, 3), 1 / 3, dtype=torch.float64).log()))
    (noisy,) = [part for part in mixed.parts if isinstance(part, NoisyModel)]  # type: ignore[union-attr]
    counts = np.stack([np.bincount(given[true == c], minlength=3) for c in range(3)])
    begun = counts + PSEUDO * even_errors(RIGHT, 3)
    assert_allclose(transition_of(noisy), begun / begun.sum(axis=1, keepdims=True), atol=1e-4)
