"""Masked-token pretraining on the user's own text, against the same encoder without it."""

from __future__ import annotations

from tacit.claims.arms import Frozen, Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, trec
from tacit.systems.masked_text import SYSTEM
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 240

CLAIM = Claim(
    name="masked-text",
    title="Masked-token pretraining",
    says="pretraining on the task's own unlabelled text before fine-tuning beats fine-tuning alone",
    source="Gururangan et al. 2020, arXiv 2004.10964; Devlin et al. 2019, arXiv 1810.04805",
    chosen="TREC with 200 labels and the small transformer from scratch, pretrained on the 5,452 questions only. "
    "The host trains on the labels for as many steps as both stages take. No gain is taken from the papers, which "
    "start from large pretrained models.",
    data=trec,
    draw=Draw(total=200),
    system=Trained("masked-text", "masked-token pretraining, fine-tuned", SYSTEM, STEPS),
    host=Trained("supervised-augmented", "supervised with augmentation", AUGMENTED, STEPS),
    others=(
        Frozen("masked-frozen", "logistic regression on the pretrained features", SYSTEM, STEPS),
        Plain("tfidf-logistic", "TF-IDF + logistic regression"),
    ),
    peer="tfidf-logistic",
    encoder="small",
    seeds=6,
)
