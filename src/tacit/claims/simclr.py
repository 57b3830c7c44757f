"""SimCLR (host of catalogue 295): contrastive pretraining and fine-tuning, against supervised training."""

from __future__ import annotations

from tacit.claims.arms import Frozen, Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, mnist
from tacit.systems.simclr import SYSTEM
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED

STEPS = 320

CLAIM = Claim(
    name="simclr",
    title="SimCLR",
    says="contrastive pretraining, fine-tuned on few labels, beats supervised training on them",
    source="Chen et al. 2020, arXiv 2002.05709",
    chosen="MNIST, 10,000 unlabelled images, 4 labels per class; batches of 256 and AdamW instead of 4,096 and LARS. "
    "The host trains on weak and strong views of its labels for the same number of steps.",
    data=mnist,
    draw=Draw(per_class=4),
    system=Trained("simclr", "SimCLR, fine-tuned", SYSTEM, STEPS),
    host=Trained("supervised-augmented", "supervised with augmentation", AUGMENTED, STEPS),
    others=(
        Frozen("simclr-frozen", "logistic regression on SimCLR's features", SYSTEM, STEPS),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
    id=295,
    remark="With four times the steps (simclr-longer) the host gains as much: it sees the same augmented views, "
    "and on digits this easy they teach more with labels than without.",
)
