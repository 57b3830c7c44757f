"""Arrays as images, whatever they were read from: which axis holds channels, and which types are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Image
from tacit.errors import InputError

MOST_CHANNELS = 64
"""An axis longer than this is no channel axis."""


@dataclass(frozen=True)
class Form:
    """What one image decodes to."""

    height: int
    width: int
    channels: int
    dtype: str


def to_image(array: NDArray[Any], name: object) -> Image:
    """An array as one image: (H, W), (H, W, C) or (C, H, W); finite, and of one of the three types."""
    if channels_first(array.shape, name):
        array = np.moveaxis(array, 0, -1)
    return typed(array[..., None] if array.ndim == 2 else array, name)


def typed(array: NDArray[Any], name: object) -> Image:
    """(H, W, C) pixels of any numeric type as uint8, uint16 or float32; they must be finite."""
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} holds {array.dtype} and not pixels.")
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(array)
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds infinite or missing pixels. Fill them or leave the image out.")
    return np.ascontiguousarray(array, dtype=np.float32)


def channels_first(shape: tuple[int, ...], name: object) -> bool:
    """Whether the first axis holds the channels; an error where ``shape`` is no image's.

    It does where it is the shortest, and either 1, 3 or 4 long or the last axis is rather long for channels.
    """
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError(f"{name} has shape {shape}; an image is (height, width) or (height, width, channels).")
    if len(shape) == 2:
        return False
    shortest = shape[0] < min(shape[1:]) and shape[0] <= MOST_CHANNELS
    if shortest and (shape[0] in (1, 3, 4) or shape[2] > 16):
        return True
    if shape[2] > MOST_CHANNELS:
        raise InputError(f"{name} has shape {shape}: neither its first nor its last axis can be channels.")
    return False


def kept_dtype(dtype: np.dtype[Any]) -> str:
    """The type that `typed` gives to pixels of ``dtype``."""
    if dtype == np.bool_:
        return "uint8"
    return dtype.name if dtype.name in ("uint8", "uint16") else "float32"
