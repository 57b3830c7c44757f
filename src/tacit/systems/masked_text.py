"""Masked-token pretraining on the user's own text, then fine-tuning.

Source: Devlin et al. 2019, "BERT", section 3.1, and for pretrained encoders Gururangan et al. 2020, "Don't Stop
Pretraining" (task-adaptive pretraining). The encoder goes on from pretrained weights where there are any.
"""

from __future__ import annotations

from tacit.engines.masked import MaskedTokens
from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings, defaults
from tacit.systems.base import Stage, System
from tacit.systems.parts import fine_tuned, fine_tuning


def pretrain(context: Context, before: Method | None) -> Method:
    """Hide 15 % of the tokens and predict them."""
    return MaskedTokens(context.encoder(), context.prepared, context.option("share", 0.15))


def settings(context: Context) -> Settings:
    """The modality's, without its small labelled batches."""
    return defaults(context.prepared).but(unlabelled_batch=64)


SYSTEM = System(
    name="masked-text",
    title="Masked-token pretraining, fine-tuned",
    family="masked",
    stages=(
        Stage("pretrain", pretrain, share=0.6, needs_labels=False, settings=settings),
        Stage("fine-tune", fine_tuned, share=0.4, settings=fine_tuning),
    ),
    modalities=("text",),
    paper="Devlin et al. 2019, arXiv 1810.04805; Gururangan et al. 2020, arXiv 2004.10964",
)
