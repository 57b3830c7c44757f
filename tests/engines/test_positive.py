"""The non-negative risk as an objective: against the risk written out, and the likelihood for other evidence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.data.task import Classes, MultiLabel, Number
from tacit.engines.method import Step, evidence_loss
from tacit.engines.positive import NonNegative, Variational, variational_risk
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


def variational_by_hand(z: np.ndarray, positive: np.ndarray, rebalance: float, sharpness: float) -> float:
    """One label, literally."""
    temperature = 1.0 if sharpness == 0 else min(1.0, sharpness * float(np.std(z)))
    p = sigmoid(z / temperature)
    return float(np.mean(p) ** rebalance * np.log(np.mean(p)) - np.mean(np.log(p[positive])))


@pytest.mark.parametrize(("rebalance", "sharpness"), [(0.0, 0.0), (0.55, 0.0), (0.0, 1.5), (0.55, 1.5)])
def test_the_variational_risk_is_that_of_its_equation(rebalance: float, sharpness: float) -> None:
    """The first label's outputs are nearly alike, the second's are not, the third has no positive."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40, 3)) * [0.2, 3.0, 1.0]
    positive = rng.random((40, 3)) < [0.3, 0.2, 0.0]
    found = variational_risk(torch.from_numpy(z), torch.from_numpy(positive), rebalance, sharpness)
    wanted = [variational_by_hand(z[:, k], positive[:, k], rebalance, sharpness) for k in (0, 1)]
    np.testing.assert_allclose(found.numpy(), [*wanted, 0.0], rtol=1e-10)


def test_the_variational_risk_is_least_in_proportion_to_the_truth() -> None:
    """Two kinds of records, positive with 0.9 and 0.3: any p in the ratio 3:1 has minus the Kullback-Leibler divergence
    of the positives from all records, and no p has less."""
    count, chance = 1000, np.array([0.9, 0.3])
    kind = np.repeat([0, 1], count)
    positive = np.concatenate([np.arange(count) < c * count for c in chance])[:, None]
    among = chance / chance.sum()

    def risk(p: np.ndarray) -> float:
        z = torch.from_numpy(np.log(p / (1 - p))[kind][:, None])
        return float(variational_risk(z, torch.from_numpy(positive)))

    least = -float((among * np.log(among / 0.5)).sum())
    for scale in (1.0, 0.1):
        assert risk(scale * chance) == pytest.approx(least, rel=1e-9)
    for other in ([0.9, 0.2], [0.9, 0.4], [0.5, 0.5]):
        assert risk(np.array(other)) > least + 1e-3


def test_weight_and_temperature_have_no_gradient() -> None:
    z = torch.randn(30, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.3
    positive = torch.arange(30)[:, None] < 9
    outputs = z.clone().requires_grad_()
    variational_risk(outputs, positive, 0.55, 1.5).sum().backward()  # type: ignore[no-untyped-call]
    temperature = 1.5 * float(z.std(correction=0))
    p = torch.sigmoid(z / temperature)
    weight = float(p.mean()) ** 0.55
    by_hand = (weight * p * (1 - p) / p.sum() - positive * (1 - p) / 9) / temperature
    assert outputs.grad is not None
    torch.testing.assert_close(outputs.grad, by_hand)


def test_what_is_said_to_be_absent_is_not_heard_by_the_variational_risk() -> None:
    rng = np.random.default_rng(0)
    state = (rng.random((30, 2)) < 0.3).astype(int)
    outputs = torch.from_numpy(rng.normal(size=(30, 2))).float()
    objective = Variational(MultiLabel(("x", "y")), 0.5, 1.0)
    unlabelled = objective(step(Positives(state, [0.5, 0.7], ["x", "y"])), outputs)
    absent = objective(step(Exact(state, ["x", "y"])), outputs)
    unknown = objective(step(Exact(np.where(state == 1, 1, -1), ["x", "y"])), outputs)
    assert float(unlabelled) == float(absent) == float(unknown)
    wanted = variational_risk(outputs, torch.from_numpy(state == 1), 0.5, 1.0).mean()
    torch.testing.assert_close(unlabelled, wanted)
    with pytest.raises(TypeError, match="present or absent"):
        Variational(TASK)
