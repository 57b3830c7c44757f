"""Soft aligned targets from a spread start against FixMatch with one label per class: the library's own default."""

from __future__ import annotations

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, digits
from tacit.systems.consistency import SYSTEM
from tacit.systems.fixmatch import SYSTEM as FIXMATCH
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 600

CLAIM = Claim(
    name="consistency",
    title="Consistency with soft aligned targets",
    says="with one label per class, soft targets from a spread start beat FixMatch, whose early mistakes lock in",
    source="tacit's own",
    chosen="Digits of 8×8 pixels, 1 label per class, a fixed half as test; both sides with distribution alignment. "
    "The arm without the spread start tells what the targets do alone. "
    "No paper claims it, so no gain is taken from one.",
    data=digits,
    draw=Draw(per_class=1),
    system=Trained("consistency", "soft aligned targets", SYSTEM, STEPS),
    host=Trained("fixmatch", "FixMatch", FIXMATCH, STEPS),
    others=(
        Trained("consistency-unspread", "soft aligned targets, no spread start", SYSTEM, STEPS, {"spread": False}),
        Trained("supervised-augmented", "supervised with augmentation", AUGMENTED, STEPS),
        Plain("label-spreading", "label spreading on pixels"),
    ),
    peer="label-spreading",
    seeds=10,
)
