"""SLA (catalogue 5): the joint softmax over class × rotation, aggregated, against the class alone.

Lee et al. report that both usual uses of rotations, as augmentation and as a second task, lose to plain
cross-entropy. So plain cross-entropy is the host, and these two are arms beside it.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, mnist
from tacit.data.batch import Batch
from tacit.data.task import Task
from tacit.engines.method import Context, Losses, Method, Step, evidence_loss
from tacit.engines.pretext import all_ways, rotations
from tacit.engines.supervised import Supervised
from tacit.systems.base import Build, Stage, System
from tacit.systems.sla import SYSTEM, settings

STEPS = 600


class Rotated(Supervised):
    """All four turns of every labelled image under its class; with ``second_task`` a loss on the turn beside it.

    Lee et al. 2020, equations 1 (data augmentation) and 2 (multi-task learning).
    """

    family: ClassVar[str] = "pretext"

    def __init__(self, encoder: nn.Module, task: Task, second_task: bool) -> None:
        super().__init__(encoder, task, views=("weak",))
        self.ways = rotations()
        self.turn = nn.Linear(self.network.head.in_features, len(self.ways)) if second_task else None

    def loss(self, step: Step) -> Losses:
        if step.evidence is None:
            raise ValueError("supervised training needs evidence")
        batch: Batch = step.labelled["weak"].batch
        pooled = self.network.features(all_ways(batch, self.ways)).pooled
        parts = torch.split(self.network.head(pooled), len(batch))
        read = [evidence_loss(step.evidence, self.task, outputs) for outputs in parts]
        terms = {"supervised": sum(read[1:], read[0]) / len(read)}
        if self.turn is not None:
            turns = torch.arange(len(self.ways), device=pooled.device).repeat_interleave(len(batch))
            terms["turn"] = cross_entropy(self.turn(pooled).float(), turns)
        return terms


def upright(context: Context, before: Method | None) -> Method:
    """Cross-entropy on weak views, as SLA sees them before the turns."""
    return Supervised(context.encoder(), context.task, views=("weak",))


def augmented(context: Context, before: Method | None) -> Method:
    """Rotation as augmentation."""
    return Rotated(context.encoder(), context.task, second_task=False)


def multi_task(context: Context, before: Method | None) -> Method:
    """Rotation as a second task."""
    return Rotated(context.encoder(), context.task, second_task=True)


def _system(name: str, build: Build) -> System:
    stages = (Stage("train", build, settings=settings),)
    return System(name=name, title=name, family="supervised", stages=stages, modalities=("image",))


UPRIGHT = _system("cross-entropy", upright)

CLAIM = Claim(
    name="sla",
    title="Self-supervised label augmentation",
    says="large gains over cross-entropy in fully supervised and few-shot settings",
    source="Lee et al. 2020, arXiv 1910.05872",
    chosen="MNIST with 500 labels. The host is cross-entropy on the same weak views, because rotation as "
    "augmentation and as a second task, arms of their own here, are the weaker baselines in the paper too. "
    "As in the paper all four turns are in a batch, so every arm with turns reads four times the host's images a step; "
    "cross-entropy of four times the steps is the host that read as many. Both SLA arms train the distilled head too.",
    data=mnist,
    draw=Draw(total=500),
    system=Trained("sla", "SLA, aggregated", SYSTEM, STEPS),
    host=Trained("cross-entropy", "cross-entropy", UPRIGHT, STEPS),
    others=(
        Trained("cross-entropy-long", "cross-entropy, four times the steps", UPRIGHT, 4 * STEPS),
        Trained("sla-single", "SLA, distilled head", SYSTEM, STEPS, {"aggregate": False}),
        Trained("rotated", "rotation as augmentation", _system("rotated", augmented), STEPS),
        Trained("multi-task", "rotation as second task", _system("multi-task", multi_task), STEPS),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
    id=5,
)
