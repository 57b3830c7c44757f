"""A second look at INS (catalogue 49), which did not reproduce: its pseudo-labels and prototypes get more steps."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Trained
from tacit.claims.ins import CLAIM as FIRST
from tacit.claims.ins import arm, max_pooled
from tacit.systems.ins import SYSTEM
from tacit.systems.supervised_augmented import build

STEPS = 900

CLAIM = replace(
    FIRST,
    name="ins-longer",
    title=f"INS, {STEPS} steps",
    chosen="A second look: as ins, with three times the steps.",
    system=Trained("ins", "INS", SYSTEM, STEPS),
    host=replace(arm("max-pool", "likeliest record of a bag", max_pooled), steps=STEPS),
    others=(replace(arm("likelihood", "likelihood of the bags (noisy-or)", build), steps=STEPS),),
    seeds=10,
    remark="",
)
