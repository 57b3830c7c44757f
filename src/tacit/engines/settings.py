"""How a stage is trained: batch sizes, optimiser, rates and schedule; one default for each kind of encoder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from tacit.modalities.base import Prepared


@dataclass(frozen=True)
class Settings:
    """The optimisation of one stage.

    ``encoder_rate`` multiplies the rate of the encoder's parameters, for weights that were pretrained elsewhere.
    ``warmup`` is a share of the steps. ``most_steps`` ends what would otherwise only overfit.
    """

    labelled_batch: int = 32
    unlabelled_batch: int = 128
    optimiser: Literal["adamw", "sgd"] = "adamw"
    rate: float = 2e-3
    weight_decay: float = 1e-2
    schedule: Literal["cosine", "slow-cosine", "constant"] = "cosine"
    warmup: float = 0.05
    encoder_rate: float = 1.0
    clip: float = 5.0
    most_steps: int = 1_000_000

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def but(self, **changes: Any) -> Settings:
        """The same settings with some changed."""
        return replace(self, **changes)


SCRATCH = {
    "image": Settings(
        labelled_batch=32,
        unlabelled_batch=128,
        optimiser="sgd",
        rate=0.1,
        weight_decay=5e-4,
        schedule="slow-cosine",
    ),
    "text": Settings(labelled_batch=32, unlabelled_batch=64, rate=1e-3, weight_decay=1e-2),
    "set": Settings(labelled_batch=32, unlabelled_batch=64, rate=2e-3, weight_decay=1e-2),
    "table": Settings(labelled_batch=64, unlabelled_batch=256, rate=2e-3, weight_decay=1e-2),
}
PRETRAINED = {
    "image": Settings(labelled_batch=32, unlabelled_batch=64, rate=1e-3, weight_decay=1e-2, encoder_rate=0.1),
    "text": Settings(labelled_batch=16, unlabelled_batch=32, rate=1e-3, weight_decay=1e-2, encoder_rate=0.05),
}


def defaults(prepared: Prepared) -> Settings:
    """The committed settings for the modality, from scratch or on pretrained weights."""
    if prepared.weights.pretrained and prepared.name in PRETRAINED:
        return PRETRAINED[prepared.name]
    return SCRATCH.get(prepared.name, Settings())
