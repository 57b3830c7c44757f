"""Baseline: the labels alone with the modality's augmentation, on the same network and budget as everything else."""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings, defaults
from tacit.engines.supervised import Supervised
from tacit.systems.base import Stage, System


def build(context: Context, before: Method | None) -> Method:
    """Weak and strong views of the labelled records."""
    return Supervised(context.encoder(), context.task, views=("weak", "strong"))


def settings(context: Context) -> Settings:
    """As everywhere, but stopped where augmentation has nothing new to show."""
    return defaults(context.prepared).but(most_steps=2000)


SYSTEM = System(
    name="supervised-augmented",
    title="Supervised with augmentation, labels only",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    tasks=("classes", "multilabel", "number"),
    baseline=True,
)
