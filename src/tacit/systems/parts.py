"""Parts that several systems share."""

from __future__ import annotations

import torch

from tacit.data.task import Classes
from tacit.engines.method import Context
from tacit.engines.selftrain import Alignment


def uniform_alignment(context: Context, power: float = 1.0) -> Alignment | None:
    """Alignment to equal class shares; None for tasks without exclusive classes."""
    if not isinstance(context.task, Classes):
        return None
    classes = context.task.outputs
    return Alignment(torch.full((classes,), 1 / classes), power=power)
