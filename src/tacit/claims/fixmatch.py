"""FixMatch against supervised training with the same augmentation: the field's reference for few labels."""

from __future__ import annotations

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, digits
from tacit.systems.fixmatch import SYSTEM
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 600

CLAIM = Claim(
    name="fixmatch",
    title="FixMatch with distribution alignment",
    says="hard pseudo-labels of weak views above a threshold, taught on strong views, beat training on few labels",
    source="Sohn et al. 2020, arXiv 2001.07685",
    chosen="Digits of 8×8 pixels, 4 labels per class, a fixed half as test; the host sees the same strong views of "
    "its labels. The paper's gains are over other semi-supervised methods, so none is taken from it.",
    data=digits,
    draw=Draw(per_class=4),
    system=Trained("fixmatch", "FixMatch", SYSTEM, STEPS),
    host=Trained("supervised-augmented", "supervised with augmentation", AUGMENTED, STEPS),
    others=(Plain("label-spreading", "label spreading on pixels"),),
    peer="label-spreading",
    seeds=10,
)
