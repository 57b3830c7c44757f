"""RotNet: pretraining by predicting quarter turns, then fine-tuning (catalogue 280).

Source: Gidaris et al. 2018, "Unsupervised Representation Learning by Predicting Image Rotations", section 3. All
four rotations of every image are in the batch, as in the paper. The weak view before the turn stands in for the
paper's crops; flips are left out, as everywhere here.

Claim: features from four rotations beat random features, and beat two rotations, for few-label classification.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.pretext import Pretext, rotations
from tacit.engines.settings import Settings
from tacit.systems.base import Stage, System
from tacit.systems.parts import fine_tuned, fine_tuning, pretraining


def pretrain(context: Context, before: Method | None) -> Method:
    """Which of the turns was it?"""
    turns = (0, 2) if context.option("turns", 4) == 2 else (0, 1, 2, 3)
    return Pretext(context.encoder(), rotations(turns))


def settings(context: Context) -> Settings:
    """A quarter of the batch, because every image is in it four times."""
    return pretraining(context).but(unlabelled_batch=64)


SYSTEM = System(
    name="rotation",
    title="RotNet: rotation pretraining, fine-tuned",
    family="pretext",
    stages=(
        Stage("pretrain", pretrain, share=0.6, needs_labels=False, settings=settings),
        Stage("fine-tune", fine_tuned, share=0.4, settings=fine_tuning),
    ),
    modalities=("image",),
    catalogue=280,
    paper="Gidaris et al. 2018, arXiv 1803.07728",
)
