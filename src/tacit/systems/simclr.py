"""SimCLR: contrastive pretraining, then supervised fine-tuning (host of catalogue 295).

Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning", equation 1. Two strong views of each record,
a two-layer projector that is thrown away, temperature 0.2. The paper uses LARS at batch 4,096; here AdamW at 256.
"""

from __future__ import annotations

from tacit.engines.contrast import Contrast
from tacit.engines.method import Context, Method
from tacit.systems.base import Stage, System
from tacit.systems.parts import fine_tuned, fine_tuning, pretraining


def pretrain(context: Context, before: Method | None) -> Method:
    """Encoder and projector from scratch, or from pretrained weights."""
    return Contrast(context.encoder(), temperature=context.option("temperature", 0.2))


SYSTEM = System(
    name="simclr",
    title="SimCLR, fine-tuned",
    family="contrast",
    stages=(
        Stage("pretrain", pretrain, share=0.7, needs_labels=False, settings=pretraining),
        Stage("fine-tune", fine_tuned, share=0.3, settings=fine_tuning),
    ),
    paper="Chen et al. 2020, arXiv 2002.05709",
)
