"""SPL: pretraining on pairs of a given and a predicted label, each a class of its own (catalogue 29).

Source: Li et al. 2021, "Learning from Weakly-labeled Web Videos via Exploring Sub-Concepts". A teacher is trained on
the clean labels; every pair (given label, teacher's label) is a class, agreement on the diagonal; a student is
pretrained on these C² classes and fine-tuned on the clean labels. Evidence: noisy labels combined with exact ones; a
record without a noisy label has the teacher's for both.

Known of it: abstract and introduction. Not verified, and chosen here: pairs of fewer than 5 records (option ``rare``)
join the class of the teacher's label alone. Option ``classes``: "sub", or "query", "teacher", "agreement" and
"random" (pairs with the predictions shuffled) for comparison.

Claim: it beats pretraining on either label, and on their agreement.
"""

from __future__ import annotations

from typing import cast, get_args

from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings
from tacit.engines.sublabels import Clean, Kind, SubLabelled
from tacit.errors import InputError
from tacit.systems.base import Stage, System
from tacit.systems.parts import continued, fine_tuning
from tacit.systems.supervised_augmented import settings

CLEAN_BATCH = 256
"""Records with any label, of which the clean ones are read."""


def teach(context: Context, before: Method | None) -> Method:
    """A teacher on the clean labels."""
    return Clean(context.encoder(), context.task, views=("weak", "strong"))


def pretrain(context: Context, before: Method | None) -> Method:
    """A fresh network on the pairs of labels."""
    kind = str(context.options.get("classes", "sub"))
    if kind not in get_args(Kind):
        raise InputError(f"unknown classes {kind!r} to pretrain on; known are {', '.join(get_args(Kind))}")
    teacher = cast(Clean, before).predictor()
    rare = int(context.option("rare", 5))
    return SubLabelled(context.encoder(), context.task, context.records, teacher, cast(Kind, kind), rare)


def fine_tune(context: Context, before: Method | None) -> Method:
    """The pretrained encoder on the clean labels."""
    return Clean(continued(before), context.task, views=("weak", "strong"))


def teaching(context: Context) -> Settings:
    """Batches in which there are some clean records."""
    return settings(context).but(labelled_batch=CLEAN_BATCH)


def tuning(context: Context) -> Settings:
    """The same for fine-tuning."""
    return fine_tuning(context).but(labelled_batch=CLEAN_BATCH)


SYSTEM = System(
    name="spl",
    title="SPL: pretraining on pairs of given and predicted labels",
    family="selftrain",
    stages=(
        Stage("teach", teach, share=0.3, settings=teaching),
        Stage("pretrain", pretrain, share=0.4, settings=settings),
        Stage("fine-tune", fine_tune, share=0.3, settings=tuning),
    ),
    catalogue=29,
    paper="Li et al. 2021, arXiv 2101.03713",
)
