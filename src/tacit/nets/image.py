"""The default image encoder: a small residual network that a CPU trains in seconds.

It works on a map of at most 16 x 16 after its stem, where a training step of some hundred images costs tens of
milliseconds on two cores. Everything is channels last in memory, which takes 15 to 40 % off a step on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tacit.data.batch import Batch, Features

SMALL = "small"
_LARGEST = 64
_WIDTHS = (16, 32, 64)


def grid_positions(height: int, width: int, device: torch.device) -> Tensor:
    """Centres (height * width, 2) of a grid's cells as (x, y) from -1 to 1, row by row."""
    x = (torch.arange(width, device=device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=device) * 2 + 1) / height - 1
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).reshape(-1, 2)


class Block(nn.Module):
    """Pre-activation residual block of two 3 x 3 convolutions (He et al., 2016, arXiv:1603.05027)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        same = before == after and stride == 1
        self.short = None if same else nn.Conv2d(before, after, 1, stride, bias=False)
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) to (B, after, H / stride, W / stride)."""
        inner: Tensor = self.act(self.norm1(x))
        short = x if self.short is None else self.short(inner)
        inner = self.conv2(self.act(self.norm2(self.conv1(inner))))
        return inner + short


class SmallEncoder(nn.Module):
    """Stem, one residual block per width, global mean. Larger images than 64 pixels are resized to 64.

    The stem's stride is 1 up to 16 pixels, 2 up to 32, 4 up to 64.
    """

    def __init__(self, channels: int, size: tuple[int, int], widths: tuple[int, ...] = _WIDTHS) -> None:
        super().__init__()
        side = max(size)
        self.stride = 1 if side <= 16 else 2 if side <= 32 else 4
        self.scale = min(1.0, _LARGEST / side)
        self.stem = nn.Conv2d(channels, widths[0], self.stride + 2, self.stride, 1, bias=False)
        before = (widths[0], *widths[:-1])
        self.blocks = nn.Sequential(
            *(Block(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(zip(before, widths, strict=True)))
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.act = nn.LeakyReLU(0.1, inplace=True)
        self.width = widths[-1]
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Batch) -> Features:
        """Standardised pixels (B, C, H, W) to pooled (B, D), local (B, N, D) and the cells' positions."""
        x = batch["pixels"]
        if self.scale < 1:
            x = interpolate(x, scale_factor=self.scale, mode="bilinear", antialias=True)
        x = self.act(self.norm(self.blocks(self.stem(x.contiguous(memory_format=torch.channels_last)))))
        positions = grid_positions(x.shape[2], x.shape[3], x.device)
        local = x.flatten(2).transpose(1, 2)
        return Features(local.mean(1), local, positions.expand(len(x), -1, -1))
