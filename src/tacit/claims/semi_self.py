"""Imbalanced semi/self (catalogue 303): balanced training from self-supervised weights, against random ones."""

from __future__ import annotations

from tacit.claims.arms import Plain
from tacit.claims.base import Claim
from tacit.claims.logit_adjustment import Tailed
from tacit.claims.sets import digits
from tacit.claims.weak_draws import LongTailed
from tacit.systems.base import Stage, System
from tacit.systems.semi_self import SEMI, SYSTEM, start
from tacit.systems.supervised_augmented import settings

STEPS = 400

SCRATCH = System(
    name="scratch", title="imbalanced training", family="supervised",
    stages=(Stage("train", start, settings=settings),),
)  # fmt: skip

CLAIM = Claim(
    name="imbalanced-semi-self",
    title="Imbalanced semi/self",
    says="self-supervised initialisation and pseudo-labelled data each beat the imbalanced training they are added to",
    source="Yang and Xu 2020, arXiv 2006.07529",
    chosen="Digits instead of the check's MNIST, for time; labels fall 50:1 from 50 of class 0 to one of class 9, the "
    "most that the set has room for, and the rest of the pool is unlabelled. Pretraining predicts rotations. The host "
    "is class-balanced training from random weights for as many steps as both stages take. Plain cross-entropy from "
    "either start, contrast as the pretext, and the pseudo-labels of the semi-supervised route are arms of their own. "
    "The unlabelled records are as they are, near to equal classes; their own imbalance is not varied. Accuracy on the "
    "test records, of which there are as many of each class, near enough, is balanced accuracy.",
    data=digits,
    draw=LongTailed(ratio=50, most=50),
    system=Tailed("self", "class-balanced from rotation", SYSTEM, STEPS),
    host=Tailed("balanced", "class-balanced from random weights", SCRATCH, STEPS),
    others=(
        Tailed("plain-self", "cross-entropy from rotation", SYSTEM, STEPS, {"loss": "plain"}),
        Tailed("plain", "cross-entropy from random weights", SCRATCH, STEPS, {"loss": "plain"}),
        Tailed("self-contrast", "class-balanced from contrast", SYSTEM, STEPS, {"rotation": False}),
        Tailed("semi", "class-balanced, pseudo-labelled pool", SEMI, STEPS),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
    id=303,
    remark="Rotation is a poor pretext for digits, of which some turn into others: with plain cross-entropy too its "
    "weights are a worse start than random ones, by 4 points, and contrast is no better than these. The paper's other "
    "half, pseudo-labels for the rest of the pool, gains 1.1 points, which is undecided (imbalanced-semi-self-pool).",
)
