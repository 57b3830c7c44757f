"""Losses for long-tailed classes: their closed forms, limits, and what the adjustment is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tacit.data.task import Classes
from tacit.engines.imbalance import ClassBalanced, Counted, LogitAdjusted, Plainly
from tacit.engines.method import Step
from tacit.labels import Exact, Proportions

NAMES = ("a", "b", "c")
TRUTH = np.repeat([0, 1, 2], [60, 30, 10])


def counted(objective: Counted) -> Counted:
    objective.count(Exact(TRUTH, NAMES))
    return objective


def loss(objective: Counted, outputs: torch.Tensor, y: list[int]) -> torch.Tensor:
    step = Step(
        labelled={},
        unlabelled={},
        labelled_index=torch.arange(len(y)),
        unlabelled_index=torch.empty(0, dtype=torch.int64),
        evidence=Exact(np.array(y), NAMES).model(),
        progress=0.0,
        generator=torch.Generator(),
    )
    value: torch.Tensor = objective(step, outputs)
    return value


OUTPUTS = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
Y = [0, 2, 1, 2]


def test_adjusted_is_cross_entropy_of_shifted_logits() -> None:
    shifted = OUTPUTS + 2 * torch.tensor([0.6, 0.3, 0.1]).log()
    wanted = cross_entropy(shifted, torch.tensor(Y))
    torch.testing.assert_close(loss(counted(LogitAdjusted(Classes(NAMES), 2.0)), OUTPUTS, Y), wanted)


@pytest.mark.parametrize(
    "objective", [LogitAdjusted(Classes(NAMES), 0.0), ClassBalanced(Classes(NAMES), 0.0), Plainly(Classes(NAMES))]
)
def test_without_strength_it_is_cross_entropy(objective: Counted) -> None:
    torch.testing.assert_close(loss(counted(objective), OUTPUTS, Y), cross_entropy(OUTPUTS, torch.tensor(Y)))


def test_logits_that_minimise_the_adjusted_loss_are_those_of_equal_classes() -> None:
    """One record value, classes 60:30:10: plain cross-entropy learns the shares, the adjusted one equal logits."""
    for objective, wanted in (
        (LogitAdjusted(Classes(NAMES)), [1 / 3, 1 / 3, 1 / 3]),
        (Plainly(Classes(NAMES)), [0.6, 0.3, 0.1]),
    ):
        counted(objective)
        logits = torch.zeros(3, requires_grad=True)
        optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

        def closure(objective: Counted = objective, logits: torch.Tensor = logits) -> torch.Tensor:
            logits.grad = None
            value = loss(objective, logits.expand(100, 3), TRUTH.tolist())
            value.backward()
            return value

        optimizer.step(closure)
        np.testing.assert_allclose(torch.softmax(logits, 0).detach().numpy(), wanted, atol=1e-3)


def test_balanced_weights_are_inverse_effective_numbers() -> None:
    beta, counts = 0.9, [60, 30, 10]
    effective = [sum(beta**i for i in range(n)) for n in counts]  # 1 + beta + ... is (1 - beta^n) / (1 - beta)
    raw = [1 / e for e in effective]
    scale = 100 / sum(w * n for w, n in zip(raw, counts, strict=True))
    objective = counted(ClassBalanced(Classes(NAMES), beta))
    wanted = [scale * w for w in raw]
    each = -torch.log_softmax(OUTPUTS, 1)[range(4), Y]
    found = float(loss(objective, OUTPUTS, Y))
    assert found == pytest.approx(np.mean([wanted[y] * float(v) for y, v in zip(Y, each, strict=True)]), rel=1e-5)


def test_a_beta_near_one_is_the_inverse_frequency() -> None:
    objective = counted(ClassBalanced(Classes(NAMES), 1 - 1e-9))
    assert isinstance(objective, ClassBalanced)
    np.testing.assert_allclose(objective.weights().numpy(), 100 / 3 / np.array([60, 30, 10]), rtol=1e-4)


def test_counts_of_bags_are_shares_of_their_records_and_empty_classes_stay_finite() -> None:
    objective = LogitAdjusted(Classes(NAMES))
    objective.count(Proportions([0, 0, 0, 0, 1, 1], [[3, 1, 0], [0, 2, 0]], classes=NAMES))
    np.testing.assert_allclose(objective.counts.numpy(), [3, 3, 0])
    assert math.isfinite(float(loss(objective, OUTPUTS, Y)))
