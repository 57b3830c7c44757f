"""Co-teaching against cross-entropy: a reference of its field."""

from __future__ import annotations

from tacit.claims.arms import Trained
from tacit.claims.base import Claim
from tacit.claims.noise import Flipped
from tacit.claims.sets import digits
from tacit.systems.coteaching import SYSTEM
from tacit.systems.supervised import SYSTEM as CROSS_ENTROPY

STEPS = 1500

CLAIM = Claim(
    name="co-teaching",
    title="Co-teaching",
    says="much more robust than the state of the art on noisy MNIST, CIFAR-10 and CIFAR-100",
    source="Han et al. 2018, arXiv 1804.06872",
    chosen="Digits of 8×8 pixels, a fixed half as test, all 898 labels of the pool given and 40 % of them wrong; "
    "unchanged images on both sides, accuracy of the last step. As in the paper it is told the rate of noise. The mean "
    "of two networks predicts; the same two networks trained apart are an arm, so that what exchange brings is told "
    "from what two networks bring.",
    data=digits,
    draw=Flipped(0.4),
    system=Trained("co-teaching", "co-teaching", SYSTEM, STEPS, {"views": "clean", "forget": 0.4}),
    host=Trained("supervised", "cross-entropy", CROSS_ENTROPY, STEPS),
    others=(Trained("apart", "two networks apart", SYSTEM, STEPS, {"views": "clean", "forget": 0.0}),),
    peer=None,
)
