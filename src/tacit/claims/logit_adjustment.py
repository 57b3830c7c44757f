"""Logit adjustment: long-tailed labels, judged on equal classes, against plain cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tacit.claims.arms import Plain, Trained, Trial
from tacit.claims.base import Claim
from tacit.claims.figures import Outcome
from tacit.claims.sets import digits
from tacit.claims.weak_draws import LongTailed
from tacit.data.task import Task
from tacit.engines.imbalance import ClassBalanced, Counted, Imbalanced
from tacit.engines.method import Context, Method
from tacit.systems.base import Build, Stage, System
from tacit.systems.logit_adjustment import SYSTEM
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.systems.supervised_augmented import settings

STEPS = 400
TAIL = 3
"""How many of the last classes are the tail."""


@dataclass(frozen=True)
class Tailed(Trained):
    """A trained recipe that also reports what it recalls of the last ``TAIL`` classes."""

    def run(self, trial: Trial) -> Outcome:
        outcome = super().run(trial)
        split = trial.desk.split
        last = split.test_truth >= len(split.classes) - TAIL
        return replace(outcome, measures={**outcome.measures, "tail recall": float(outcome.figures[last].mean())})


def weighted(objective: Callable[[Task], Counted]) -> Build:
    """The augmented baseline's network on an objective that counts classes."""

    def build(context: Context, before: Method | None) -> Method:
        return Imbalanced(context.encoder(), context.task, objective(context.task), views=("weak", "strong"))

    return build


BALANCED = System(
    name="class-balanced", title="class-balanced weights", family="supervised",
    stages=(Stage("train", weighted(ClassBalanced), settings=settings),),
)  # fmt: skip

CLAIM = Claim(
    name="logit-adjustment",
    title="Logit adjustment",
    says="beats cross-entropy and weighted losses in balanced error on long-tailed CIFAR, ImageNet and iNaturalist",
    source="Menon et al. 2021, arXiv 2007.07314",
    chosen="Digits with labels that fall 50:1 from 50 of class 0 to one of class 9; the test records are as many of "
    "each class, near enough, so accuracy is balanced accuracy. Class-balanced weights (Cui et al. 2019) and half the "
    "strength are arms of their own; no strength was tuned.",
    data=digits,
    draw=LongTailed(ratio=50, most=50),
    system=Tailed("logit-adjustment", "logit adjustment", SYSTEM, STEPS),
    host=Tailed("cross-entropy", "cross-entropy", AUGMENTED, STEPS),
    others=(
        Tailed("class-balanced", "class-balanced weights", BALANCED, STEPS),
        Tailed("half", "logit adjustment, half the strength", SYSTEM, STEPS, {"strength": 0.5}),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
)
