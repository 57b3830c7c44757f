"""T-JEPA: predict the latents of hidden columns from the visible ones, then fine-tune (catalogue 3).

Source: "T-JEPA: Augmentation-Free Self-Supervised Learning for Tabular Data". A context encoder sees a random subset
of the columns, an EMA encoder sees all, and a small predictor regresses its latents of the hidden columns. The
feature-token transformer's summary token takes the place of the paper's regularisation token: it is in both
sequences and in no target.

Claim: pretrained representations beat training on the raw features.
"""

from __future__ import annotations

from typing import cast

from tacit.engines.masked import MaskedLatents
from tacit.engines.method import Context, Method
from tacit.errors import InputError
from tacit.modalities.table import TablePrepared
from tacit.nets.table import TableTransformer
from tacit.systems.base import Stage, System
from tacit.systems.parts import fine_tuned, fine_tuning, pretraining


def pretrain(context: Context, before: Method | None) -> Method:
    """A feature-token transformer, whatever encoder the other candidates have."""
    table = cast(TablePrepared, context.prepared)
    if len(table.columns) < 2:
        raise InputError("t-jepa needs a table of two columns at least: one to hide, and one to tell it from")
    return MaskedLatents(TableTransformer(len(table.numeric), table.sizes), len(table.columns))


SYSTEM = System(
    name="t-jepa",
    title="T-JEPA, fine-tuned",
    family="masked",
    stages=(
        Stage("pretrain", pretrain, share=0.6, needs_labels=False, settings=pretraining),
        Stage("fine-tune", fine_tuned, share=0.4, settings=fine_tuning),
    ),
    modalities=("table",),
    catalogue=3,
    paper="T-JEPA (catalogue 3), arXiv 2410.05016",
)
