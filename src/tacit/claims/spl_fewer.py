"""A second look at SPL (catalogue 29): fewer clean labels, so that the teacher errs more and there is more to gain."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.spl import CLAIM as FIRST
from tacit.claims.weak_draws import QueryLabels

CLAIM = replace(
    FIRST,
    name="spl-fewer",
    title="SPL, fewer clean labels",
    chosen="A second look: as spl, with 20 clean labels instead of 50.",
    draw=QueryLabels(wrong=0.5, clean=20),
    remark="",
)
