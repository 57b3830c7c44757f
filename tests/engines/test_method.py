"""What all engines share: the evidence loss, memory per record, supervised training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tacit.data.batch import Batch, Columns, Features, View
from tacit.data.task import Classes, MultiLabel, Number
from tacit.engines.method import PerRecord, Step, evidence_loss
from tacit.engines.settings import Settings
from tacit.engines.supervised import Supervised
from tacit.labels import Exact, Values


def outputs(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0), requires_grad=True)


def test_evidence_loss_of_classes_is_cross_entropy_over_what_is_known() -> None:
    out = outputs(4, 3)
    loss = evidence_loss(Exact(np.array([2, -1, 0, 1]), list("abc")).model(), Classes(("a", "b", "c")), out)
    torch.testing.assert_close(loss, cross_entropy(out[[0, 2, 3]], torch.tensor([2, 0, 1])))


def test_evidence_loss_of_several_labels_is_binary_cross_entropy() -> None:
    out, y = outputs(3, 2), np.array([[1, 0], [0, 0], [1, 1]])
    loss = evidence_loss(Exact(y, ["a", "b"]).model(), MultiLabel(("a", "b")), out)
    torch.testing.assert_close(loss, binary_cross_entropy_with_logits(out, torch.from_numpy(y).float()))


def test_evidence_loss_of_numbers_is_gaussian_in_the_targets_own_units() -> None:
    out = outputs(3, 2)
    v, task = np.array([90.0, np.nan, 130.0]), Number(100.0, 20.0)
    loss = evidence_loss(Values(v).model(), task, out)
    mean, scale = 100 + 20 * out[[0, 2], 0], 20 * out[[0, 2], 1].exp()
    expected = -torch.distributions.Normal(mean, scale).log_prob(torch.tensor([90.0, 130.0])).mean()
    torch.testing.assert_close(loss, expected)


def test_no_evidence_is_no_loss_and_no_gradient() -> None:
    out = outputs(2, 3)
    loss = evidence_loss(Exact(np.array([-1, -1]), list("abc")).model(), Classes(("a", "b", "c")), out)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert out.grad is not None and float(out.grad.abs().sum()) == 0.0


def test_memory_per_record_travels_in_the_state() -> None:
    memory = PerRecord(4, 2, fill=0.5)
    memory.write(torch.tensor([3, 1]), torch.tensor([[1, 2], [3, 4]]))
    other = PerRecord(4, 2)
    other.load_state_dict(memory.state_dict())
    assert other(torch.tensor([1, 0])).tolist() == [[3.0, 4.0], [0.5, 0.5]]


class Identity(nn.Module):
    width = 3

    def forward(self, batch: Batch) -> Features:
        return Features(batch["x"])


def test_supervised_averages_over_its_views_and_predicts_with_the_average() -> None:
    torch.manual_seed(0)
    method = Supervised(Identity(), Classes(("a", "b")), views=("weak", "strong"), decay=0.9)
    views = {n: View(Batch({"x": torch.randn(4, 3)}), Columns(torch.empty(0))) for n in ("weak", "strong")}
    none = torch.empty(0, dtype=torch.int64)
    y = torch.tensor([0, 1, 1, 0])
    batch = Step(views, {}, none, none, Exact(y.numpy(), ["a", "b"]).model(), 0.0, torch.Generator())
    expected = sum(cross_entropy(method.network(v.batch), y) for v in views.values()) / 2
    torch.testing.assert_close(method.loss(batch)["supervised"], expected)
    start = method.network.head.weight.detach().clone()
    with torch.no_grad():
        method.network.head.weight.add_(1.0)
    method.after_step(batch)
    averaged = method.predictor().head.weight  # type: ignore[union-attr]
    torch.testing.assert_close(averaged, start + 1 - 2 / 11)
    batch.evidence = None
    with pytest.raises(ValueError, match="needs evidence"):
        method.loss(batch)


def test_settings_change_by_copy_and_survive_json() -> None:
    settings = Settings().but(rate=0.5)
    assert (settings.rate, Settings().rate) != (0.5, 0.5)
    assert Settings(**settings.to_json()) == settings
