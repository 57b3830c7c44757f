"""The multi-focal loss against its equation and limits, what is filled in, and what the experts do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tacit.data.batch import Affine, Batch, View
from tacit.data.task import Classes, MultiLabel
from tacit.engines.method import Step, evidence_loss
from tacit.engines.multi_focal import ASYMMETRIC, Filling, Focus, MultiFocal
from tacit.labels import Exact
from tacit.nets.image import SmallEncoder

TASK = MultiLabel(("a", "b", "c"))
COUNTS = torch.tensor([100.0, 10.0, 0.0])
Y = np.array([[1, 0, -1], [0, -1, 1], [1, 1, 0], [-1, -1, -1], [0, 0, 0]])


def logits() -> Tensor:
    return 2 * torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_hand(focus: Focus, z: Tensor) -> float:
    """The weighted mean, site by site."""
    total = weights = 0.0
    for i in range(5):
        for k in range(3):
            p = 1 / (1 + math.exp(-float(z[i, k])))
            rare = 1.0
            if focus.root is not None:
                rare = (1 + math.log(100 / max(float(COUNTS[k]), 1))) ** focus.root
            if Y[i, k] == 1:
                weight, cost = rare * (1 - p) ** focus.positive, -math.log(p)
            elif Y[i, k] == 0:
                q = max(p - focus.margin, 0.0)
                weight = rare * q ** (focus.negative + (rare if focus.root is not None else 0))
                cost = -math.log(1 - q)
            else:
                continue
            total, weights = total + weight * cost, weights + weight
    return total / weights


@pytest.mark.parametrize("focus", [ASYMMETRIC, Focus(1.0, 2.0, 0.1, 1 / 6), Focus(0.5, 1.0, 0.0, 0.5)])
def test_the_loss_is_that_of_its_equation(focus: Focus) -> None:
    found = float(focus.loss(logits(), torch.from_numpy(Y), COUNTS.double()))
    assert found == pytest.approx(by_hand(focus, logits()), rel=1e-10)


def test_without_focus_it_is_the_likelihood_of_what_is_known() -> None:
    z = logits()
    wanted = evidence_loss(Exact(Y, TASK.names).model(), TASK, z)
    torch.testing.assert_close(Focus().loss(z, torch.from_numpy(Y), COUNTS), wanted)


@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_sure_outputs_have_finite_gradients(margin: float) -> None:
    outputs = torch.tensor([[200.0, -200.0, 200.0], [-200.0, 200.0, -200.0]], requires_grad=True)
    y = torch.tensor([[1, 1, 0], [1, 0, 0]])
    Focus(0.0, 2.0, margin, 0.5).loss(outputs, y, COUNTS).backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert bool(torch.isfinite(outputs.grad).all())


def test_rare_labels_pull_more() -> None:
    """Two labels that are equally wrong: the gradient of the rarer is larger."""
    outputs = torch.zeros(1, 3, requires_grad=True)
    Focus(root=0.5).loss(outputs, torch.ones(1, 3), COUNTS).backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    pull = outputs.grad.abs()[0]
    assert float(pull[1] / pull[0]) == pytest.approx(math.sqrt(1 + math.log(10)))


def test_what_is_unknown_is_filled_in_above_threshold_and_own_mean() -> None:
    filling = Filling(records=10, labels=3, threshold=0.7, momentum=0.5, begins=0.1)
    y = torch.tensor([[-1, -1, 0], [-1, -1, 1]])
    p = torch.tensor([[0.95, 0.75, 0.9], [0.6, 0.75, 0.9]])
    index = torch.tensor([4, 7])
    assert torch.equal(filling(p, y, index, 0.05), y), "too early"
    assert filling(p, y, index, 0.2).tolist() == [[1, -1, 0], [-1, -1, 1]], "0.75 is no more than the label's mean"
    assert filling.filled.values.nonzero().tolist() == [[4, 0]]
    assert filling(0.5 * p, y, index, 0.2).tolist() == y.tolist(), "decided anew"
    assert not filling.filled.values.any()
    expected = (0.25 * 0.775 + 0.125 * 0.775 + 0.5 * 0.3875) / 0.875
    assert float(filling.mean[0] / filling.seen) == pytest.approx(expected)


def method(**settings: object) -> MultiFocal:
    torch.manual_seed(0)
    return MultiFocal(SmallEncoder(1, (8, 8)), TASK, Focus(), views=("weak",), **settings)  # type: ignore[arg-type]


def step(y: np.ndarray) -> Step:
    pixels = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    view = View(Batch({"pixels": pixels}), Affine(torch.empty(5, 0, 0)))
    evidence = Exact(y, TASK.names).model()
    return Step(
        {"weak": view}, {}, torch.arange(5), torch.empty(0, dtype=torch.int64), evidence, 0.5, torch.Generator()
    )


def test_alone_it_is_its_host() -> None:
    batch = step(Y)
    assert batch.evidence is not None
    found = method().eval()
    outputs = found.network(batch.labelled["weak"].batch)
    losses = found.loss(batch)
    assert set(losses) == {"supervised"}
    torch.testing.assert_close(losses["supervised"], evidence_loss(batch.evidence, TASK, outputs))


def test_what_is_not_said_may_count_as_absent() -> None:
    found = method(absent=True).eval()
    other = method().eval()
    torch.testing.assert_close(found.loss(step(Y)), other.loss(step(np.maximum(Y, 0))))


def test_experts_weigh_labels_by_frequency_and_rarity_and_are_distilled() -> None:
    found = method(balance=1.0).eval()
    found.counts.copy_(COUNTS)
    batch = step(Y)
    losses = found.loss(batch)
    pooled = found.network.features(batch.labelled["weak"].batch).pooled
    y = torch.from_numpy(Y)
    costs = []
    for expert, weight in zip(found.experts, ([100.0, 10.0, 1.0], [0.01, 0.1, 1.0]), strict=True):
        assert isinstance(expert, nn.Linear)
        each = binary_cross_entropy_with_logits(expert(pooled), y.clamp_min(0).float(), reduction="none")
        known = (y >= 0) * torch.tensor(weight)
        costs.append((each * known).sum() / known.sum())
    torch.testing.assert_close(losses["experts"], costs[0] + costs[1])
    squared = torch.stack(costs).detach() ** 2
    trust = squared / squared.sum()
    outputs = found.network.head(pooled)
    beliefs = [torch.sigmoid(expert(pooled)).detach() for expert in found.experts]
    wanted = [t * binary_cross_entropy_with_logits(outputs, b) for t, b in zip(trust, beliefs, strict=True)]
    torch.testing.assert_close(losses["balance"], wanted[0] + wanted[1])
    losses["balance"].backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in found.experts.parameters()), "what experts believe is given"


def test_other_tasks_are_refused() -> None:
    with pytest.raises(TypeError, match="present or absent"):
        MultiFocal(SmallEncoder(1, (8, 8)), Classes(("a", "b")), Focus())
