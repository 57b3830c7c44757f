"""Logit adjustment: cross-entropy that expects the training set's class shares, so that predictions expect equal ones.

Source: Menon et al. 2021, "Long-tail learning via logit adjustment", equation 10, strength 1 (option ``strength``).
Differs from its host, plain cross-entropy, in the shift log n_c / n of the logits during training. The class shares
are those of the evidence, read naively. It aims at the mean of the classes' recalls: where the records to predict
are as long-tailed as the labels, plain cross-entropy is what is wanted.
"""

from __future__ import annotations

from tacit.engines.imbalance import Imbalanced, LogitAdjusted
from tacit.engines.method import Context, Method
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """The augmented baseline on adjusted logits."""
    objective = LogitAdjusted(context.task, context.option("strength", 1.0))
    return Imbalanced(context.encoder(), context.task, objective, views=("weak", "strong"))


SYSTEM = System(
    name="logit-adjustment",
    title="Logit adjustment for long-tailed classes",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    paper="Menon et al. 2021, arXiv 2007.07314",
)
