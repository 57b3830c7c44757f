"""T-JEPA (catalogue 3): an MLP on the latents of T-JEPA, against the same MLP on the raw columns.

The variant without the regularisation token shares every draw with the whole; how far both collapse is measured on
the latents that the MLPs read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tacit.claims.arms import Frozen, Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, Split, adult
from tacit.data.batch import Batch, Features
from tacit.engines.method import Context, Method
from tacit.engines.supervised import Supervised
from tacit.modalities.base import Prepared
from tacit.modalities.table import TablePrepared
from tacit.nets.table import ResidualMLP
from tacit.systems.base import Stage
from tacit.systems.simclr import SYSTEM as CONTRAST
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.systems.tjepa import SYSTEM

STEPS = 400
WITHOUT = {"regularisation_token": False}


class Latents(nn.Module):
    """The latents of all columns side by side, (B, columns * D), of an encoder that learns no more."""

    def __init__(self, encoder: nn.Module, columns: int) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.width = columns * cast(int, encoder.width)

    def train(self, mode: bool = True) -> Latents:
        """The encoder is always in evaluation mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, batch: Batch) -> Features:
        with torch.no_grad():
            local = cast(Features, self.encoder(batch)).local
        assert local is not None
        return Features(local.flatten(1))


class LatentMLP(nn.Module):
    """What `tacit.nets.table.TableMLP` is to raw columns, on standardised latents."""

    def __init__(self, latents: Latents, width: int = 256, depth: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.latents = latents
        self.standardise = nn.BatchNorm1d(latents.width, affine=False)
        self.body = ResidualMLP(latents.width, width, depth, dropout)
        self.width = width

    def forward(self, batch: Batch) -> Features:
        return Features(self.body(self.standardise(self.latents(batch).pooled)))


def read(context: Context, before: Method | None) -> Method:
    """An MLP on the latents of the stage before, trained as the host's is."""
    if before is None:
        raise ValueError("this stage reads the latents of the one before it")
    columns = len(cast(TablePrepared, context.prepared).columns)
    return Supervised(LatentMLP(Latents(before.encoder(), columns)), context.task, views=("weak", "strong"))


READ = replace(SYSTEM, stages=(SYSTEM.stages[0], Stage("read", read, share=SYSTEM.stages[1].share)))
"""T-JEPA with an MLP on its frozen latents in the place of fine-tuning, as in the paper."""


def raw(prepared: Prepared) -> Prepared:
    """The same columns and views for the MLP instead of the transformer."""
    meta, tensors = prepared.state()
    return TablePrepared.from_state({**meta, "encoder": "mlp"}, tensors)


def latents(context: Context, encoder: nn.Module) -> Latents:
    """What the frozen arms read."""
    return Latents(encoder, len(cast(TablePrepared, context.prepared).columns))


def some_adults() -> Split:
    """5,000 rows for the pool and 5,000 of the test rows."""
    return adult().subset(pool=5000, test=5000)


def collapse(features: NDArray[np.float32]) -> dict[str, float]:
    """Signs of collapse in (n, D) features: the mean standard deviation of a column, and the effective rank.

    The effective rank is exp of the entropy of the normalised eigenvalues of the covariance (Roy and Vetterli
    2007): 1 where all rows lie on a line, D where they spread evenly.
    """
    spread = features.std(axis=0)
    values = np.linalg.eigvalsh(np.cov(features.T.astype(np.float64))).clip(min=1e-12)
    share = values / values.sum()
    rank = float(np.exp(-(share * np.log(share)).sum()))
    return {"feature deviation": float(spread.mean()), "effective rank": rank}


CLAIM = Claim(
    name="t-jepa",
    title="T-JEPA",
    says="deep classifiers on pretrained representations beat the same classifiers on raw features, and some match or "
    "beat gradient-boosted trees",
    source="Thimonier, Costa et al. 2024, arXiv 2410.05016",
    chosen="Adult, 200 labels, 5,000 rows unlabelled, 5,000 of the test rows: the paper's own set, with few labels. "
    "The MLP reads the latents of all columns, standardised as the raw columns are; the host trains it on the labels "
    "for as many steps as pretraining and reading take. The paper pretrains for 300 epochs with settings searched for "
    "the data set, here it is 12 with one setting. The system as the library deploys it, fine-tuned, stands beside it "
    "with its own host, and so does contrast of corrupted rows on the MLP itself. The paper's gain for the MLP, 4.1 "
    "points, is with all labels: none is taken from it.",
    data=some_adults,
    draw=Draw(total=200),
    system=Trained("t-jepa", "MLP on T-JEPA's latents", READ, STEPS),
    host=Trained("mlp", "MLP on raw columns", AUGMENTED, STEPS, views=raw),
    others=(
        Trained("t-jepa-without", "MLP on latents without the regularisation token", READ, STEPS, WITHOUT),
        Trained("contrast", "MLP after contrast of corrupted rows, fine-tuned", CONTRAST, STEPS, views=raw),
        Trained("t-jepa-tuned", "T-JEPA, fine-tuned", SYSTEM, STEPS),
        Trained("transformer", "the same transformer from raw columns", AUGMENTED, STEPS),
        Frozen("latents", "logistic regression on T-JEPA's latents", SYSTEM, STEPS, measure=collapse, reads=latents),
        Frozen(
            "latents-without",
            "logistic regression on latents without the regularisation token",
            SYSTEM,
            STEPS,
            WITHOUT,
            measure=collapse,
            reads=latents,
        ),
        Frozen("random", "logistic regression on random latents", SYSTEM, 0, measure=collapse, reads=latents),
        Plain("logistic", "logistic regression"),
        Plain("boosted-trees", "gradient-boosted trees"),
    ),
    peer="logistic",
    id=3,
    encoder="transformer",
    seeds=6,
)
