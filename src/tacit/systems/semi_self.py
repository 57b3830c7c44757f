"""Imbalanced semi/self: long-tailed training from weights that saw no label (catalogue 303).

Source: Yang and Xu 2020, "Rethinking the Value of Labels for Improving Class-Imbalanced Learning", sections 3 and 4.
Two add-ons that the paper measures apart. *Self* (`SYSTEM`): self-supervised pretraining, then ordinary training for
imbalanced classes from its weights. *Semi* (`SEMI`): a model trained on the imbalanced labels gives the unlabelled
records hard pseudo-labels, and a second one trains on both, by cross-entropy. The host of both is the same imbalanced
training from random weights.

Options: ``rotation`` (True for images as for the paper's CIFAR; else contrast, as for its ImageNet) and ``loss``:
"balanced" weights (Cui et al. 2019, the default), "adjusted" logits, or "plain". The paper's best loss, LDAM with
deferred weights, is left out. Pretraining reads all records, not the labelled ones alone as in the paper, and the
weight of the pseudo-labelled term is 1, as its code has it.

Claim: both beat the training they are added to.
"""

from __future__ import annotations

from typing import cast

from torch import nn

from tacit.engines.contrast import Contrast
from tacit.engines.imbalance import ClassBalanced, Counted, Imbalanced, LogitAdjusted, Plainly
from tacit.engines.method import Context, Method
from tacit.engines.pretext import Pretext, rotations
from tacit.engines.selftrain import SelfTrain, hard
from tacit.engines.settings import Settings
from tacit.errors import InputError
from tacit.systems.base import Stage, System
from tacit.systems.parts import continued, pretraining
from tacit.systems.supervised_augmented import settings

LOSSES: dict[str, type[Counted]] = {"balanced": ClassBalanced, "adjusted": LogitAdjusted, "plain": Plainly}


def rotated(context: Context) -> bool:
    """Whether the pretext is rotation."""
    return bool(context.options.get("rotation", context.prepared.name == "image"))


def pretrain(context: Context, before: Method | None) -> Method:
    """Rotation for images, contrast for all else."""
    return Pretext(context.encoder(), rotations()) if rotated(context) else Contrast(context.encoder())


def pretrain_settings(context: Context) -> Settings:
    """A quarter of the batch where every image is in it four times."""
    usual = pretraining(context)
    return usual.but(unlabelled_batch=64) if rotated(context) else usual


def imbalanced(context: Context, encoder: nn.Module) -> Imbalanced:
    """Training on the long-tailed labels with the loss that was asked for."""
    name = str(context.options.get("loss", "balanced"))
    if name not in LOSSES:
        raise InputError(f"unknown loss {name!r} for imbalanced classes; known are {', '.join(LOSSES)}")
    return Imbalanced(encoder, context.task, LOSSES[name](context.task), views=("weak", "strong"))


def start(context: Context, before: Method | None) -> Method:
    """Imbalanced training from scratch."""
    return imbalanced(context, context.encoder())


def go_on(context: Context, before: Method | None) -> Method:
    """Imbalanced training from the stage before."""
    return imbalanced(context, continued(before))


def pseudo(context: Context, before: Method | None) -> Method:
    """A fresh network on the labels and on the first one's hard predictions of all records."""
    return SelfTrain(
        context.encoder(),
        context.task,
        teacher="frozen",
        frozen=cast(Imbalanced, before).predictor(),
        target=hard,
        labelled_views=("weak", "strong"),
        teacher_view="clean",
        perturbations=("weak",),
        decay=0.99,
    )


SYSTEM = System(
    name="imbalanced-semi-self",
    title="Imbalanced semi/self: balanced training from self-supervised weights",
    family="pretext",
    stages=(
        Stage("pretrain", pretrain, share=0.5, needs_labels=False, settings=pretrain_settings),
        Stage("train", go_on, share=0.5, settings=settings),
    ),
    catalogue=303,
    paper="Yang and Xu 2020, arXiv 2006.07529",
    own_pretraining=False,
)

SEMI = System(
    name="imbalanced-semi",
    title="Imbalanced semi: pseudo-labels of a balanced teacher",
    family="selftrain",
    stages=(Stage("teach", start, share=0.5, settings=settings), Stage("train", pseudo, share=0.5)),
    paper=SYSTEM.paper,
)
