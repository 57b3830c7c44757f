"""The non-negative risk as an objective: against the risk written out, and the likelihood for other evidence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.data.task import Classes, MultiLabel, Number
from tacit.engines.method import Step, evidence_loss
from tacit.engines.positive import NonNegative
from tacit.labels import Exact, Labels, Positives
from tacit.labels.positives_model import PositivesModel

TASK = Classes(("no", "yes"))


def step(labels: Labels) -> Step:
    return Step(
        labelled={},
        unlabelled={},
        labelled_index=torch.arange(len(labels)),
        unlabelled_index=torch.empty(0, dtype=torch.int64),
        evidence=labels.model(),
        progress=0.0,
        generator=torch.Generator(),
    )


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def by_hand(z: np.ndarray, state: np.ndarray, prior: float) -> float:
    """Equation 6 with all records as the population: its mean loss as negatives less prior times the positives'."""
    everyone = np.mean(sigmoid(z)[state == 0]) * np.mean(state == 0) + np.mean(sigmoid(z)[state == 1]) * np.mean(
        state == 1
    )
    negative = everyone - prior * np.mean(sigmoid(z)[state == 1])
    return float(prior * np.mean(sigmoid(-z)[state == 1]) + max(0.0, negative))


@pytest.mark.parametrize("offset", [0.0, -4.0])
def test_it_is_the_risk_of_the_difference_of_both_logits(offset: float) -> None:
    """With an offset of -4 the labelled alone look positive, and the estimate on negatives would be below 0."""
    outputs = torch.randn(20, 2, generator=torch.Generator().manual_seed(1))
    state = np.array([1] * 6 + [0] * 14)
    outputs[6:, 1] += offset
    outputs[:6, 1] -= offset
    found = float(NonNegative(TASK)(step(Positives(state, 0.6)), outputs))
    z = (outputs[:, 1] - outputs[:, 0]).numpy().astype(np.float64)
    assert found == pytest.approx(by_hand(z, state, 0.6), rel=1e-5)


def test_an_estimated_prior_is_read_as_it_stands() -> None:
    outputs = torch.randn(20, 2, generator=torch.Generator().manual_seed(1))
    state = np.array([1] * 6 + [0] * 14)
    batch = step(Positives(state, "estimate"))
    assert isinstance(batch.evidence, PositivesModel)
    batch.evidence.prior.value.fill_(0.45)
    z = (outputs[:, 1] - outputs[:, 0]).numpy().astype(np.float64)
    assert float(NonNegative(TASK)(batch, outputs)) == pytest.approx(by_hand(z, state, 0.45), rel=1e-5)


def test_several_labels_a_record_are_averaged() -> None:
    rng = np.random.default_rng(0)
    state = (rng.random((30, 2)) < 0.3).astype(int)
    outputs = torch.from_numpy(rng.normal(size=(30, 2))).float()
    labels = Positives(state, [0.5, 0.7], ["x", "y"])
    wanted = np.mean([by_hand(outputs[:, k].double().numpy(), state[:, k], p) for k, p in enumerate((0.5, 0.7))])
    assert float(NonNegative(MultiLabel(("x", "y")))(step(labels), outputs)) == pytest.approx(wanted, rel=1e-5)


def test_other_evidence_is_trained_on_by_its_likelihood() -> None:
    labels, outputs = Exact([0, 1, 1], TASK.names), torch.randn(3, 2)
    batch = step(labels)
    assert batch.evidence is not None
    torch.testing.assert_close(NonNegative(TASK)(batch, outputs), evidence_loss(batch.evidence, TASK, outputs))


def test_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="present or absent"):
        NonNegative(Number())
