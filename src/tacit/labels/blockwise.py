"""Units of several sizes as padded arrays, and values that are computed in blocks and keep only their gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Kernel = Callable[[Tensor, slice], Tensor]
"""(B, L, C) log-weights of the units in a slice to their values (B,); differentiable."""


def padded(weights: Tensor, offsets: Tensor, units: Tensor, width: int, padding: Tensor) -> Tensor:
    """(U, width, C) log-weights of the members of each of these units; ``padding`` (C,) stands where none is."""
    start, size = offsets[units], offsets[units + 1] - offsets[units]
    place = torch.arange(width, device=weights.device)
    index = torch.where(place < size[:, None], start[:, None] + place, len(weights))
    return torch.cat([weights, padding.to(weights)[None]])[index]


def blockwise(kernel: Kernel, weights: Tensor, block: int) -> Tensor:
    """(U,) ``kernel`` of the log-weights (U, L, C), ``block`` units at a time.

    What a block needed on the way to its gradient is freed before the next one, so memory does not grow with the
    number of units by more than their weights. Differentiable once.
    """
    value: Tensor = _Blockwise.apply(weights, kernel, max(block, 1))
    return value


class _Blockwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, kernel: Kernel, block: int) -> Tensor:
        needed = ctx.needs_input_grad[0]
        values: list[Tensor] = []
        gradients: list[Tensor] = []
        for start in range(0, len(weights), block):
            part = slice(start, start + block)
            leaf = weights[part].detach().requires_grad_(needed)
            with torch.set_grad_enabled(needed):
                value = kernel(leaf, part)
                if needed:
                    gradients += torch.autograd.grad(value.sum(), leaf)
            values.append(value.detach())
        ctx.save_for_backward(*([torch.cat(gradients)] if gradients else []))
        return torch.cat(values) if values else weights.new_zeros(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None]:
        if not ctx.saved_tensors:
            return None, None, None
        return gradient[:, None, None] * ctx.saved_tensors[0], None, None
