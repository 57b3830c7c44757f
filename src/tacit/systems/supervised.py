"""Baseline: the labels alone, without augmentation, on the same network and budget as everything else."""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings, defaults
from tacit.engines.supervised import Supervised
from tacit.systems.base import Stage, System


def build(context: Context, before: Method | None) -> Method:
    """Clean views only."""
    return Supervised(context.encoder(), context.task, views=("clean",))


def settings(context: Context) -> Settings:
    """As everywhere, but stopped where further steps would only repeat a few records."""
    return defaults(context.prepared).but(most_steps=600)


SYSTEM = System(
    name="supervised",
    title="Supervised, labels only",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    tasks=("classes", "multilabel", "number"),
    baseline=True,
)
