"""nnPU: the non-negative risk of positive and unlabelled records, against taking the unlabelled as negative."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.weak_draws import LabelledPositives, even_mnist
from tacit.systems.base import Stage, System
from tacit.systems.evidence import SYSTEM as EVIDENCE
from tacit.systems.nnpu import SYSTEM, settings
from tacit.systems.supervised_augmented import build

STEPS = 200


def _settled(system: System) -> System:
    """The augmented baseline's network on nnPU's batches."""
    return replace(system, stages=(Stage("train", build, settings=settings),))


NEGATIVE = System(
    name="assume-negative", title="unlabelled as negative", family="supervised",
    stages=(Stage("train", build, settings=settings),), baseline=True,
)  # fmt: skip

CLAIM = Claim(
    name="nnpu",
    title="nnPU",
    says="a network trained on positives and unlabelled data without overfitting: MNIST, even against odd digits",
    source="Kiryo et al. 2017, arXiv 1703.00593",
    chosen="MNIST, even digits positive as in the paper; 1,000 of the positives among 10,000 images are labelled, and "
    "the class prior is given, also as in the paper. The paper's own host is the unbiased risk; here it is what is "
    "done without a model of the evidence, the unlabelled as negative, as the references are to be judged by. "
    "The likelihood of `Positives` is an arm of its own. The measure is accuracy at a probability of a half.",
    data=even_mnist,
    draw=LabelledPositives(1000),
    system=Trained("nnpu", "nnPU", SYSTEM, STEPS),
    host=Trained("assume-negative", "unlabelled as negative", NEGATIVE, STEPS),
    others=(
        Trained("likelihood", "likelihood of the evidence", _settled(EVIDENCE), STEPS),
        Trained("nnpu-logistic", "nnPU, logistic loss", SYSTEM, STEPS, {"logistic": True}),
        Plain("logistic", "logistic regression on pixels, unlabelled as negative"),
    ),
    peer="logistic",
)
