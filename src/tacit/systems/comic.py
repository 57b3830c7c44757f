"""COMIC: several labels a record, rare ones among them, most of them unknown (catalogue 294).

Source: Zhang et al. 2023, "Learning in Imperfect Environment: Multi-Label Classification with Long-Tailed Distribution
and Partial Labels". Three steps beyond the host, cross-entropy on the known labels, (B, K): unknown labels that the
network is sure of are filled in as present (equation 2), the loss focuses on hard labels, by separate powers for
present and absent ones that grow with a label's rarity (equations 5 and 6), and what a head and a tail expert believe
is distilled into the classifier (equation 11).

Paper and reference code disagree, and neither can be followed to the letter. Rarity weighs and focuses as in the code.
In the paper unknown means absent until it is filled in; here what is known to be absent is said, so what is neither
known nor filled in is left out (option ``absent`` True: it counts as absent). The paper's experts are networks of
their own that a moving average of gradients is added to or taken from; in the code they see other samples of the
data, and the distillation is switched off. Here they are linear heads on the classifier's features that weigh labels
by how frequent, and how rare, they are; their targets are probabilities, as softmax of several labels means little.
The batch's coefficient B / N of equation 3 is the mean over what is known and filled in. Powers and weights were
tuned on development draws: negatives' power 1 and rarity, root 0.5, threshold 0.9 from a progress of 0.3 on, experts'
weight 0.2 (paper's code: 4, a sixth, 0.7 from the second of 40 epochs on, 1).
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.multi_focal import Filling, Focus, MultiFocal
from tacit.engines.settings import Settings
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings as augmented

FOCUS = Focus(negative=1.0, root=0.5)


def build(context: Context, before: Method | None) -> Method:
    """The augmented baseline with the three steps; options ``fill``, ``focus`` and ``balance`` 0 leave one out."""
    filling = Filling(context.records, context.task.outputs, context.option("threshold", 0.9), begins=0.3)
    return MultiFocal(
        context.encoder(),
        context.task,
        FOCUS if context.option("focus", 1) else Focus(),
        filling if context.option("fill", 1) else None,
        absent=bool(context.option("absent", 0)),
        balance=context.option("balance", 0.2),
    )


def settings(context: Context) -> Settings:
    """As the augmented baseline, with larger batches."""
    return augmented(context).but(labelled_batch=64)


SYSTEM = System(
    name="comic",
    title="COMIC: unknown labels filled in, focus on rare ones, experts distilled",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    tasks=("multilabel",),
    catalogue=294,
    paper="Zhang et al. 2023, arXiv 2304.10539",
)
