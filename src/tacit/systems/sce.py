"""Symmetric cross-entropy: cross-entropy and its reverse, a reference for wrong labels.

Source: Wang et al. 2019, "Symmetric Cross Entropy for Robust Learning with Noisy Labels", equations 5 and 6. Alpha
0.01 and beta 1 are theirs for MNIST (alpha is 0.1 for CIFAR-10, which did less on a development draw of digits). Only
the loss differs from plain cross-entropy. The paper takes log 0 as -4 (A); code around it often clamps shares at 1e-4,
which is -9.2. Here it is -4.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.robust import SymmetricCrossEntropy, trained_on
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """Weights of the two terms by the options ``alpha`` and ``beta``."""
    alpha, beta = context.option("alpha", 0.01), context.option("beta", 1.0)
    return trained_on(context, SymmetricCrossEntropy(context.task, alpha, beta))


SYSTEM = System(
    name="sce",
    title="Symmetric cross-entropy",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    paper="Wang et al. 2019, arXiv 1908.06112",
)
