"""Generalised cross-entropy against cross-entropy: a reference of its field."""

from __future__ import annotations

from tacit.claims.arms import Trained
from tacit.claims.base import Claim
from tacit.claims.noise import Flipped
from tacit.claims.sets import digits
from tacit.systems.gce import SYSTEM
from tacit.systems.supervised import SYSTEM as CROSS_ENTROPY

STEPS = 1500

CLAIM = Claim(
    name="gce",
    title="Generalised cross-entropy",
    says="outperforms cross-entropy and mean absolute error under closed-set and open-set label noise",
    source="Zhang & Sabuncu 2018, arXiv 1805.07836",
    chosen="Digits of 8×8 pixels, a fixed half as test, all 898 labels of the pool given and 40 % of them wrong; "
    "unchanged images on both sides, accuracy of the last step. q is 0.7 as in the paper; mean absolute error, its "
    "limit q = 1, is an arm.",
    data=digits,
    draw=Flipped(0.4),
    system=Trained("gce", "generalised cross-entropy", SYSTEM, STEPS, {"views": "clean"}),
    host=Trained("supervised", "cross-entropy", CROSS_ENTROPY, STEPS),
    others=(Trained("mae", "mean absolute error", SYSTEM, STEPS, {"views": "clean", "exponent": 1.0}),),
    peer=None,
)
