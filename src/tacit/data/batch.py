"""Tensors on their way through a network: batches, views with their maps, tokens and features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Named tensors that share their first dimension; ragged samples are padded, the modality knows how."""

    tensors: Mapping[str, Tensor]

    def __len__(self) -> int:
        return int(next(iter(self.tensors.values())).shape[0])

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def take(self, index: Any) -> Batch:
        return Batch({name: tensor[index] for name, tensor in self.tensors.items()})

    def to(self, device: torch.device) -> Batch:
        return Batch({k: t.to(device, non_blocking=True) for k, t in self.tensors.items()})

    def replace(self, **tensors: Tensor) -> Batch:
        return Batch({**self.tensors, **tensors})

    @staticmethod
    def concatenate(parts: list[Batch]) -> Batch:
        """Stack batches along the first dimension; their trailing shapes must agree."""
        return Batch({name: torch.cat([p[name] for p in parts]) for name in parts[0].tensors})


@dataclass(frozen=True)
class Affine:
    """Output pixel to input pixel, in coordinates from -1 to 1. ``matrix``: (B, d, d + 1)."""

    matrix: Tensor


@dataclass(frozen=True)
class Columns:
    """Which cells of a table view were replaced. ``changed``: (B, columns) bool."""

    changed: Tensor


@dataclass(frozen=True)
class Positions:
    """Where each position of a sequence view came from. ``source``: (B, N) int64, -1 for none."""

    source: Tensor


@dataclass(frozen=True)
class View:
    """A changed batch and the map that says where everything went."""

    batch: Batch
    map: Affine | Columns | Positions


@dataclass(frozen=True)
class Tokens:
    """What masked engines see. ``values``: (B, N, D) targets or (B, N) ids; ``padding``: (B, N), True is absent."""

    values: Tensor
    positions: Tensor
    padding: Tensor


@dataclass(frozen=True)
class Features:
    """What an encoder returns: ``pooled`` (B, D), ``local`` (B, N, D), ``positions``, ``mask`` (B, N), True present."""

    pooled: Tensor
    local: Tensor | None = None
    positions: Tensor | None = None
    mask: Tensor | None = None


class Encoder(Protocol):
    """A network from a `Batch` to `Features`; ``width`` is D. Implementations are ``nn.Module`` s."""

    width: int

    def __call__(self, batch: Batch) -> Features: ...
