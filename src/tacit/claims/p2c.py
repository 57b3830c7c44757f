"""P2C (catalogue 55): comparisons beside class labels against the class labels alone."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Arm, Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.graded import Judged, calibration, dear_houses
from tacit.systems.evidence import SYSTEM as EVIDENCE
from tacit.systems.p2c import SYSTEM
from tacit.systems.supervised import SYSTEM as CROSS_ENTROPY

STEPS, ITEMS, ASKED = 600, 100, 500
BOTH = replace(CROSS_ENTROPY, name="evidence-clean", title=EVIDENCE.title, baseline=False)
"""The library's likelihood of all evidence on the host's unchanged records."""


def others(items: int) -> tuple[Arm, ...]:
    """What else the judgements could have bought, with the labels of so many records."""
    shares, more = Judged(items, ASKED, "shares"), Judged(items, ASKED, "more")
    return (
        Trained("soft", "soft labels from the votes", CROSS_ENTROPY, STEPS, measure=calibration, draw=shares),
        Trained("more", "cross-entropy, 100 more labels", CROSS_ENTROPY, STEPS, measure=calibration, draw=more),
        Trained("evidence", "likelihood of labels and comparisons", BOTH, STEPS, measure=calibration),
        Plain("logistic", "logistic regression on columns"),
    )


CLAIM = Claim(
    name="p2c",
    title="Prefer to classify",
    says="auxiliary preferences improve text classifiers on existing benchmarks, whether free, paid or of a language "
    "model (the abstract names no figure)",
    source="Kim et al. 2023, arXiv 2306.04925",
    chosen="A table for want of texts with a grade: of those at hand only the class is known, and a grade made by a "
    "model would be what another model finds. Median house values of Californian census blocks are a grade that is "
    "seen by none but five simulated annotators, who vote on 100 blocks (dear or cheap, majority label, 500 "
    "judgements) and compare pairs of them of one label (500 more). Host: cross-entropy on the labels alone, for half "
    "of the cost; unchanged records on all sides. Arms: the same cost in votes on 100 more blocks, the shares of the "
    "votes as soft labels, and the likelihood of labels and comparisons in one head.",
    data=dear_houses,
    draw=Judged(ITEMS, ASKED),
    system=Trained("p2c", "P2C", SYSTEM, STEPS, {"views": "clean"}, measure=calibration),
    host=Trained("supervised", "cross-entropy", CROSS_ENTROPY, STEPS, measure=calibration),
    others=others(ITEMS),
    peer="logistic",
    id=55,
    remark="Comparisons of records of one label say where they stand within it, and the heads share little but the "
    "encoder; the same judgements as shares of votes, or as 100 more labels, are worth about 2 points.",
)
