"""SimCLRv2 (catalogue 295): pretraining, fine-tuning and distillation, against supervised training.

The arm without distillation is the same run stopped after its second stage: it shares the pretraining and every
draw with the whole.
"""

from __future__ import annotations

from dataclasses import replace

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, mnist
from tacit.systems.simclrv2 import SYSTEM
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 400
UNDISTILLED = replace(SYSTEM, stages=SYSTEM.stages[:2])
BEFORE_DISTILLATION = round(STEPS * sum(s.share for s in UNDISTILLED.stages))

CLAIM = Claim(
    name="simclrv2",
    title="SimCLRv2",
    says="73.9 % on ImageNet with 1 % of the labels: pretraining and fine-tuning beat supervised training, and "
    "distillation on unlabelled images adds to it",
    source="Chen et al. 2020, arXiv 2006.10029",
    chosen="MNIST, 10,000 unlabelled images, 4 labels per class; one width, one number of labels, no memory of "
    "negatives, the student as large as the teacher. The host trains on weak and strong views of its labels for the "
    "same number of steps.",
    data=mnist,
    draw=Draw(per_class=4),
    system=Trained("simclrv2", "SimCLRv2 with distillation", SYSTEM, STEPS),
    host=Trained("supervised-augmented", "supervised with augmentation", AUGMENTED, STEPS),
    others=(
        Trained("simclrv2-undistilled", "SimCLRv2 before distillation", UNDISTILLED, BEFORE_DISTILLATION),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
    id=295,
)
