"""SPL (catalogue 29): pretraining on pairs of labels, against pretraining on the teacher's labels."""

from __future__ import annotations

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import digits
from tacit.claims.weak_draws import QueryLabels
from tacit.systems.base import Stage, System
from tacit.systems.spl import SYSTEM, teach, teaching

STEPS = 450

TEACHER = System(
    name="clean-only", title="clean labels alone", family="supervised",
    stages=(Stage("teach", teach, settings=teaching),),
)  # fmt: skip


def _on(kind: str, title: str) -> Trained:
    return Trained(kind, title, SYSTEM, STEPS, {"classes": kind})


CLAIM = Claim(
    name="spl",
    title="SPL",
    says="beats several strategies of pretraining on pseudo-labels",
    source="Li et al. 2021, arXiv 2101.03713",
    chosen="Digits with query labels of which half are wrong, confused by class, and 50 clean labels, as in the "
    "catalogue's check. All arms but the last two share teacher and fine-tuning, and differ in what the student is "
    "pretrained on. Of these the host is pretraining on the teacher's labels, the usual pseudo-labels; query labels, "
    "agreement alone and pairs with shuffled predictions are arms of their own.",
    data=digits,
    draw=QueryLabels(wrong=0.5, clean=50),
    system=_on("sub", "pretrained on pairs (SPL)"),
    host=_on("teacher", "pretrained on the teacher's labels"),
    others=(
        _on("query", "pretrained on query labels"),
        _on("agreement", "pretrained where both agree"),
        _on("random", "pretrained on shuffled pairs"),
        Trained("clean", "clean labels alone", TEACHER, STEPS),
        Plain("logistic", "logistic regression on pixels, query labels taken as true"),
    ),
    peer="logistic",
    id=29,
    remark="All ways of pretraining end within 1.3 points of each other, shuffled pairs among them, and 50 clean "
    "labels alone reach 94.1 %: fine-tuning decides here, and the classes of the pretraining hardly matter.",
)
