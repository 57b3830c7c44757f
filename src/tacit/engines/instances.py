"""Classifiers of single records that are told the labels of bags alone: contrast and prototypes make pseudo-labels."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, normalize, one_hot

from tacit.data.task import Classes, Task
from tacit.engines.contrast import supervised_contrast
from tacit.engines.method import Losses, PerRecord, Step
from tacit.engines.objective import Likelihood, Objective
from tacit.engines.supervised import Supervised
from tacit.labels.bags import Bags
from tacit.nets.ema import EMA
from tacit.nets.network import Network, Projector, padded

FIRST, LAST = 0.95, 0.8
"""How much of a pseudo-label is kept at a step, at the beginning and at the end."""

NOBODY = -1


class HighestRecord(Objective):
    """Cross-entropy of a bag's label under its likeliest record: max-pooling.

    Bags that need more than one positive record are not heard. Evidence that is no `Bags` is trained on by its
    likelihood.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.otherwise = Likelihood(task)

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        assert step.evidence is not None
        labels = step.evidence.labels
        if not isinstance(labels, Bags):
            value: Tensor = self.otherwise(step, outputs)
            return value
        highest = highest_odds(labels, (outputs[:, 1] - outputs[:, 0]).float())
        heard = torch.from_numpy(labels.known & (labels.k == 1)).to(outputs.device)
        if not bool(heard.any()):
            return outputs.sum() * 0.0
        positive = torch.from_numpy(labels.positive == 1).to(highest)
        return binary_cross_entropy_with_logits(highest[heard], positive[heard])


def highest_odds(labels: Bags, odds: Tensor) -> Tensor:
    """(bags,) the highest of the log-odds (n,) of each bag's records."""
    owner, record = (torch.from_numpy(a.copy()).to(odds.device) for a in (labels.members.owner, labels.members.records))
    lowest = torch.full((len(labels.positive),), -torch.inf, device=odds.device, dtype=odds.dtype)
    return lowest.scatter_reduce(0, owner, odds[record], "amax")


class Queue(nn.Module):
    """The last ``size`` keys (size, D) with their classes (size,), ``NOBODY`` where there is none yet."""

    keys: Tensor
    kind: Tensor
    at: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, width))
        self.register_buffer("kind", torch.full((size,), NOBODY))
        self.register_buffer("at", torch.zeros((), dtype=torch.int64))

    def push(self, keys: Tensor, kind: Tensor) -> None:
        """Put the newest in the place of the oldest; of more than there is room for, the first."""
        keys, kind = keys[: len(self.kind)], kind[: len(self.kind)]
        place = (self.at + torch.arange(len(kind), device=kind.device)) % len(self.kind)
        self.keys[place], self.kind[place] = keys.to(self.keys), kind
        self.at.copy_((self.at + len(kind)) % len(self.kind))

    def filled(self) -> tuple[Tensor, Tensor]:
        """Keys and classes so far, copies that a later push leaves alone."""
        there = self.kind != NOBODY
        return self.keys[there], self.kind[there]


class Prototypes(nn.Module):
    """A moving average of the unit vectors of each class, (C, D), made a unit vector again."""

    values: Tensor

    def __init__(self, classes: int, width: int, momentum: float = 0.9) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(classes, width))
        self.momentum = momentum

    def update(self, z: Tensor, kind: Tensor) -> None:
        """Move those of the classes among ``kind`` (B,) towards the mean of their ``z`` (B, D)."""
        chosen = one_hot(kind, len(self.values)).to(z)
        count = chosen.sum(dim=0)[:, None]
        moved = self.momentum * self.values + (1 - self.momentum) * (chosen.T @ z) / count.clamp_min(1)
        self.values.copy_(torch.where(count > 0, normalize(moved, dim=1), self.values))

    def forward(self, z: Tensor) -> Tensor:
        """(B, C) inner products."""
        return z @ self.values.T


class PrototypicalInstances(Supervised):
    """Records of positive bags get pseudo-labels from the nearer prototype; those of negative bags are negative.

    Classifier, projector and encoder are trained together: cross-entropy to the pseudo-labels, on both views,
    ``contrast`` times a contrast between the weak view and what the moving average made of the strong one, the queue
    included, and ``bags`` times what the bags' labels cost by max-pooling. Up to the progress ``warm`` a
    record's only likeness is itself, and records of positive bags have no pseudo-label; then records of one class, as
    the classifier has it, are alike. A pseudo-label starts from what the classifier believes. Evidence that is no
    `Bags` is trained on by its likelihood.
    """

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        records: int,
        *,
        contrast: float = 0.5,
        bags: float = 1.0,
        temperature: float = 0.07,
        warm: float = 0.5,
        dimensions: int = 64,
        queue: int = 1024,
    ) -> None:
        super().__init__(encoder, task, views=("weak", "strong"))
        if not isinstance(task, Classes):
            raise TypeError("records of bags are of one class each")
        self.highest = HighestRecord(task)
        self.projector = Projector(cast(int, encoder.width), dimensions)
        self.key_projector = EMA(self.projector, self.average.decay)
        self.queue, self.prototypes = Queue(queue, dimensions), Prototypes(task.outputs, dimensions)
        self.believed = PerRecord(records, task.outputs)
        self.contrast, self.bags, self.temperature, self.warm = contrast, bags, temperature, warm

    def loss(self, step: Step) -> Losses:
        assert step.evidence is not None
        labels = step.evidence.labels
        if not isinstance(labels, Bags):
            return super().loss(step)
        weak, strong = padded([step.labelled["weak"].batch, step.labelled["strong"].batch])
        both = self.network.features(type(weak).concatenate([weak, strong])).pooled
        outputs = log_softmax(self.network.head(both).float(), dim=1)
        half = len(weak)
        z = normalize(cast(Tensor, self.projector(both[:half])).float(), dim=1)
        possible = may_be(labels).to(z.device)
        with torch.no_grad():
            slow = cast(Network, self.average.network).features(strong).pooled
            keys = normalize(cast(Tensor, self.key_projector(slow)).float(), dim=1)
            believed = outputs[:half].masked_fill(~possible, -torch.inf).log_softmax(dim=1)
            kind = believed.argmax(dim=1)
            target = self._target(z, possible, believed.exp(), step)
        contrast = self._contrast(z, keys, kind, step)
        self.prototypes.update(z.detach(), kind)
        self.queue.push(keys, kind)
        cross_entropy = -(torch.cat([target, target]) * outputs).sum(dim=1)
        bags = [self.highest(step, part) for part in (outputs[:half], outputs[half:])]
        return {
            "supervised": cross_entropy.sum() / (2 * target.sum()).clamp_min(1.0),
            "contrast": self.contrast * contrast,
            "bags": self.bags * (bags[0] + bags[1]) / 2,
        }

    def after_step(self, step: Step) -> None:
        super().after_step(step)
        self.key_projector.update(self.projector)

    def _target(self, z: Tensor, possible: Tensor, believed: Tensor, step: Step) -> Tensor:
        """(B, C) pseudo-labels as they are now, remembered; zeros where there is none yet."""
        if step.progress < self.warm:
            return believed * (possible.sum(dim=1, keepdim=True) == 1)
        index = step.labelled_index.to(z.device)
        held = self.believed(index)
        held = torch.where(held.sum(dim=1, keepdim=True) > 0, held, believed)
        nearer = self.prototypes(z).masked_fill(~possible, -torch.inf).argmax(dim=1)
        kept = FIRST + (LAST - FIRST) * step.progress
        held = kept * held + (1 - kept) * one_hot(nearer, possible.shape[1])
        self.believed.write(index, held)
        return held

    def _contrast(self, z: Tensor, keys: Tensor, kind: Tensor, step: Step) -> Tensor:
        queued, their_kind = self.queue.filled()
        if step.progress < self.warm:
            kind, their_kind = torch.arange(len(z), device=z.device), torch.full_like(their_kind, NOBODY)
        others, other_kind = torch.cat([keys, queued]), torch.cat([kind, their_kind])
        return supervised_contrast(z, kind, others, other_kind, self.temperature)


def may_be(labels: Bags) -> Tensor:
    """(n, 2) bool, the classes that a record may be of: no record of a bag without positives is positive."""
    none = (labels.positive == 0) & (labels.k == 1)
    sure = torch.zeros(len(labels), dtype=torch.bool)
    sure[torch.from_numpy(labels.members.records[none[labels.members.owner]])] = True
    return torch.stack([torch.ones_like(sure), ~sure], dim=1)
