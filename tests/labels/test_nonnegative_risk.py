"""Risks of positive and unlabelled learning against slow transcriptions and against the risk under full labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tacit.labels.nonnegative_risk import Loss, nonnegative_risk, unbiased_risk


def cost(z: float, loss: Loss) -> float:
    return 1 / (1 + math.exp(z)) if loss == "sigmoid" else math.log1p(math.exp(-z))


def slow(outputs: list[float], state: list[int], prior: float, loss: Loss) -> tuple[float, float]:
    """Equations 5 and 6 of Kiryo et al.: pi R_p+, and R_u- - pi R_p-."""
    p = [g for g, s in zip(outputs, state, strict=True) if s == 1]
    u = [g for g, s in zip(outputs, state, strict=True) if s == 0]
    as_negative = sum(cost(-g, loss) for g in u) / len(u) - prior * sum(cost(-g, loss) for g in p) / len(p)
    return prior * sum(cost(g, loss) for g in p) / len(p), as_negative


LOSSES: tuple[Loss, ...] = ("sigmoid", "logistic")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(4))
def test_both_risks_are_those_of_the_papers(loss: Loss, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, state = rng.normal(size=12), np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, -1, -1])
    positive, negative = slow(outputs.tolist(), state.tolist(), 0.4, loss)
    given = torch.from_numpy(outputs), torch.from_numpy(state), 0.4
    assert float(unbiased_risk(*given, loss=loss)) == pytest.approx(positive + negative)
    assert float(nonnegative_risk(*given, loss=loss)) == pytest.approx(positive + max(negative, 0.0))


def gradient(risk: Tensor, outputs: Tensor) -> Tensor:
    return torch.autograd.grad(risk, outputs)[0]


@pytest.mark.parametrize("beta", [0.0, 0.05])
def test_where_the_negative_part_is_too_low_the_step_is_taken_back(beta: float) -> None:
    """Algorithm 1: follow -gamma times the negative part alone."""
    outputs = torch.tensor([4.0, 5.0, -6.0, -5.0, -4.0], dtype=torch.float64, requires_grad=True)
    state = torch.tensor([1, 1, 0, 0, 0])
    assert slow(outputs.tolist(), state.tolist(), 0.5, "sigmoid")[1] < -beta
    risk = nonnegative_risk(outputs, state, 0.5, beta=beta, gamma=0.3)
    as_negative = torch.sigmoid(outputs)
    negative = as_negative[2:].mean() - 0.5 * as_negative[:2].mean()
    torch.testing.assert_close(gradient(risk, outputs), gradient(-0.3 * negative, outputs))
    assert float(risk.detach()) == pytest.approx(0.5 * float(torch.sigmoid(-outputs.detach()[:2]).mean()) - beta)


def test_where_it_is_not_the_gradient_is_the_unbiased_one() -> None:
    outputs = torch.tensor([0.1, -0.2, 0.3, 0.1, -0.4], dtype=torch.float64, requires_grad=True)
    state = torch.tensor([1, 1, 0, 0, 0])
    risk, unbiased = nonnegative_risk(outputs, state, 0.3), unbiased_risk(outputs, state, 0.3, loss="sigmoid")
    torch.testing.assert_close(gradient(risk, outputs), gradient(unbiased, outputs))


@pytest.mark.parametrize("loss", LOSSES)
def test_its_expectation_is_the_risk_under_full_labels(loss: Loss) -> None:
    """One sample, labelled with a constant propensity: the share puts the labelled back among all."""
    rng = np.random.default_rng(0)
    n, prior, c = 400_000, 0.3, 0.4
    y = rng.random(n) < prior
    x = torch.from_numpy(rng.normal(size=n) + 1.5 * y)
    labelled = y & (rng.random(n) < c)
    state = torch.from_numpy(labelled.astype(np.int64))
    found = unbiased_risk(x - 0.5, state, prior, share=float(labelled.mean()), loss=loss)
    sign = torch.from_numpy(np.where(y, 1.0, -1.0)) * (x - 0.5)
    full = torch.sigmoid(-sign) if loss == "sigmoid" else torch.nn.functional.softplus(-sign)
    assert float(found) == pytest.approx(float(full.mean()), abs=3e-3)
    careless = unbiased_risk(x - 0.5, state, prior, loss=loss)
    assert abs(float(careless) - float(full.mean())) > 1e-2, "without the share it is another population's"


def test_classes_are_averaged_and_each_has_its_prior() -> None:
    outputs = torch.randn(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    state = torch.tensor([[1, 0], [1, -1], [0, 1], [0, 0], [0, 0], [-1, 1], [0, 0], [0, 0]])
    prior = torch.tensor([0.3, 0.5])
    both = unbiased_risk(outputs, state, prior)
    apart = [unbiased_risk(outputs[:, k], state[:, k], float(prior[k])) for k in (0, 1)]
    torch.testing.assert_close(both, (apart[0] + apart[1]) / 2)


def test_a_batch_without_labelled_or_unlabelled_is_finite() -> None:
    outputs = torch.zeros(3, requires_grad=True)
    for state in ([0, 0, 0], [1, 1, 1], [-1, -1, -1]):
        risk = nonnegative_risk(outputs, torch.tensor(state), 0.5)
        assert bool(torch.isfinite(risk))
        assert bool(torch.isfinite(gradient(risk, outputs)).all())
