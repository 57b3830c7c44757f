"""INS: a classifier of single records from the labels of bags, by contrast and prototypes (catalogue 49).

Source: Qu et al. 2023, "Rethinking Multiple Instance Learning for Whole Slide Image Classification: A Good Instance
Classifier is All You Need". The host asks the likeliest record of a bag for the bag's label; here every record has a
target. Records of negative bags are negative; those of positive bags get a pseudo-label, (B, 2), that moves with every
pass towards the class of the nearer prototype, a moving average of that class's features; features are trained by a
contrast in which records of one pseudo-class, the queue included, are alike (`tacit.engines.instances`). A bag is
positive where its likeliest record is.

The abstract names the three parts and no formula; they are set as in the authors' code (momentum of prototypes 0.9,
temperature 0.07, contrast 0.5, pseudo-labels that keep 0.95 and in the end 0.8 of themselves), which follows PiCO
(Wang et al. 2022). Pseudo-labels begin at a progress of 0.5, tuned on development draws; there at 0.2. Their code also
trains on whole bags, by the mean of a bag's features; here the host's loss stays, because without it nothing ever says
that a record is positive. Chosen here: prototypes move by the mean of a batch, keys are made by the moving average
that predicts, a queue of 1,024, and a start without pseudo-labels for records of positive bags instead of a first
epoch on the bags' labels copied to them.

Evidence other than `Bags` is trained on by its likelihood.
"""

from __future__ import annotations

from tacit.engines.instances import PrototypicalInstances
from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings as augmented


def build(context: Context, before: Method | None) -> Method:
    """Options ``contrast`` and ``bags`` weigh two of the losses; ``warm``: when pseudo-labels begin."""
    return PrototypicalInstances(
        context.encoder(),
        context.task,
        context.records,
        contrast=context.option("contrast", 0.5),
        bags=context.option("bags", 1.0),
        warm=context.option("warm", 0.5),
    )


def settings(context: Context) -> Settings:
    """As the augmented baseline, with batches of several bags."""
    return augmented(context).but(labelled_batch=160)


SYSTEM = System(
    name="ins",
    title="INS: records of bags by contrast and prototypes",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    catalogue=49,
    paper="Qu et al. 2023, arXiv 2307.02249",
)
