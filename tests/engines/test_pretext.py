"""Pretext tasks against loops over records and turns, and equations 4 to 6 of label augmentation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, softmax

from tacit.data.batch import Affine, Batch, Features, View
from tacit.data.task import Classes
from tacit.engines.method import Step
from tacit.engines.pretext import JointPretext, Pretext, aggregate_logits, all_ways, rotations
from tacit.errors import InputError
from tacit.labels import Exact, Labels

TASK = Classes(("a", "b", "c"))


class Pixels(nn.Module):
    """A linear map of all pixels."""

    width = 5

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 5)

    def forward(self, batch: Batch) -> Features:
        return Features(self.layer(batch["pixels"].flatten(1)))


def image_batch(rows: int = 3, seed: int = 0) -> Batch:
    return Batch({"pixels": torch.randn(rows, 1, 4, 4, generator=torch.Generator().manual_seed(seed))})


def step(batch: Batch, labels: Labels | None = None) -> Step:
    none = torch.empty(0, dtype=torch.int64)
    view = View(batch, Affine(torch.empty(0)))
    evidence = None if labels is None else labels.model()
    return Step({"weak": view}, {"weak": view}, none, none, evidence, 0.0, torch.Generator())


def by_hand(method: JointPretext, batch: Batch) -> list[list[Tensor]]:
    """Joint logits (C, M) of every record under every turn, one forward pass each."""
    network = method.network
    return [
        [
            network.joint(network.backbone(turn(batch.take([i]))).pooled)[0].reshape(3, 4).detach()
            for turn in rotations()
        ]
        for i in range(len(batch))
    ]


def test_turns_are_quarter_turns() -> None:
    image = np.arange(16.0).reshape(4, 4)
    batch = Batch({"pixels": torch.from_numpy(image)[None, None]})
    for times, turn in enumerate(rotations()):
        np.testing.assert_array_equal(turn(batch)["pixels"][0, 0], np.rot90(image, times))
    two = [t(batch)["pixels"][0, 0].numpy() for t in rotations((0, 2))]
    np.testing.assert_array_equal(two[1], image[::-1, ::-1])


def test_quarter_turns_of_oblong_images_are_refused_and_half_turns_work() -> None:
    oblong = Batch({"pixels": torch.randn(2, 1, 4, 6)})
    still, quarter, half, _ = rotations()
    assert torch.equal(still(oblong)["pixels"], oblong["pixels"])
    assert torch.equal(half(oblong)["pixels"], oblong["pixels"].flip(2, 3))
    with pytest.raises(InputError, match="quarter turns need square images; these are 4 by 6 pixels"):
        quarter(oblong)


def test_all_ways_goes_through_the_batch_once_per_turn() -> None:
    batch = image_batch(2)
    stacked = all_ways(batch, rotations())["pixels"]
    for m, turn in enumerate(rotations()):
        torch.testing.assert_close(stacked[2 * m : 2 * m + 2], turn(batch)["pixels"])


def test_rotation_loss_is_the_mean_over_images_and_turns() -> None:
    torch.manual_seed(0)
    method = Pretext(Pixels(), rotations())
    batch = image_batch(3)
    terms = [
        -log_softmax(method.network(turn(batch.take([i]))), 1)[0, way].detach()
        for i in range(3)
        for way, turn in enumerate(rotations())
    ]
    loss = method.loss(step(batch))
    assert set(loss) == {"pretext"}
    torch.testing.assert_close(loss["pretext"].detach(), torch.stack(terms).mean())
    assert method.predictor() is method.encoder() is method.network.encoder


def test_aggregate_is_equation_five_in_loops() -> None:
    """P(i | x) is softmax over i of the mean over j of the logit (i, j) on the input turned by j."""
    torch.manual_seed(0)
    method = JointPretext(Pixels(), TASK, rotations())
    batch = image_batch(3)
    logits = by_hand(method, batch)
    expected = torch.stack([
        torch.stack([sum(logits[i][m][c, m] for m in range(4)) / 4 for c in range(3)]) for i in range(3)
    ])  # fmt: skip
    torch.testing.assert_close(method.network(batch).detach(), expected)
    joint, _ = method.network.both(batch)
    torch.testing.assert_close(aggregate_logits(joint).detach(), expected)


def test_losses_are_equations_four_and_six_in_loops() -> None:
    torch.manual_seed(0)
    method = JointPretext(Pixels(), TASK, rotations())
    batch, y = image_batch(3), [2, 0, 1]
    logits = by_hand(method, batch)
    joint = [-log_softmax(logits[i][m].reshape(-1), 0)[y[i] * 4 + m] for i in range(3) for m in range(4)]
    losses = method.loss(step(batch, Exact(np.array(y), TASK.names)))
    torch.testing.assert_close(losses["joint"].detach(), torch.stack(joint).mean())
    plain = log_softmax(method.network.plain(method.network.backbone(batch).pooled), 1).detach()
    aggregated = softmax(method.network(batch).detach(), 1)
    divergence = [
        sum(float(aggregated[i, c]) * (math.log(float(aggregated[i, c])) - float(plain[i, c])) for c in range(3))
        for i in range(3)
    ]
    assert float(losses["distil"].detach()) == pytest.approx(sum(divergence) / 3, rel=1e-4)
    assert float(losses["supervised"].detach()) == pytest.approx(-sum(float(plain[i, y[i]]) for i in range(3)) / 3)


def test_the_aggregate_teaches_the_plain_head_and_not_the_reverse() -> None:
    torch.manual_seed(0)
    method = JointPretext(Pixels(), TASK, rotations())
    losses = method.loss(step(image_batch(3), Exact(np.array([2, 0, 1]), TASK.names)))
    losses["distil"].backward()
    assert method.network.joint.weight.grad is None
    assert method.network.plain.weight.grad is not None


def test_without_aggregation_the_distilled_head_predicts() -> None:
    torch.manual_seed(0)
    method = JointPretext(Pixels(), TASK, rotations(), aggregate=False)
    batch = image_batch(2)
    torch.testing.assert_close(method.network(batch), method.network.plain(method.network.backbone(batch).pooled))


def test_a_batch_without_labels_costs_only_the_distillation() -> None:
    torch.manual_seed(0)
    method = JointPretext(Pixels(), TASK, rotations())
    losses = method.loss(step(image_batch(2), Exact(np.array([-1, -1]), TASK.names)))
    assert float(losses["joint"].detach()) == float(losses["supervised"].detach()) == 0.0
    with pytest.raises(ValueError, match="needs evidence"):
        method.loss(step(image_batch(2)))
