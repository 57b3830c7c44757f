"""Encoders of sets: every instance through one MLP, then one vector for the whole set."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from tacit.data.batch import Batch, Features
from tacit.nets.table import ResidualMLP
from tacit.nets.transformer import masked_mean


class GatedAttention(nn.Module):
    """A weighted mean whose weights are learned (Ilse et al. 2018, equations 7 and 9).

    The weight of instance h is the softmax over its set of w·(tanh(V h) ⊙ sigmoid(U h)). V and U have a bias, as the
    authors' code has and the equation has not.
    """

    def __init__(self, width: int, hidden: int = 64) -> None:
        super().__init__()
        self.content = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def weights(self, local: Tensor, mask: Tensor) -> Tensor:
        """(B, N) shares of each instance (B, N, D) in its set, 0 where ``mask`` (B, N) is False."""
        scores: Tensor = self.score(torch.tanh(self.content(local)) * torch.sigmoid(self.gate(local))).squeeze(-1)
        # in float32, where half precision would round a small share away
        return scores.float().masked_fill(~mask, -torch.inf).softmax(dim=1)

    def forward(self, local: Tensor, mask: Tensor) -> Tensor:
        """(B, N, D) to (B, D)."""
        return (self.weights(local, mask).to(local.dtype).unsqueeze(1) @ local).squeeze(1)


class Mean(nn.Module):
    """The mean of the instances."""

    def forward(self, local: Tensor, mask: Tensor) -> Tensor:
        """(B, N, D) to (B, D); ``mask``: (B, N), True is present."""
        return masked_mean(local, mask)


class Max(nn.Module):
    """The largest value of each feature over the instances."""

    def forward(self, local: Tensor, mask: Tensor) -> Tensor:
        """(B, N, D) to (B, D); ``mask``: (B, N), True is present."""
        return local.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)


class SetEncoder(nn.Module):
    """A residual MLP on each instance and a pooling: "attention", "mean" or "max".

    Reads ``instances`` (B, N, D) and ``present`` (B, N), at least one in every row. ``local`` (B, N, width) are the
    instances' features, zero where there is none; padding costs no pass through the MLP.
    """

    def __init__(self, entered: int, pooling: str, *, width: int = 128, depth: int = 2, dropout: float = 0.1) -> None:
        """``entered``: D, the numbers of an instance."""
        super().__init__()
        self.width = width
        self.body = ResidualMLP(entered, width, depth, dropout)
        self.pool = GatedAttention(width) if pooling == "attention" else {"mean": Mean, "max": Max}[pooling]()

    def forward(self, batch: Batch) -> Features:
        present = batch["present"]
        encoded = cast(Tensor, self.body(batch["instances"][present]))
        local = encoded.new_zeros((*present.shape, self.width))
        local[present] = encoded
        positions = torch.arange(present.shape[1], device=present.device).expand_as(present)
        return Features(cast(Tensor, self.pool(local, present)), local, positions, present)
