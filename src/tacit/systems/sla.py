"""SLA: one softmax over class × rotation, aggregated over the rotations at prediction (catalogue 5).

Source: Lee et al. 2020, "Self-supervised Label Augmentation via Input Transformations", equations 4 to 6. The
aggregate over four rotated inputs predicts (option ``aggregate`` False: the head distilled from it, at one pass).

Claim: the joint softmax beats both rotation as augmentation and a rotation loss beside the class loss.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.pretext import JointPretext, rotations
from tacit.engines.settings import Settings, defaults
from tacit.systems.base import Stage, System


def build(context: Context, before: Method | None) -> Method:
    """Four rotations, joint head and distilled head."""
    aggregate = bool(context.options.get("aggregate", True))
    return JointPretext(context.encoder(), context.task, rotations(), aggregate)


def settings(context: Context) -> Settings:
    """As the supervised baseline with augmentation."""
    return defaults(context.prepared).but(most_steps=2000)


SYSTEM = System(
    name="sla",
    title="SLA: self-supervised label augmentation",
    family="pretext",
    stages=(Stage("train", build, settings=settings),),
    modalities=("image",),
    catalogue=5,
    paper="Lee et al. 2020, arXiv 1910.05872",
)
