"""Parts that several systems share."""

from __future__ import annotations

import torch
from torch import nn

from tacit.data.task import Classes
from tacit.engines.method import Context, Method
from tacit.engines.selftrain import Alignment
from tacit.engines.settings import Settings, defaults
from tacit.engines.supervised import Supervised


def uniform_alignment(context: Context, power: float = 1.0) -> Alignment | None:
    """Alignment to equal class shares; None for tasks without exclusive classes."""
    if not isinstance(context.task, Classes):
        return None
    classes = context.task.outputs
    return Alignment(torch.full((classes,), 1 / classes), power=power)


def continued(before: Method | None) -> nn.Module:
    """The encoder of the stage before, ready to be trained on."""
    if before is None:
        raise ValueError("this stage goes on from the one before it")
    return before.encoder().requires_grad_(True)


def fine_tuned(context: Context, before: Method | None) -> Method:
    """Supervised training on weak and strong views from the encoder of the stage before."""
    return Supervised(continued(before), context.task, views=("weak", "strong"))


def fine_tuning(context: Context) -> Settings:
    """A gentler rate for weights that have learned something already; pretrained ones keep their own, gentler yet."""
    usual = defaults(context.prepared)
    return usual.but(encoder_rate=min(usual.encoder_rate, 0.3), most_steps=1500)


def pretraining(context: Context) -> Settings:
    """Large unlabelled batches and AdamW, for label-free stages from scratch."""
    return defaults(context.prepared).but(
        unlabelled_batch=256, optimiser="adamw", rate=2e-3, weight_decay=1e-4, schedule="cosine"
    )
