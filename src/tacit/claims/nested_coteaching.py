"""Compressed features with co-teaching (catalogue 45) against the same two stages without compression."""

from __future__ import annotations

from tacit.claims.arms import Options, Trained
from tacit.claims.base import Claim
from tacit.claims.noise import Flipped
from tacit.claims.sets import digits
from tacit.systems.nested_coteaching import SYSTEM
from tacit.systems.supervised import SYSTEM as CROSS_ENTROPY

STEPS = 1200
TOLD: Options = {"views": "clean", "forget": 0.4}

CLAIM = Claim(
    name="nested-co-teaching",
    title="Compressed features and co-teaching",
    says="comparable to or better than the state of the art on Clothing1M and ANIMAL-10N; compression lessens "
    "overfitting to wrong labels, alone and with co-teaching",
    source="Chen et al. 2022, arXiv 2206.13140",
    chosen="Digits of 8×8 pixels, a fixed half as test, all 898 labels of the pool given and 40 % of them flipped "
    "dependent on the image, as the check asks; unchanged images on all sides, accuracy of the last step. The host is "
    "the same two stages, half the steps apart and half in co-teaching, on features that are not compressed, so that "
    "compression is all that differs. Both are told the rate of noise. Accuracy against the number of channels kept "
    "is not measured.",
    data=digits,
    draw=Flipped(0.4, "instance"),
    system=Trained("nested-co-teaching", "nested dropout and co-teaching", SYSTEM, STEPS, TOLD),
    host=Trained("co-teaching", "co-teaching", SYSTEM, STEPS, {**TOLD, "compression": "none"}),
    others=(
        Trained("dropout", "dropout and co-teaching", SYSTEM, STEPS, {**TOLD, "compression": "dropout"}),
        Trained("nested", "nested dropout, networks apart", SYSTEM, STEPS, {**TOLD, "forget": 0.0}),
        Trained("supervised", "cross-entropy", CROSS_ENTROPY, STEPS),
    ),
    peer=None,
    id=45,
)
