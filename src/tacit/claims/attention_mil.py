"""Attention pooling of bags: against the largest value of each feature, and the mean, on the same instances."""

from __future__ import annotations

from tacit.claims.arms import Change, Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.set_bags import key_bags
from tacit.claims.sets import Draw
from tacit.modalities.base import Prepared
from tacit.modalities.set import SetPrepared
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 300


def pooled_by(pooling: str) -> Change:
    """The same bags and views, read by an encoder with another pooling."""

    def change(prepared: Prepared) -> SetPrepared:
        meta, tensors = prepared.state()
        return SetPrepared.from_state({**meta, "encoder": pooling}, tensors)

    return change


CLAIM = Claim(
    name="attention-mil",
    title="Attention pooling",
    says="better than mean and max pooling on bags of digits, most of all with few bags to learn from",
    source="Ilse et al. 2018, arXiv 1802.04712",
    chosen="scikit-learn's digits as rows of 64 pixels through a residual MLP where the source has MNIST and a small "
    "convolutional network; 50 labelled bags of about ten digits, the least that the source trains on; accuracy where "
    "it has the area under the curve. The host is max pooling, the stronger of the two; only the pooling differs. "
    "Plain attention and pooling of instances' scores are left out.",
    data=key_bags,
    draw=Draw(total=50),
    system=Trained("attention", "gated attention", AUGMENTED, STEPS, views=pooled_by("attention")),
    host=Trained("max", "max pooling", AUGMENTED, STEPS, views=pooled_by("max")),
    others=(
        Trained("mean", "mean pooling", AUGMENTED, STEPS, views=pooled_by("mean")),
        Plain("logistic", "logistic regression on statistics of the bag"),
    ),
    peer="logistic",
)
