"""PU-MLC: several labels of which only positives are believed, all else unlabelled (catalogue 289).

Source: Yuan et al. 2023, "Positive Label Is All You Need for Multi-Label Classification"; the risk is that of Chen et
al. 2020, "A Variational Approach for Learning from Positive and Unlabeled Data". Differs from its host, cross-entropy
to the evidence read naively, in the objective alone: a variational positive-unlabelled risk for every label, which
needs no class prior, with a weight on the unlabelled and a temperature of the logits, (B, K), that adapt themselves
(`tacit.engines.positive`). What is said to be absent is thrown away.

The abstract names no formula; weight and temperature are those of the authors' code. Its MixUp term is left out (the
catalogue, the abstract and the claim's ablation do not speak of it), and so is the local-global convolution, which is
optional. A label without a positive in the batch is left out of the step; in their code its unlabelled still count.
Their strengths (rebalance 0.55 and temperature 1 on COCO, 0.85 and 2 on VOC, on pretrained networks) keep a network
from scratch from learning for hundreds of steps; 0.1 and 4 were tuned on development draws, where 0 and none were
better still. Wants batches that hold positives of every label: 64 records.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.positive import Variational
from tacit.engines.settings import Settings
from tacit.engines.supervised import Supervised
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings as augmented


def build(context: Context, before: Method | None) -> Method:
    """The augmented baseline on the variational risk; options ``rebalance`` and ``sharpness``."""
    objective = Variational(context.task, context.option("rebalance", 0.1), context.option("sharpness", 4.0))
    return Supervised(context.encoder(), context.task, views=("weak", "strong"), objective=objective)


def settings(context: Context) -> Settings:
    """As the augmented baseline, with larger batches."""
    return augmented(context).but(labelled_batch=64)


SYSTEM = System(
    name="pu-mlc",
    title="PU-MLC: variational risk of positives of several labels",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    tasks=("multilabel",),
    catalogue=289,
    paper="Yuan et al. 2023, arXiv 2306.16016",
)
