"""What images of one pool have in common: size, channels, value range and statistics; how others are fitted to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from tacit.data.records import Records

_LARGEST = 64
_COUNTED = 4096
FULL = {"uint8": 255.0, "uint16": 65535.0}
"""The largest value of each integer type, which becomes 1; floats are scaled by what the records hold."""


@dataclass(frozen=True)
class Geometry:
    """What every image of these records looks like once collated, and how it may be changed.

    ``fixed`` says that all records had this size from the start: others are then refused. ``low`` and ``high``
    are the values that become 0 and 1; ``mean`` and ``std`` belong to that scale, one of each per channel.
    """

    channels: int
    dtype: str
    size: tuple[int, int]
    fixed: bool
    low: float
    high: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool = False
    padding: str = "border"


def fixed_size(schema: dict[str, Any]) -> tuple[int, int] | None:
    """(H, W) where all images have one size."""
    return None if schema.get("size") is None else (int(schema["size"][0]), int(schema["size"][1]))


def own_size(records: Records, original: tuple[int, int] | None, most: int = _LARGEST) -> tuple[int, int]:
    """The images' own size up to ``most`` pixels; a square of the shorter side (its median over some) or that else."""
    if original is not None and max(original) <= most:
        return original
    if original is not None:
        return (min(most, *original),) * 2
    some = np.linspace(0, len(records) - 1, min(len(records), 64)).astype(np.int64)
    sides = [min(image.shape[:2]) for image in cast("list[NDArray[Any]]", records.gather(some))]
    side = int(min(most, max(8.0, float(np.median(sides)))))
    return (side, side)


def with_statistics(shape: Geometry, records: Records) -> Geometry:
    """Value range (of floats) and each channel's mean and deviation, from at most 4,096 evenly spaced records."""
    some = np.linspace(0, len(records) - 1, min(len(records), _COUNTED)).astype(np.int64)
    low, high = (shape.low, shape.high) if shape.dtype in FULL else (np.inf, -np.inf)
    count, total, squares = 0, np.zeros(shape.channels), np.zeros(shape.channels)
    for start in range(0, len(some), 256):
        for image in cast("list[NDArray[Any]]", records.gather(some[start : start + 256])):
            flat = image.reshape(-1, shape.channels).astype(np.float64)
            if shape.dtype not in FULL:
                low, high = min(low, float(flat.min())), max(high, float(flat.max()))
            count += len(flat)
            total += flat.sum(0)
            squares += (flat**2).sum(0)
    span = high - low if high > low else 1.0
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    std = np.where(deviation < 1e-6 * span, span, deviation)
    return replace(
        shape,
        low=float(low),
        high=float(low + span),
        mean=tuple(float(v) for v in (mean - low) / span),
        std=tuple(float(v) for v in std / span),
    )


def to_tensor(array: NDArray[Any]) -> Tensor:
    """A copy, as decoded arrays may be read-only; float32 but for uint8, as torch can do little with uint16."""
    return torch.from_numpy(np.array(array, dtype=np.uint8 if array.dtype == np.uint8 else np.float32))


def fit_size(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(H, W, C) to (C, *size): scaled so that it just covers ``size``, then cropped at the centre."""
    planes = image.permute(2, 0, 1)[None].float()
    height, width = planes.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    inner = (max(size[0], round(height * scale)), max(size[1], round(width * scale)))
    planes = interpolate(planes, inner, mode="bilinear", antialias=True, align_corners=False)
    top, left = (inner[0] - size[0]) // 2, (inner[1] - size[1]) // 2
    planes = planes[0, :, top : top + size[0], left : left + size[1]]
    return planes.round().clamp(0, 255).to(torch.uint8) if image.dtype == torch.uint8 else planes
