"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class EMA(nn.Module):
    """A slow copy of a network. The decay warms up as min(decay, (1 + t) / (10 + t)), so that short runs count.

    A ``decay`` given to `update` is taken as it is: methods whose targets must not follow quickly have a schedule.
    Batch statistics are copied, not averaged: they belong to the activations of now.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, network: nn.Module, decay: float | None = None) -> None:
        """Move the copy a step towards ``network``."""
        self.updates += 1
        count = int(self.updates)
        decay = min(self.decay, (1 + count) / (10 + count)) if decay is None else decay
        mine: list[Tensor] = list(self.network.parameters())
        theirs = [p.detach() for p in network.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for mine_b, theirs_b in zip(self.network.buffers(), network.buffers(), strict=True):
            mine_b.copy_(theirs_b)

    def train(self, mode: bool = True) -> EMA:
        """The copy is always in evaluation mode."""
        return super().train(False)

    def forward(self, *args: object) -> object:
        return self.network(*args)
