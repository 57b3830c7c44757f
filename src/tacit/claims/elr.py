"""ELR (catalogue 296): the early-learning term against cross-entropy alone, trained until it memorises."""

from __future__ import annotations

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.noise import Flipped
from tacit.claims.sets import digits
from tacit.systems.elr import SYSTEM
from tacit.systems.supervised import SYSTEM as CROSS_ENTROPY

STEPS = 1500

CLAIM = Claim(
    name="elr",
    title="Early-learning regularisation",
    says="robust to noisy annotation on several standard and real-world benchmarks, comparable with the state of the "
    "art; no figure is given",
    source="Liu et al. 2020, arXiv 2007.00151",
    chosen="Digits of 8×8 pixels, a fixed half as test, all 898 labels of the pool given and 40 % of them wrong. Both "
    "sides train on unchanged images, so that the network can memorise; accuracy is of the last step. Cross-entropy "
    "of a fifth of the steps stands for early stopping, and tells what memorising costs the host. The weight of 7, one "
    "of the paper's values, was chosen on a development draw. Of the check's noises this is one; the share of wrong "
    "labels memorised is not measured.",
    data=digits,
    draw=Flipped(0.4),
    system=Trained("elr", "ELR", SYSTEM, STEPS, {"views": "clean"}),
    host=Trained("supervised", "cross-entropy", CROSS_ENTROPY, STEPS),
    others=(
        Trained("early", "cross-entropy, a fifth of the steps", CROSS_ENTROPY, STEPS // 5),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer=None,
    id=296,
)
