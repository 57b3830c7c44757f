"""SimCLRv2's three steps: contrastive pretraining, fine-tuning from inside the projector, distillation (catalogue 295).

Source: Chen et al. 2020, "Big Self-Supervised Models are Strong Semi-Supervised Learners", section 2. The projector
has three layers and fine-tuning starts after its first; distillation (equation 2) trains on the fine-tuned
network's soft labels of all records and is self-training with a frozen teacher. The paper's memory of negatives and
its wide networks are left out; the student has the teacher's size.

Claim: with few labels, pretraining and fine-tuning beat supervised training, and distillation adds to it.
"""

from __future__ import annotations

from typing import cast

from tacit.engines.contrast import Contrast
from tacit.engines.method import Context, Method
from tacit.engines.selftrain import SelfTrain, sharpened
from tacit.engines.supervised import Supervised
from tacit.nets.network import ProjectedEncoder, Projector
from tacit.systems.base import Stage, System
from tacit.systems.parts import fine_tuning, pretraining


def pretrain(context: Context, before: Method | None) -> Method:
    """Contrast with a three-layer projector."""
    return Contrast(context.encoder(), temperature=context.option("temperature", 0.2), layers=3)


def fine_tune(context: Context, before: Method | None) -> Method:
    """Supervised training that keeps the projector's first layer."""
    contrast = cast(Contrast, before)
    encoder = ProjectedEncoder(contrast.backbone, contrast.projector, layers=1)
    return Supervised(encoder, context.task, views=("weak", "strong"))


def distil(context: Context, before: Method | None) -> Method:
    """A student of the same size learns the fine-tuned network's soft labels on all records."""
    teacher = cast(Supervised, before)
    return SelfTrain(
        student_of(context),
        context.task,
        teacher="frozen",
        frozen=teacher.predictor(),
        target=sharpened(context.option("distillation_temperature", 1.0)),
        labelled_views=(),
        teacher_view="weak",
        perturbations=("strong",),
    )


def student_of(context: Context) -> ProjectedEncoder:
    """A fresh encoder of the teacher's form."""
    encoder = context.encoder()
    return ProjectedEncoder(encoder, Projector(cast(int, encoder.width), 64, 3), layers=1)


SYSTEM = System(
    name="simclrv2",
    title="SimCLRv2: pretrain, fine-tune, distil",
    family="contrast",
    stages=(
        Stage("pretrain", pretrain, share=0.5, needs_labels=False, settings=pretraining),
        Stage("fine-tune", fine_tune, share=0.2, settings=fine_tuning),
        Stage("distil", distil, share=0.3),
    ),
    catalogue=295,
    paper="Chen et al. 2020, arXiv 2006.10029",
)
