"""T-JEPA: predict the latents of hidden columns from the visible ones, then fine-tune (catalogue 3).

Source: Thimonier, Costa et al. 2024, "T-JEPA: Augmentation-Free Self-Supervised Learning for Tabular Data". A context
encoder sees a random subset of the columns, an EMA encoder sees all, and a small predictor regresses its latents of
the hidden columns. Option ``regularisation_token`` (True): a learned token that is in both sequences and neither
predicted nor shown to the predictor; here the feature-token transformer's summary token. Without it the columns are
alone, and their mean stands for the row.

As in the reference code: decay from 0.996 to 1, squared error on latents that are not normalised, a narrow predictor,
no dropout and no weight decay. Differs: every hidden column is a target, instead of four random subsets of them, and
the rate is the upper end of the range that was searched there, for hundreds of steps instead of 300 epochs. The
reference code counts the token as the first column when it draws masks, so that it can be hidden or a target and the
last column cannot; here it is as the paper says. Fine-tuning starts from the context encoder: in few steps the target
encoder stays near its initial weights.

Claim: pretrained representations beat training on the raw features.
"""

from __future__ import annotations

from typing import cast

from tacit.engines.masked import MaskedLatents
from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings
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
    token = bool(context.options.get("regularisation_token", True))
    return MaskedLatents(TableTransformer(len(table.numeric), table.sizes, summary=token), len(table.columns))


def settings(context: Context) -> Settings:
    """The rate and decay of the reference code."""
    return pretraining(context).but(rate=1e-3, weight_decay=0.0)


SYSTEM = System(
    name="t-jepa",
    title="T-JEPA, fine-tuned",
    family="masked",
    stages=(
        Stage("pretrain", pretrain, share=0.6, needs_labels=False, settings=settings),
        Stage("fine-tune", fine_tuned, share=0.4, settings=fine_tuning),
    ),
    modalities=("table",),
    catalogue=3,
    paper="Thimonier, Costa et al. 2024, arXiv 2410.05016",
)
