"""ALDR-KL: the worst case over weights of the classes, at a temperature of each record's own (catalogue 318).

Source: Zhu et al. 2023, "Label Distributionally Robust Losses for Multi-class Classification: Consistency,
Robustness and Adaptivity". Only the loss differs from plain cross-entropy. With the option ``adaptive`` False it is
LDR-KL, the same temperature for every record: cross-entropy at a temperature of 1 and a margin of 0.

The paper's text was not at hand beyond its abstract; its experiments' code was, in copies. From there: one update of
a record's temperature a step, from the weights at its last one; alpha 2 in units of log C; margin 0.1; temperature 10,
of {0.1, 1, 10}; logits of a mean size of 1 (option ``bounded``). The code divides raw logits, or softplus of them, by
their mean size, here they are centred first; its weights leave the margin out, here they are the exact dual's.
Probabilities that it predicts are not calibrated.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.robust import AdaptiveDistributionallyRobust, DistributionallyRobust, trained_on
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """Temperatures per record, unless told otherwise."""
    temperature, margin = context.option("temperature", 10.0), context.option("margin", 0.1)
    bounded = bool(context.options.get("bounded", True))
    if not context.options.get("adaptive", True):
        return trained_on(context, DistributionallyRobust(context.task, temperature, margin, bounded))
    alpha = context.option("alpha", 2.0)
    loss = AdaptiveDistributionallyRobust(context.task, context.records, temperature, margin, alpha, bounded)
    return trained_on(context, loss)


SYSTEM = System(
    name="ldr",
    title="ALDR-KL: adaptive label-distributionally robust loss",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    catalogue=318,
    paper="Zhu et al. 2023, arXiv 2112.14869",
)
