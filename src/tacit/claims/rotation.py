"""RotNet (catalogue 280): a few labels on frozen features of rotation pretraining, against random features."""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Frozen, Plain
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, mnist
from tacit.systems.rotation import SYSTEM

STEPS = 400
PRETRAINING = replace(SYSTEM, stages=SYSTEM.stages[:1])

CLAIM = Claim(
    name="rotation",
    title="RotNet",
    says="features learned from four rotations transfer: 54.4 % mAP on VOC 2007 detection",
    source="Gidaris et al. 2018, arXiv 1803.07728",
    chosen="MNIST, pretraining on 10,000 images, logistic regression on the frozen last features with 10 labels per "
    "class. The host is the same network as it was initialised, as in the catalogue's check, and takes no steps; "
    "pixels, which random features of 64 channels need not reach, stand beside it. Eight turns, an autoencoder and "
    "earlier layers are left out. The paper names no figure for this check, so no gain is taken from it.",
    data=mnist,
    draw=Draw(per_class=10),
    system=Frozen("rotation-4", "features of 4 rotations", PRETRAINING, STEPS),
    host=Frozen("random", "random features", PRETRAINING, 0),
    others=(
        Frozen("rotation-2", "features of 2 rotations", PRETRAINING, STEPS, {"turns": 2}),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer=None,
    id=280,
)
