"""LSA (catalogue 211): alternating detections against the small-loss detector alone, before the same correction."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Trained
from tacit.claims.base import Claim
from tacit.claims.web_noise import WebNoise, detections, web_digits
from tacit.systems.base import Stage
from tacit.systems.lsa import SYSTEM, detected_by, selecting
from tacit.systems.parts import fine_tuned

STEPS = 800
UNCAPPED = detected_by("loss", capped=False)
CROSS_ENTROPY = replace(
    SYSTEM,
    name="simclr-cross-entropy",
    stages=(SYSTEM.stages[0], Stage("train", fine_tuned, share=SYSTEM.stages[1].share, settings=selecting)),
)

CLAIM = Claim(
    name="lsa",
    title="Linear separation alternating",
    says="a near-perfect detection of foreign images does not raise accuracy; alternating it with small losses "
    "substantially improves the state of the art on real web noise (the abstract names no figure)",
    source="Albert et al. 2024, arXiv 2407.05528",
    chosen="Digits of 8×8 pixels, a fixed half as test; in the pool 40 % are photographs, CIFAR-10 in grey at 8×8 for "
    "want of Fashion-MNIST, and 20 % digits with a wrong label, shares of the whole pool as in the authors' papers. "
    "Host and system are one network from one contrastive stage with the same correction of labels; only what says "
    "which labels are wrong differs. On both sides losses count up to that of knowing nothing: with losses in full, as "
    "in the reference code, the host came to take the photographs for clean on a development draw, at a loss of 7 "
    "points; an arm measures that. Random alternation draws one of the two detectors each epoch. Simple images are the "
    "fifth of the clean ones that compress best.",
    data=web_digits,
    draw=WebNoise(0.2),
    system=Trained("lsa", "alternating", SYSTEM, STEPS, measure=detections),
    host=Trained("small-loss", "small loss alone", detected_by("loss"), STEPS, measure=detections),
    others=(
        Trained("linear", "hyperplane alone", detected_by("linear"), STEPS, measure=detections),
        Trained("random", "alternating at random", detected_by("random"), STEPS, measure=detections),
        Trained("uncapped", "small loss alone, losses in full", UNCAPPED, STEPS, measure=detections),
        Trained("cross-entropy", "cross-entropy", CROSS_ENTROPY, STEPS, measure=detections),
    ),
    peer="cross-entropy",
    id=211,
    remark="Small losses alone find the photographs and the flips so well here, once a loss counts at most that of "
    "knowing nothing, that the hyperplane, 5 points worse alone, only takes labels away; against the host with losses "
    "in full, which is the reference's, alternating is 0.6 points better (-0.2 to +1.7).",
)
