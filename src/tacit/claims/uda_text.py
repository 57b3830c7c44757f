"""UDA for texts (catalogue 316): consistency under word replacement by TF-IDF, against word dropout."""

from __future__ import annotations

from typing import Any

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, trec
from tacit.modalities.base import Prepared
from tacit.modalities.text import TextPrepared
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.systems.uda import SYSTEM

STEPS = 40
SHARE = 0.3
"""Of the words replaced."""
AS_FOR_TEXTS = {"threshold": 0.0, "temperature": 0.85}
"""No confidence mask and little sharpening: the reference code's settings for texts."""
NOISE = 0.05
"""Of the words dropped by the small noise: what the library's weak view drops."""


def _strong(prepared: Prepared, **settings: float) -> Prepared:
    """The same with a strong view that does this and nothing else."""
    meta, tensors = prepared.state()
    nothing: dict[str, Any] = {name: 0.0 for name in meta["settings"] if name.startswith("strong_")}
    return TextPrepared.from_state({**meta, "settings": {**meta["settings"], **nothing, **settings}}, tensors)


def replaced(prepared: Prepared) -> Prepared:
    """Strong views replace words."""
    return _strong(prepared, strong_replace=SHARE)


def dropped(prepared: Prepared) -> Prepared:
    """Strong views drop a few words."""
    return _strong(prepared, strong_drop=NOISE)


CLAIM = Claim(
    name="uda-text",
    title="Unsupervised data augmentation, texts",
    says="word replacement or back-translation of the unlabelled copy instead of small noise: 4.20 % error on IMDb "
    "with 20 labels",
    source="Xie et al. 2020, arXiv 1904.12848",
    chosen="TREC, 5,452 unlabelled questions, 8 labels per class. Host and system differ in the view of the unlabelled "
    "copy alone: a twentieth of the words dropped, or 30 % replaced by TF-IDF; subwords stand for words. Supervised "
    "training under the same replacement is the control. MiniLM is fine-tuned instead of BERT, which the paper trains "
    "on the unlabelled texts first. No gain over small noise is named for texts, so none is taken from the paper.",
    data=trec,
    draw=Draw(per_class=8),
    system=Trained("uda-text", "consistency under word replacement", SYSTEM, STEPS, AS_FOR_TEXTS, replaced),
    host=Trained("uda-text-dropout", "consistency under word dropout", SYSTEM, STEPS, AS_FOR_TEXTS, dropped),
    others=(
        Trained("supervised-replaced", "supervised with word replacement", AUGMENTED, STEPS, views=replaced),
        Plain("tfidf-logistic", "TF-IDF + logistic regression"),
    ),
    peer="tfidf-logistic",
    id=316,
    encoder="minilm",
    views={"strong_replace": SHARE},
    seeds=8,
    remark="With three times the steps (uda-text-longer) both noises are level within a wide interval: at 8 "
    "labels per class the draw of the labels decides more than the noise.",
)
