"""SC-MIL: supervised contrastive learning of bags that gives way to learning the classifier (catalogue 73).

Source: Juyal et al. 2024, "SC-MIL: Supervised Contrastive Multiple Instance Learning for Imbalanced Classification in
Pathology". Beside the classifier, a projection of the pooled features is trained by the supervised contrastive loss
(Khosla et al. 2020, equation 2); its weight falls from 1 to 0 over the run, that of cross-entropy rises from 0 to 1.
Only this differs from its host, attention pooling with cross-entropy, which is what the augmented baseline is on bags.
Nothing in it is of bags alone, so it runs on every modality.

The paper's text was not at hand beyond its abstract. Chosen here: the weight 1 - t (option ``power`` k: 1 - t^k);
temperature 0.1 (option ``temperature``), as in Khosla et al.; weak and strong views of each record contrasted together,
so that a class with one record in the batch has a positive; a two-layer projector to 64 numbers; batches as they are
drawn, without balancing classes. Shares of classes take the place of classes where labels are soft.
"""

from __future__ import annotations

from tacit.engines.curriculum import ContrastToClasses
from tacit.engines.method import Context, Method
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """The augmented baseline with a projector beside its head."""
    return ContrastToClasses(
        context.encoder(),
        context.task,
        views=("weak", "strong"),
        temperature=context.option("temperature", 0.1),
        power=context.option("power", 1.0),
    )


SYSTEM = System(
    name="sc-mil",
    title="SC-MIL: supervised contrast that gives way to the classifier",
    family="contrast",
    stages=(Stage("train", build, settings=settings),),
    catalogue=73,
    paper="Juyal et al. 2024, arXiv 2303.13405",
)
