"""Pretext tasks: the data is changed in one of M known ways, and the network says which.

Alone it pretrains an encoder (Gidaris et al. 2018); joined with the class it is self-supervised label augmentation
(Lee et al. 2020). A transformation maps a batch to a batch; `rotations` has the four quarter turns of images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from tacit.data.batch import Batch
from tacit.data.prediction import Categorical
from tacit.data.task import Task
from tacit.engines.method import Losses, Method, Needs, Step, batches, evidence_loss
from tacit.errors import InputError
from tacit.nets.ema import EMA
from tacit.nets.network import Network

Transformation = Callable[[Batch], Batch]


def rotations(turns: Sequence[int] = (0, 1, 2, 3)) -> list[Transformation]:
    """Quarter turns of ``pixels`` (B, C, H, W); an odd number of them wants H = W."""

    def turned(batch: Batch, times: int) -> Batch:
        height, width = batch["pixels"].shape[2:]
        if times % 2 and height != width:
            raise InputError(f"quarter turns need square images; these are {height} by {width} pixels")
        return batch.replace(pixels=torch.rot90(batch["pixels"], times, dims=(2, 3)))

    return [partial(turned, times=times) for times in turns]


def all_ways(batch: Batch, transformations: Sequence[Transformation]) -> Batch:
    """(M * B) samples: the whole batch changed in the first way, then in the second, and so on."""
    return Batch.concatenate([t(batch) for t in transformations])


class Pretext(Method):
    """Predicts which transformation was applied; label-free."""

    family: ClassVar[str] = "pretext"

    def __init__(self, encoder: nn.Module, transformations: Sequence[Transformation]) -> None:
        super().__init__()
        self.needs = Needs(unlabelled=("weak",))
        self.transformations = transformations
        self.network = Network(encoder, len(transformations))

    def loss(self, step: Step) -> Losses:
        (batch,) = batches(step.unlabelled, ("weak",))
        outputs = self.network(all_ways(batch, self.transformations))
        ways = torch.arange(len(self.transformations), device=outputs.device).repeat_interleave(len(batch))
        return {"pretext": cross_entropy(outputs.float(), ways)}

    def predictor(self) -> nn.Module:
        return self.network.encoder

    def encoder(self) -> nn.Module:
        return self.network.encoder


class JointPretext(Method):
    """One softmax over class × transformation, and a plain head distilled from the aggregate (Lee et al. 2020).

    Equation 4 is the joint loss, equation 5 the aggregation over transformed inputs, equation 6 the distillation.
    ``aggregate``: predict from all transformed inputs, at M times the cost; else from the distilled head.
    """

    family: ClassVar[str] = "pretext"

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        transformations: Sequence[Transformation],
        aggregate: bool = True,
        decay: float = 0.99,
    ) -> None:
        super().__init__()
        self.needs = Needs(labelled=("weak",))
        self.task = task
        self.transformations = transformations
        self.aggregate = aggregate
        self.network = JointNetwork(encoder, task.outputs, transformations, aggregate)
        self.average = EMA(self.network, decay)

    def loss(self, step: Step) -> Losses:
        if step.evidence is None:
            raise ValueError("label augmentation needs evidence")
        (batch,) = batches(step.labelled, ("weak",))
        joint, plain = self.network.both(batch)
        ways = len(self.transformations)
        # the mean over transformations of -log p(class, transformation), the class read from the evidence
        per_way = [joint_log_p(joint[m], m) for m in range(ways)]
        joint_loss = sum((evidence_joint(step, self.task, p) for p in per_way), joint.new_zeros(())) / ways
        aggregated = aggregate_logits(joint).detach()
        distilled = kl_div(log_softmax(plain.float(), 1), softmax(aggregated.float(), 1), reduction="batchmean")
        return {
            "joint": joint_loss,
            "distil": distilled,
            "supervised": evidence_loss(step.evidence, self.task, plain),
        }

    def after_step(self, step: Step) -> None:
        self.average.update(self.network)

    def predictor(self) -> nn.Module:
        return self.average.network

    def encoder(self) -> nn.Module:
        return cast(JointNetwork, self.average.network).backbone


class JointNetwork(nn.Module):
    """An encoder with a joint head of C * M outputs and a plain head of C."""

    def __init__(
        self, encoder: nn.Module, classes: int, transformations: Sequence[Transformation], aggregate: bool
    ) -> None:
        super().__init__()
        self.backbone = encoder
        self.classes = classes
        self.transformations = transformations
        self.aggregate = aggregate
        width = cast(int, encoder.width)
        self.joint = nn.Linear(width, classes * len(transformations))
        self.plain = nn.Linear(width, classes)

    def both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Joint logits (M, B, C, M): input way, record, class, predicted way; and plain logits (B, C)."""
        ways = len(self.transformations)
        pooled = self.backbone(all_ways(batch, self.transformations)).pooled
        joint = self.joint(pooled).reshape(ways, len(batch), self.classes, ways)
        return joint, self.plain(pooled[: len(batch)])

    def forward(self, batch: Batch) -> Tensor:
        if not self.aggregate:
            return cast(Tensor, self.plain(self.backbone(batch).pooled))
        return aggregate_logits(self.both(batch)[0])


def aggregate_logits(joint: Tensor) -> Tensor:
    """(M, B, C, M) to (B, C): the mean over m of the logits of class c and way m on input m (equation 5)."""
    return torch.stack([joint[m, :, :, m] for m in range(len(joint))]).mean(dim=0)


def joint_log_p(logits: Tensor, way: int) -> Tensor:
    """(B, C, M) logits of one input way to (B, C) joint log-probabilities of each class with the true way."""
    flat = log_softmax(logits.float().flatten(1), dim=1)
    return flat.reshape(logits.shape)[:, :, way]


def evidence_joint(step: Step, task: Task, log_p: Tensor) -> Tensor:
    """Negative mean evidence log-likelihood under unnormalised joint log-probabilities (B, C)."""
    assert step.evidence is not None
    read = step.evidence.log_likelihood(Categorical(log_p))
    return -read.mean() if len(read) else log_p.sum() * 0.0
