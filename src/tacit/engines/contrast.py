"""Contrastive learning: views of one record, or of one class, attract; others repel."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, normalize
from torch.utils.checkpoint import checkpoint

from tacit.data.batch import Features
from tacit.engines.method import Losses, Method, Needs, Step
from tacit.nets.network import Projector, padded


class Contrast(Method):
    """Two views through encoder and projector, compared by normalised temperature-scaled cross-entropy.

    Label-free. The predictor is the encoder itself; ``projector`` stays, because fine-tuning may start inside it.
    """

    family: ClassVar[str] = "contrast"

    def __init__(
        self, encoder: nn.Module, temperature: float = 0.2, dimensions: int = 64, layers: int = 2, block: int = 1024
    ) -> None:
        super().__init__()
        self.needs = Needs(unlabelled=("strong", "strong2"))
        self.backbone = encoder
        self.projector = Projector(cast(int, encoder.width), dimensions, layers)
        self.temperature = temperature
        self.block = block

    def loss(self, step: Step) -> Losses:
        first, second = padded([step.unlabelled["strong"].batch, step.unlabelled["strong2"].batch])
        both = cast(Features, self.backbone(type(first).concatenate([first, second]))).pooled
        z = normalize(cast(Tensor, self.projector(both)).float(), dim=1)
        half = len(z) // 2
        return {"contrast": nt_xent(z[:half], z[half:], self.temperature, self.block)}

    def predictor(self) -> nn.Module:
        return self.backbone

    def encoder(self) -> nn.Module:
        return self.backbone


def nt_xent(a: Tensor, b: Tensor, temperature: float, block: int = 1024) -> Tensor:
    """Normalised temperature-scaled cross-entropy (Chen et al. 2020, SimCLR, equation 1).

    ``a``, ``b``: (B, D) unit vectors, row i of each from record i. Rows are compared in blocks that are computed
    again in the backward pass, so memory grows with B * block and not with B².
    """
    z = torch.cat([a, b])
    count = len(a)
    rows = torch.arange(2 * count, device=z.device)
    partner = (rows + count) % (2 * count)
    if len(z) <= block:
        return _rows_loss(z, z, rows, partner, temperature) / len(z)
    total = z.new_zeros(())
    for part in torch.split(rows, block):
        total = total + checkpoint(_rows_loss, z[part], z, part, partner[part], temperature, use_reentrant=False)
    return total / len(z)


def _rows_loss(rows: Tensor, z: Tensor, own: Tensor, partner: Tensor, temperature: float) -> Tensor:
    logits = rows @ z.T / temperature
    itself = torch.nn.functional.one_hot(own, len(z)).bool()
    return cross_entropy(logits.masked_fill(itself, -torch.inf), partner, reduction="sum")


def sup_con(z: Tensor, q: Tensor, temperature: float, block: int = 1024) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2), the mean over the rows that have a positive.

    ``z``: (N, D) unit vectors; ``q``: (N, C) shares of the classes, one of them 1 where it is known. Two rows are
    positives of each other as far as they agree, q_i·q_p: of known classes, entirely or not at all. Rows are compared
    in blocks, as in `nt_xent`.
    """
    rows = torch.arange(len(z), device=z.device)
    if len(z) <= block:
        costs = _agreement_costs(z, q, z, q, rows, temperature)
    else:
        costs = torch.cat(
            [
                checkpoint(_agreement_costs, z[part], q[part], z, q, part, temperature, use_reentrant=False)
                for part in torch.split(rows, block)
            ]
        )
    together = q.sum(dim=0)
    anchors = (q @ together - (q * q).sum(dim=1)) > 0
    return costs.sum() / anchors.sum().clamp_min(1)


def _agreement_costs(rows: Tensor, given: Tensor, z: Tensor, q: Tensor, own: Tensor, temperature: float) -> Tensor:
    """(rows,) minus the mean log-share of the positives among all others; 0 of a row that has none."""
    itself = own.unsqueeze(1) == torch.arange(len(z), device=z.device)
    log_share = log_softmax((rows @ z.T / temperature).masked_fill(itself, -torch.inf), dim=1)
    agree = (given @ q.T).masked_fill(itself, 0.0)
    drawn = (agree * log_share.masked_fill(itself, 0.0)).sum(dim=1)
    return -drawn / torch.where(agree.sum(dim=1) > 0, agree.sum(dim=1), 1.0)


def supervised_contrast(z: Tensor, kind: Tensor, others: Tensor, other_kind: Tensor, temperature: float) -> Tensor:
    """Rows of a kind attract each other, all others repel (Khosla et al. 2020, equation 2), averaged over ``z``.

    ``z``: (B, D) unit vectors of these kinds (B,); each is compared with the rest of them and with ``others`` (M, D).
    A row that is alone with its kind costs nothing.
    """
    kinds = torch.cat([kind, other_kind])
    shares = torch.nn.functional.one_hot(kinds - kinds.min()).to(z)
    rows = torch.arange(len(z), device=z.device)
    return _agreement_costs(z, shares[: len(z)], torch.cat([z, others]), shares, rows, temperature).mean()
