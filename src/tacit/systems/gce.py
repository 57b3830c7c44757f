"""Generalised cross-entropy: between cross-entropy and mean absolute error, a reference for wrong labels.

Source: Zhang & Sabuncu 2018, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels",
equation 6 with q = 0.7, their setting. Only the loss differs from plain cross-entropy. Their
truncated loss, which drops records of small probability by alternation, is not built.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.robust import GeneralisedCrossEntropy, trained_on
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """The option ``exponent`` is the paper's q."""
    return trained_on(context, GeneralisedCrossEntropy(context.task, context.option("exponent", 0.7)))


SYSTEM = System(
    name="gce",
    title="Generalised cross-entropy",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    paper="Zhang & Sabuncu 2018, arXiv 1805.07836",
)
