"""The default image encoder: a small residual network that a CPU trains in seconds."""

from __future__ import annotations

from torch import Tensor, nn

_LARGEST = 64


class Block(nn.Module):
    """Pre-activation residual block of two 3 x 3 convolutions (He et al., 2016, arXiv:1603.05027)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.short = nn.Conv2d(before, after, 1, stride, bias=False) if before != after or stride > 1 else None
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm1(x))
        short = x if self.short is None else self.short(y)
        y = self.conv2(self.act(self.norm2(self.conv1(y))))
        return y + short


class SmallCNN(nn.Module):
    def __init__(self, channels: int, size: tuple[int, int], widths=(32, 64, 128), blocks=1) -> None:
        super().__init__()
        side = min(max(size), _LARGEST)
        self.stride = 1 if side <= 16 else 2 if side <= 32 else 4
        self.resize = max(size) > _LARGEST
        k = {1: 3, 2: 4, 4: 6}[self.stride]
        self.stem = nn.Conv2d(channels, widths[0], k, self.stride, 1, bias=False)
        parts = []
        before = widths[0]
        for i, w in enumerate(widths):
            for j in range(blocks):
                parts.append(Block(before, w, 2 if (j == 0 and i > 0) else 1))
                before = w
        self.blocks = nn.Sequential(*parts)
        self.norm = nn.BatchNorm2d(before)
        self.act = nn.LeakyReLU(0.1, inplace=True)
        self.width = before

    def forward(self, x):
        x = self.act(self.norm(self.blocks(self.stem(x))))
        return x.mean((2, 3))
