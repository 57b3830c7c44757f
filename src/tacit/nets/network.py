"""An encoder with a head on its pooled features, and the projector of contrastive methods."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from tacit.data.batch import Batch, Features


class Network(nn.Module):
    """``Batch`` to (B, outputs): an encoder and a linear head on its pooled features."""

    def __init__(self, encoder: nn.Module, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(cast(int, encoder.width), outputs)
        nn.init.zeros_(self.head.bias)

    def features(self, batch: Batch) -> Features:
        """What the head sees, and the local features beside it."""
        return cast(Features, self.encoder(batch))

    def forward(self, batch: Batch) -> Tensor:
        return cast(Tensor, self.head(self.features(batch).pooled))


class Projector(nn.Module):
    """The multi-layer projection head of SimCLRv2 (Chen et al. 2020, section 2), without a last bias.

    ``layers`` hidden layers of ``width``; ``upto(x, k)`` stops after k of them, where fine-tuning starts.
    """

    def __init__(self, width: int, out: int, layers: int = 2) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU())
            for _ in range(layers - 1)
        )
        self.last = nn.Linear(width, out, bias=False)

    def upto(self, x: Tensor, layers: int) -> Tensor:
        """(B, width) after the first ``layers`` hidden layers."""
        for layer in list(self.hidden)[:layers]:
            x = layer(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) to (B, out)."""
        return cast(Tensor, self.last(self.upto(x, len(self.hidden))))


class ProjectedEncoder(nn.Module):
    """An encoder followed by the first layers of its projector, so that fine-tuning starts inside the head."""

    def __init__(self, encoder: nn.Module, projector: Projector, layers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.layers = layers
        self.width = cast(int, encoder.width)

    def forward(self, batch: Batch) -> Features:
        features = cast(Features, self.encoder(batch))
        pooled = self.projector.upto(features.pooled, self.layers)
        return Features(pooled, features.local, features.positions, features.mask)


def concatenated(network: nn.Module, parts: list[Batch]) -> list[Tensor]:
    """One forward pass over several batches, so that they share batch statistics; outputs split again."""
    outputs = network(Batch.concatenate(padded(parts)))
    return list(torch.split(outputs, [len(p) for p in parts]))


def padded(parts: list[Batch]) -> list[Batch]:
    """Pad every tensor with zeros to the longest second dimension, where batches were trimmed differently."""
    width = {name: max(p[name].shape[1] for p in parts) for name, t in parts[0].tensors.items() if t.ndim > 1}
    return [p.replace(**{n: _padded(p[n], w) for n, w in width.items() if p[n].shape[1] < w}) for p in parts]


def _padded(tensor: Tensor, width: int) -> Tensor:
    """(B, N, ...) to (B, ``width``, ...)."""
    return nn.functional.pad(tensor, (0, 0) * (tensor.ndim - 2) + (0, width - tensor.shape[1]))
