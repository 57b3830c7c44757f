"""PRODEN: the true one among candidate labels is identified progressively.

Source: Lv et al. 2020, "Progressive Identification of True Labels for Partial-Label Learning", equations 6 and 8 and
algorithm 1. Differs from its host, cross-entropy to equal shares of the candidates, in the weights alone: what the
network believed of a record among its candidates when it last saw it. Weak and strong view are two passes, so the
strong view's weights come from the weak view. Other evidence is read naively, as shares of the classes, (B, C).

The limit of weights from the present pass is the likelihood of the candidates (the system ``evidence``).
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.partial import Progressive
from tacit.engines.supervised import Supervised
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """The augmented baseline with progressive weights."""
    objective = Progressive(context.task, context.records)
    return Supervised(context.encoder(), context.task, views=("weak", "strong"), objective=objective)


SYSTEM = System(
    name="proden",
    title="PRODEN: progressive weights of candidate labels",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    paper="Lv et al. 2020, arXiv 2002.08053",
)
