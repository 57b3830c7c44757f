"""Changed views of table batches: cells drawn from the column's marginal, hidden cells, mixtures of rows."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from tacit.data.batch import Batch
from tacit.modalities.table_columns import UNKNOWN


def choose_cells(rows: int, columns: int, rate: float, rng: Generator) -> Tensor:
    """Cells (rows, columns) to change: each row draws its own rate uniformly from 0 to 2 * ``rate``."""
    rates = 2.0 * rate * torch.rand((rows, 1), generator=rng, device=rng.device)
    return torch.rand((rows, columns), generator=rng, device=rng.device) < rates


def corrupt(batch: Batch, marginals: Batch, chosen: Tensor, rng: Generator) -> Batch:
    """Replace the chosen cells by those of rows drawn anew for every cell (Bahri et al. 2022, SCARF).

    ``chosen``: (B, columns) bool, numeric columns first; ``marginals``: a sample of rows of the same columns.
    """
    count = batch["numeric"].shape[1]
    donors = torch.randint(len(marginals), chosen.shape, generator=rng, device=rng.device)
    parts = {"numeric": slice(0, count), "missing": slice(0, count), "categorical": slice(count, None)}
    changed: dict[str, Tensor] = {}
    for name, part in parts.items():
        drawn = marginals[name].to(batch[name].device).gather(0, donors[:, part])
        changed[name] = torch.where(chosen[:, part], drawn, batch[name])
    return batch.replace(**changed)


def hide(batch: Batch, hidden: Tensor) -> Batch:
    """The chosen cells as if their values were not known: 0 and flagged missing, or the unknown category."""
    count = batch["numeric"].shape[1]
    return batch.replace(
        numeric=batch["numeric"].masked_fill(hidden[:, :count], 0.0),
        missing=batch["missing"] | hidden[:, :count],
        categorical=batch["categorical"].masked_fill(hidden[:, count:], UNKNOWN),
    )


def mix(batch: Batch, partner: Tensor, share: Tensor, rng: Generator) -> Batch:
    """Mixup (Zhang et al. 2018): ``share`` (B,) of the row itself, the rest of the row ``partner`` (B,).

    Numbers are averaged; a category or a gap has no average: it is the partner's with probability 1 - share.
    """
    numeric, other = batch["numeric"], batch.take(partner)
    weight = share.unsqueeze(1).to(numeric.dtype)
    columns = numeric.shape[1] + batch["categorical"].shape[1]
    theirs = torch.rand((len(batch), columns), generator=rng, device=rng.device) >= weight
    count = numeric.shape[1]
    return batch.replace(
        numeric=weight * numeric + (1.0 - weight) * other["numeric"],
        missing=torch.where(theirs[:, :count], other["missing"], batch["missing"]),
        categorical=torch.where(theirs[:, count:], other["categorical"], batch["categorical"]),
    )
