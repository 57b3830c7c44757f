"""UDA (catalogue 316): consistency under a strong view, against consistency under small noise."""

from __future__ import annotations

from typing import cast

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, mnist
from tacit.modalities.base import Prepared
from tacit.modalities.image import PreparedImage
from tacit.modalities.image_views import Policy
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.systems.uda import SYSTEM

STEPS = 400
NOISE = Policy(noise=0.15)
"""The small noise of the consistency methods before UDA: Gaussian, of 15 % of the value range."""


def noisy(prepared: Prepared) -> Prepared:
    """The same views, but strong ones only add noise."""
    image = cast(PreparedImage, prepared)
    return PreparedImage(image.shape, image.weights, weak=image.weak_policy, strong=NOISE)


CLAIM = Claim(
    name="uda",
    title="Unsupervised data augmentation",
    says="strong augmentation of the unlabelled copy instead of small noise: 5.43 % error on CIFAR-10 with 250 labels",
    source="Xie et al. 2020, arXiv 1904.12848",
    chosen="MNIST, 10,000 unlabelled images, 4 labels per class. Host and system differ in the view of the "
    "unlabelled copy alone: Gaussian noise, or affine changes, colour and cutout. Supervised training on the same "
    "strong views is the control. The text half of the check is the claim uda-text.",
    data=mnist,
    draw=Draw(per_class=4),
    system=Trained("uda", "consistency under strong views", SYSTEM, STEPS),
    host=Trained("uda-noise", "consistency under noise", SYSTEM, STEPS, views=noisy),
    others=(
        Trained("uda-weak", "consistency under weak views", SYSTEM, STEPS, {"perturbation": "weak"}),
        Trained("supervised-augmented", "supervised with augmentation", AUGMENTED, STEPS),
        Plain("logistic", "logistic regression on pixels"),
    ),
    peer="logistic",
    id=316,
)
