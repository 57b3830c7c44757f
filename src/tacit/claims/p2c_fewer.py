"""A second look at P2C (catalogue 55): fewer labels, so that a network has less of its own and more to be told."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.graded import Judged
from tacit.claims.p2c import ASKED, others
from tacit.claims.p2c import CLAIM as FIRST

ITEMS = 30

CLAIM = replace(
    FIRST,
    name="p2c-fewer",
    title="Prefer to classify, fewer labels",
    chosen=f"A second look: as p2c, with the labels of {ITEMS} blocks instead of 100 and as many comparisons of them.",
    draw=Judged(ITEMS, ASKED),
    others=others(ITEMS),
    remark="",
)
