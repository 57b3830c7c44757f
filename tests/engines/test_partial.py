"""Progressive weights of candidates: against the paper's update written out, and against EM's limit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.data.task import Classes
from tacit.engines.method import Step
from tacit.engines.partial import Progressive
from tacit.labels import Candidates, Exact, Labels, Soft

# `OnShares` makes a tensor of the read-only shares of `Soft`

NAMES = ("a", "b", "c")
MASK = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], dtype=bool)


def step(labels: Labels, index: list[int]) -> Step:
    return Step(
        labelled={},
        unlabelled={},
        labelled_index=torch.tensor(index),
        unlabelled_index=torch.empty(0, dtype=torch.int64),
        evidence=labels.take(np.array(index)).model(),
        progress=0.0,
        generator=torch.Generator(),
    )


def drawn(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 3, generator=torch.Generator().manual_seed(seed))


def test_weights_are_those_of_the_pass_before() -> None:
    """Three passes against a loop over records and candidates; record 3 may be of any class and is not read."""
    objective = Progressive(Classes(NAMES), records=4)
    weights = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    for turn, index in enumerate([[0, 1, 2, 3], [2, 0, 3, 1], [1, 0, 2, 3]]):
        outputs = drawn(4, turn)
        p = np.exp(outputs.numpy().astype(np.float64))
        p /= p.sum(axis=1, keepdims=True)
        losses = []
        for row, record in enumerate(index):
            if record == 3:
                continue
            candidates = np.flatnonzero(MASK[record])
            losses.append(-sum(weights[record][c] * np.log(p[row, c]) for c in candidates))
            total = sum(p[row, c] for c in candidates)
            weights[record] = [p[row, c] / total if MASK[record, c] else 0.0 for c in range(3)]
        found = objective(step(Candidates(MASK, NAMES), index), outputs)
        assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)
    np.testing.assert_allclose(objective.weights.values[:3].numpy(), weights, atol=1e-6)
    assert not objective.weights.values[3].any()


def test_with_weights_of_the_present_pass_its_gradient_is_that_of_the_likelihood() -> None:
    labels = Candidates(MASK[:3], NAMES)
    objective, outputs = Progressive(Classes(NAMES), records=3), drawn(3).requires_grad_()
    batch = step(labels, [0, 1, 2])
    objective(batch, outputs)
    (ours,) = torch.autograd.grad(objective(batch, outputs), outputs)
    log_likelihood = labels.log_likelihood(Classes(NAMES).prediction(outputs))
    (theirs,) = torch.autograd.grad(-log_likelihood.mean(), outputs)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_exact_labels_stay_cross_entropy() -> None:
    objective, outputs = Progressive(Classes(NAMES), records=3), drawn(3)
    batch = step(Exact([2, 0, 1], NAMES), [0, 1, 2])
    wanted = torch.nn.functional.cross_entropy(outputs, torch.tensor([2, 0, 1]))
    for _ in range(3):
        torch.testing.assert_close(objective(batch, outputs), wanted)


def test_unequal_shares_stay_a_factor_of_the_weights() -> None:
    objective, outputs = Progressive(Classes(NAMES), records=1), drawn(1)
    shares = np.array([[0.7, 0.2, 0.1]])
    objective(step(Soft(shares, NAMES), [0]), outputs)
    wanted = torch.softmax(outputs, 1).numpy() * shares
    np.testing.assert_allclose(objective.weights.values.numpy(), wanted / wanted.sum(), atol=1e-6)
