"""Several labels a record, of which many are unknown and some are rare: filled in, focused on, and balanced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from tacit.data.batch import Batch
from tacit.data.task import MultiLabel, Task
from tacit.engines.method import Losses, PerRecord, Start, Step
from tacit.engines.objective import present_or_absent
from tacit.engines.supervised import Supervised


@dataclass(frozen=True)
class Focus:
    """How a multi-focal loss is set; with zeros throughout it is cross-entropy.

    ``positive`` and ``negative``: powers of the error. ``margin``: probabilities below it cost nothing where a label
    is absent. ``root``: rare labels weigh (1 + log(n_max / n)) ** ``root`` as much, and their negatives' power grows
    by as much; None for no difference between labels.
    """

    positive: float = 0.0
    negative: float = 0.0
    margin: float = 0.0
    root: float | None = None

    def rarity(self, counts: Tensor) -> Tensor:
        """(K,) 1 for the most frequent label and more for rarer ones; a label without positives counts as one."""
        counts = counts.clamp_min(1.0)
        return (1 + (counts.max() / counts).log()) ** (self.root or 0.0)

    def loss(self, outputs: Tensor, y: Tensor, counts: Tensor, scale: Tensor | float = 1.0) -> Tensor:
        """Mean loss of (B, K) logits where ``y`` says 0 or 1; -1 says nothing. ``counts`` (K,) of positives.

        Weights have no gradient, as in the code of Ridnik et al. 2021, whose asymmetric loss this is where labels do
        not differ. They are scaled to a mean of 1, because they are small as soon as most negatives are easy, and
        would only slow plain gradient descent down. ``scale``: further weights, that broadcast to (B, K).
        """
        claimed = (torch.sigmoid(outputs) - self.margin).clamp_min(0.0)
        error = torch.where(y == 1, torch.sigmoid(-outputs), claimed).detach()
        rarity = self.rarity(counts)
        power = torch.where(y == 1, self.positive, self.negative + (0.0 if self.root is None else rarity))
        weight = (y >= 0) * rarity * scale * error**power
        absent = torch.log1p(-claimed) if self.margin else logsigmoid(-outputs)
        cost = -torch.where(y == 1, logsigmoid(outputs), absent)
        return (weight * cost).sum() / weight.sum().clamp_min(1e-12)


ASYMMETRIC = Focus(negative=4.0, margin=0.05)
"""Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification", with its usual strengths."""


class Filling(nn.Module):
    """Unknown labels are taken as present where the network is sure of them (Zhang et al. 2023, COMIC, equation 2).

    Sure is a probability above ``threshold`` and above the label's own running mean. What is filled in a record is
    decided anew every time that it is seen, and remembered to count the labels. ``begins``: from that progress on.
    """

    mean: Tensor
    seen: Tensor

    def __init__(
        self, records: int, labels: int, threshold: float = 0.7, momentum: float = 0.99, begins: float = 0.1
    ) -> None:
        super().__init__()
        self.filled = PerRecord(records, labels)
        self.register_buffer("mean", torch.zeros(labels))
        self.register_buffer("seen", torch.zeros(()))
        self.threshold, self.momentum, self.begins = threshold, momentum, begins

    def forward(self, p: Tensor, y: Tensor, index: Tensor, progress: float) -> Tensor:
        """(B, K) ``y`` with some of its -1 made 1, from probabilities ``p`` of the records at ``index``."""
        self.mean.lerp_(p.mean(dim=0), 1 - self.momentum)
        self.seen.lerp_(torch.ones_like(self.seen), 1 - self.momentum)
        if progress < self.begins:
            return y
        bar = (self.mean / self.seen).clamp_min(self.threshold)
        sure = (y < 0) & (p > bar)
        self.filled.write(index, sure)
        return torch.where(sure, 1, y)


class MultiFocal(Supervised):
    """Supervised training by a `Focus`, on labels that may be filled in, with experts or without.

    ``filling``: None leaves unknown labels out. ``absent``: what is neither known nor filled in counts as absent.
    ``balance``: the weight of the experts, 0 for none. The head expert weighs labels by how frequent they are, the
    tail expert by how rare; both are linear heads on the same features, and what they believe is distilled into the
    classifier, each weighted by the square of its loss (COMIC, equation 11, with cross-entropy to probabilities).
    """

    counts: Tensor

    @property
    def naive(self) -> bool:
        """Always."""
        return True

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        focus: Focus,
        filling: Filling | None = None,
        absent: bool = False,
        balance: float = 0.0,
        views: tuple[str, ...] = ("weak", "strong"),
    ) -> None:
        super().__init__(encoder, task, views)
        if not isinstance(task, MultiLabel):
            raise TypeError("the multi-focal loss is for labels that are present or absent")
        self.register_buffer("counts", torch.ones(task.outputs))
        self.focus, self.filling, self.absent, self.balance = focus, filling, absent, balance
        width = cast(int, encoder.width)
        self.experts = nn.ModuleList(nn.Linear(width, task.outputs) for _ in range(2 if balance else 0))

    def begin(self, start: Start) -> None:
        self.counts.copy_(torch.from_numpy(present_or_absent(start.labels).counts()))

    def loss(self, step: Step) -> Losses:
        assert step.evidence is not None
        y = torch.from_numpy(present_or_absent(step.evidence.labels).y.copy())
        terms = [self._of_view(view.batch, y.to(self.counts.device), step) for view in step.labelled.values()]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def _of_view(self, batch: Batch, y: Tensor, step: Step) -> Losses:
        pooled = self.network.features(batch).pooled
        outputs = self.network.head(pooled).float()
        counts = self.counts
        if self.filling is not None:
            index = step.labelled_index.to(counts.device)
            y = self.filling(torch.sigmoid(outputs.detach()), y, index, step.progress)
            counts = counts + self.filling.filled.values.sum(dim=0)
        if self.absent:
            y = y.clamp_min(0)
        terms = {"supervised": self.focus.loss(outputs, y, counts)}
        if self.balance:
            terms |= self._balanced(pooled, outputs, y, counts)
        return terms

    def _balanced(self, pooled: Tensor, outputs: Tensor, y: Tensor, counts: Tensor) -> Losses:
        frequent = counts.clamp_min(1.0)
        costs, beliefs = [], []
        for expert, weight in zip(self.experts, (frequent, 1 / frequent), strict=True):
            logits = expert(pooled).float()
            costs.append(self.focus.loss(logits, y, counts, weight))
            beliefs.append(torch.sigmoid(logits.detach()))
        trust = torch.stack(costs).detach() ** 2
        trust = trust / trust.sum().clamp_min(1e-12)
        distilled = [t * binary_cross_entropy_with_logits(outputs, b) for t, b in zip(trust, beliefs, strict=True)]
        return {
            "experts": self.balance * sum(costs[1:], costs[0]),
            "balance": self.balance * sum(distilled[1:], distilled[0]),
        }
