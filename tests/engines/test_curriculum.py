"""The contrastive loss gives way to that of the classes: either end against what it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tacit.data.batch import Batch, Columns, View
from tacit.data.task import Classes
from tacit.engines.contrast import sup_con
from tacit.engines.curriculum import ContrastToClasses
from tacit.engines.method import Step
from tacit.labels import Exact

from .encoders import Rows

TASK = Classes(("a", "b", "c"))
Y = np.array([0, 1, 0, 2, -1, 1])


def method(power: float = 1.0) -> ContrastToClasses:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ContrastToClasses(Rows(), TASK, ("weak", "strong"), temperature=0.3, power=power)


def step(progress: float, y: np.ndarray[Any, Any] = Y) -> Step:
    generator = torch.Generator().manual_seed(0)
    views = {n: View(Batch({"x": torch.randn(6, 3, generator=generator)}), Columns(torch.empty(6, 0)))
             for n in ("weak", "strong")}  # fmt: skip
    evidence = Exact(y, TASK.names).model()
    return Step(views, {}, torch.arange(6), torch.empty(0, dtype=torch.int64), evidence, progress, generator)


def expected(built: ContrastToClasses, at: Step) -> tuple[Tensor, Tensor]:
    """The contrast of all views of the labelled rows, and the mean cross-entropy of each view's outputs."""
    pooled = torch.cat([built.network.encoder(view.batch).pooled for view in at.labelled.values()])
    known = torch.from_numpy(np.flatnonzero(Y >= 0))
    both = torch.cat([known, known + 6])
    z = normalize(built.projector(pooled)[both], dim=1)
    classes = torch.from_numpy(Y[Y >= 0]).repeat(2)
    log_p = torch.log_softmax(built.network.head(pooled), dim=1)
    return sup_con(z, torch.eye(3)[classes], 0.3), -log_p[both, classes].mean()


@pytest.mark.parametrize(("power", "progress", "weight"), [(1.0, 0.0, 1.0), (1.0, 0.25, 0.75), (2.0, 0.5, 0.75)])
def test_losses_are_weighted_by_progress(power: float, progress: float, weight: float) -> None:
    built = method(power)
    at = step(progress)
    losses = built.loss(at)
    contrast, classes = expected(built, at)
    torch.testing.assert_close(losses["contrast"], weight * contrast)
    torch.testing.assert_close(losses["supervised"], (1 - weight) * classes)


def test_at_first_only_features_learn_and_in_the_end_only_the_classifier_is_judged() -> None:
    built = method()
    sum(built.loss(step(0.0)).values(), torch.zeros(())).backward()
    assert not built.network.head.weight.grad.any()
    assert built.network.encoder.layer.weight.grad.any()
    built.zero_grad()
    sum(built.loss(step(1.0)).values(), torch.zeros(())).backward()
    assert built.network.head.weight.grad.any()
    assert not built.projector.last.weight.grad.any()


def test_a_batch_without_a_label_costs_nothing() -> None:
    assert sum(built.item() for built in method().loss(step(0.5, np.full(6, -1))).values()) == 0.0
