"""A second look at LSA (catalogue 211): losses count in full on both sides, as in the reference code."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Trained
from tacit.claims.lsa import CLAIM as FIRST
from tacit.claims.lsa import STEPS, UNCAPPED
from tacit.claims.web_noise import detections
from tacit.systems.lsa import detected_by

CLAIM = replace(
    FIRST,
    name="lsa-full",
    title="Linear separation alternating, losses in full",
    chosen="A second look: as lsa, with losses that count in full on both sides, as in the reference code.",
    system=Trained("lsa", "alternating", detected_by("alternating", capped=False), STEPS, measure=detections),
    host=Trained("small-loss", "small loss alone", UNCAPPED, STEPS, measure=detections),
    others=tuple(arm for arm in FIRST.others if arm.name == "cross-entropy"),
    remark="",
)
