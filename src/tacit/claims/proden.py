"""PRODEN: weights of candidate labels that follow the network, against equal ones."""

from __future__ import annotations

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import digits
from tacit.claims.weak_draws import CandidateSets
from tacit.systems.evidence import SYSTEM as EVIDENCE
from tacit.systems.proden import SYSTEM
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 400

CLAIM = Claim(
    name="proden",
    title="PRODEN",
    says="beats averaging over the candidates on MNIST, Fashion-MNIST, Kuzushiji-MNIST and CIFAR-10, the more so the "
    "more candidates there are",
    source="Lv et al. 2020, arXiv 2002.08053",
    chosen="Digits, 300 records with candidate sets, every wrong class at the paper's higher rate of 0.7; with the "
    "labels of the whole pool all arms are near the ceiling. The host is the same network, views and steps with equal "
    "shares of the candidates. The likelihood of the candidates, which is PRODEN with weights of the present pass, is "
    "an arm of its own. No gain is taken from the paper's figures, which are of other sets.",
    data=digits,
    draw=CandidateSets(rate=0.7, total=300),
    system=Trained("proden", "PRODEN", SYSTEM, STEPS),
    host=Trained("equal", "equal weights of the candidates", AUGMENTED, STEPS),
    others=(
        Trained("likelihood", "likelihood of the candidates", EVIDENCE, STEPS),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
)
