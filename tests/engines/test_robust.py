"""Robust losses against their equations by hand, their limits, and what they remember of a record."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import cross_entropy

from tacit.data.task import Classes, MultiLabel
from tacit.engines.method import Step
from tacit.engines.objective import OnShares
from tacit.engines.robust import (
    AdaptiveDistributionallyRobust,
    DistributionallyRobust,
    EarlyLearning,
    GeneralisedCrossEntropy,
    SymmetricCrossEntropy,
)
from tacit.labels import Exact, Noisy

TASK = Classes(("a", "b", "c"))
Y = np.array([2, 0, 1, 1])
Q = torch.eye(3, dtype=torch.float64)[torch.from_numpy(Y)]
INDEX = torch.tensor([3, 0, 5, 1])
OBJECTIVES: dict[str, Callable[[], OnShares]] = {
    "gce": lambda: GeneralisedCrossEntropy(TASK),
    "sce": lambda: SymmetricCrossEntropy(TASK),
    "elr": lambda: EarlyLearning(TASK, 6),
    "ldr": lambda: DistributionallyRobust(TASK, 0.5),
    "aldr": lambda: AdaptiveDistributionallyRobust(TASK, 6, 2.0),
}


def logits() -> Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def log_p() -> Tensor:
    return logits().log_softmax(dim=1)


def plain() -> Tensor:
    return cross_entropy(logits(), torch.from_numpy(Y), reduction="none")


def step_of(labels: Exact | Noisy) -> Step:
    return Step({}, {}, INDEX, torch.empty(0, dtype=torch.int64), labels.model(), 0.0, torch.Generator())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_are_those_of_the_cost_where_memory_stands_still(name: str) -> None:
    def cost(out: Tensor) -> Tensor:
        objective = OBJECTIVES[name]().double()
        return objective.cost(out.log_softmax(dim=1), Q, INDEX)

    out = logits().requires_grad_()
    if name in ("gce", "sce", "ldr"):
        assert torch.autograd.gradcheck(cost, (out,))
    else:
        (grad,) = torch.autograd.grad(cost(out).sum(), out)
        assert bool(torch.isfinite(grad).all()) and float(grad.abs().sum()) > 0


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in ("sce", "aldr")])
def test_a_shared_class_costs_what_its_classes_cost_on_average(name: str) -> None:
    """Costs are linear in the shares, but for the memory of what was decided and the logarithm of a share."""
    shares = torch.tensor([[0.25, 0.75, 0.0]], dtype=torch.float64)
    p, at = log_p()[:1], torch.tensor([0])
    each = [OBJECTIVES[name]().double().cost(p, torch.eye(3, dtype=torch.float64)[[c]], at) for c in range(3)]
    mixed = OBJECTIVES[name]().double().cost(p, shares, at)
    torch.testing.assert_close(mixed, 0.25 * each[0] + 0.75 * each[1])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_noisy_labels_are_taken_as_they_were_given_and_unknown_ones_left_out(name: str) -> None:
    out = logits().float()
    given = np.where(np.arange(4) == 1, -1, Y)
    few = [0, 2, 3]
    found = OBJECTIVES[name]()(step_of(Noisy(given, "estimate", TASK.names)), out)
    expected = OBJECTIVES[name]().cost(out[few].log_softmax(dim=1), Q[few].float(), INDEX[few]).mean()
    torch.testing.assert_close(found, expected)


def test_generalised_cross_entropy_by_hand_and_in_its_limits() -> None:
    p = log_p().exp()[torch.arange(4), torch.from_numpy(Y)]
    cost = GeneralisedCrossEntropy(TASK, 0.7).cost(log_p(), Q, INDEX)
    torch.testing.assert_close(cost, (1 - p**0.7) / 0.7)
    near = GeneralisedCrossEntropy(TASK, 1e-9).cost(log_p(), Q, INDEX)
    torch.testing.assert_close(near, plain(), atol=1e-7, rtol=0)
    absolute = (log_p().exp() - Q).abs().sum(dim=1) / 2
    torch.testing.assert_close(GeneralisedCrossEntropy(TASK, 1.0).cost(log_p(), Q, INDEX), absolute)
    with pytest.raises(ValueError, match="exponent of 0"):
        GeneralisedCrossEntropy(TASK, 0)


def test_symmetric_cross_entropy_by_hand_and_symmetric_over_the_classes() -> None:
    p = log_p().exp()[torch.arange(4), torch.from_numpy(Y)]
    cost = SymmetricCrossEntropy(TASK, 0.1, 2.0).cost(log_p(), Q, INDEX)
    torch.testing.assert_close(cost, 0.1 * plain() + 2.0 * 4 * (1 - p))
    torch.testing.assert_close(SymmetricCrossEntropy(TASK, 1.0, 0.0).cost(log_p(), Q, INDEX), plain())
    reverse = SymmetricCrossEntropy(TASK, 0.0, 1.0)
    total = sum(reverse.cost(log_p(), Q.roll(c, dims=1), INDEX) for c in range(3))
    torch.testing.assert_close(total, torch.full((4,), 8.0, dtype=torch.float64))


def test_early_learning_is_cross_entropy_without_its_weight() -> None:
    torch.testing.assert_close(EarlyLearning(TASK, 6, 0.0).double().cost(log_p(), Q, INDEX), plain())


def test_early_learning_remembers_each_record_and_draws_it_to_what_it_believed() -> None:
    objective = EarlyLearning(TASK, 6, weight=3.0, momentum=0.7).double()
    p, other = log_p().exp().numpy(), logits().flip(0).softmax(dim=1).numpy()
    first = objective.cost(log_p(), Q, INDEX)
    expected = [-math.log(p[i, Y[i]]) + 3 * math.log(1 - 0.3 * (p[i] ** 2).sum()) for i in range(4)]
    np.testing.assert_allclose(first.numpy(), expected, rtol=1e-9)
    objective.cost(torch.from_numpy(other).log(), Q, INDEX)
    np.testing.assert_allclose(objective.targets.values[INDEX].numpy(), 0.7 * 0.3 * p + 0.3 * other, rtol=1e-6)
    assert float(objective.targets.values[[2, 4]].abs().sum()) == 0, "records that were not seen"
    assert "targets.values" in objective.state_dict()


def test_the_early_learning_term_cancels_the_pull_of_a_wrong_label() -> None:
    """Liu et al. 2020, lemma 2: the gradient is p - y + weight * p (<p, t> - t) / (1 - <p, t>), class by class."""
    objective = EarlyLearning(TASK, 6).double()
    before = torch.tensor([[0.9, 0.05, 0.05]], dtype=torch.float64)
    objective.targets.write(torch.tensor([0]), before)
    out = torch.tensor([[2.0, 0.5, -0.5]], dtype=torch.float64, requires_grad=True)
    wrong = torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64)
    (grad,) = torch.autograd.grad(objective.cost(out.log_softmax(1), wrong, torch.tensor([0])).sum(), out)
    p = out.detach().softmax(1)
    t = 0.7 * before + 0.3 * p
    agreement = (p * t).sum()
    torch.testing.assert_close(grad, p - wrong + 3 * p * (agreement - t) / (1 - agreement))
    assert float(grad[0, 0]) < float((p - wrong)[0, 0]), "the class believed early is pulled up"


def test_early_learning_stays_finite_for_certain_beliefs() -> None:
    objective = EarlyLearning(TASK, 6)
    sure = torch.tensor([[200.0, 0.0, 0.0]] * 4)
    for _ in range(200):
        cost = objective.cost(sure.log_softmax(1), Q.float(), INDEX)
    assert bool(torch.isfinite(cost).all())


def test_distributionally_robust_is_cross_entropy_at_one_and_the_hinge_towards_zero() -> None:
    torch.testing.assert_close(DistributionallyRobust(TASK, 1.0, 0.0, bounded=False).cost(log_p(), Q, INDEX), plain())
    out, rows = logits(), torch.arange(4)
    beaten = out - out[rows, torch.from_numpy(Y)][:, None] + 0.1 * (1 - Q)
    hinge = DistributionallyRobust(TASK, 1e-4, 0.1, bounded=False).cost(log_p(), Q, INDEX)
    torch.testing.assert_close(hinge, beaten.amax(dim=1), atol=2e-4, rtol=0)


@pytest.mark.parametrize("record", range(4))
def test_distributionally_robust_is_the_worst_case_over_weights(record: int) -> None:
    """Against a numerical maximum of sum_k w_k margin_k - t KL(w, uniform)."""
    temperature = 0.6
    out = logits()[record].numpy()
    margins = out - out[Y[record]] + 0.1 * (np.arange(3) != Y[record])

    def negative(free: np.ndarray) -> float:
        w = np.exp(free) / np.exp(free).sum()
        return float(-(w @ margins) + temperature * (w * np.log(3 * w)).sum())

    worst = -minimize(negative, np.zeros(3), tol=1e-12).fun
    cost = DistributionallyRobust(TASK, temperature, bounded=False).cost(log_p(), Q, INDEX)[record]
    assert float(cost) - temperature * math.log(3) == pytest.approx(worst, abs=1e-6)


def test_temperatures_adapt_to_the_joint_worst_case_over_weights_and_temperature() -> None:
    """Repeated updates go to the maximum over w and t of w·m - t KL(w) - alpha log C (t - t0)^2 / (2 t0)."""
    objective = AdaptiveDistributionallyRobust(TASK, 6, temperature=1.5, margin=0.1, alpha=2.0, bounded=False).double()
    for _ in range(200):
        objective.cost(log_p(), Q, INDEX)
    for record in range(4):
        out = logits()[record].numpy()
        margins = out - out[Y[record]] + 0.1 * (np.arange(3) != Y[record])

        def negative(free: np.ndarray, margins: np.ndarray = margins) -> float:
            w, t = np.exp(free[:3]) / np.exp(free[:3]).sum(), free[3]
            divergence = (w * np.log(3 * w)).sum()
            return float(-(w @ margins) + t * divergence + 2 * math.log(3) * (t - 1.5) ** 2 / (2 * 1.5))

        best = minimize(negative, np.array([0, 0, 0, 1.5]), tol=1e-12).x[3]
        assert float(objective.temperatures.values[INDEX[record]]) == pytest.approx(best, abs=1e-4)
    assert objective.temperatures.values[[2, 4]].tolist() == [1.5, 1.5], "records that were not seen"


def test_a_temperature_falls_as_the_network_makes_up_its_mind_and_never_below_its_floor() -> None:
    objective = AdaptiveDistributionallyRobust(TASK, 6, temperature=1.0, margin=0.0, alpha=2.0, bounded=False)
    sure = torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [90.0, 0.0, 0.0], [0.0, 90.0, 0.0]])
    objective.cost(sure.log_softmax(1), Q.float(), INDEX)
    undecided, leaning, decided, other = objective.temperatures.values[INDEX].tolist()
    assert undecided == pytest.approx(1.0) and decided == pytest.approx(0.5) and other == pytest.approx(0.5)
    assert decided < leaning < undecided
    with pytest.raises(ValueError, match="alpha of 1"):
        AdaptiveDistributionallyRobust(TASK, 6, alpha=1.0)


def test_bounded_logits_are_centred_of_mean_size_one_and_know_no_scale() -> None:
    bounded = DistributionallyRobust(TASK, 2.0, 0.0)
    f = logits() - logits().mean(dim=1, keepdim=True)
    scaled = (f / (f.abs().sum(dim=1, keepdim=True) / 3)).div(2.0)
    by_hand = 2.0 * cross_entropy(scaled, torch.from_numpy(Y), reduction="none")
    torch.testing.assert_close(bounded.cost(log_p(), Q, INDEX), by_hand)
    torch.testing.assert_close(bounded.cost((5 * logits() + 3).log_softmax(1), Q, INDEX), by_hand)
    equal = torch.zeros(4, 3, requires_grad=True)
    bounded.cost(equal.log_softmax(1), Q.float(), INDEX).sum().backward()
    assert equal.grad is not None and bool(torch.isfinite(equal.grad).all())


def test_a_task_of_several_labels_is_refused() -> None:
    with pytest.raises(TypeError, match="one class a record"):
        GeneralisedCrossEntropy(MultiLabel(("a", "b")))
