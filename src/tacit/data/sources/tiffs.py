"""Scientific tiff files, which Pillow does not read: any number of channels or pages, any numeric type."""

from __future__ import annotations

import math
from pathlib import Path

import tifffile
from PIL import Image as Pillow

from tacit.data.records import Image
from tacit.data.sources.pixels import Form, kept_dtype, typed
from tacit.errors import InputError


def tiff_form(path: Path) -> Form:
    """The form of the first series from its header; every axis but height and width counts as channels."""
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        order = _order(series.axes, path)
        height, width = series.shape[order[0]], series.shape[order[1]]
        if height * width > 2 * (Pillow.MAX_IMAGE_PIXELS or 1 << 62):
            raise Pillow.DecompressionBombError(f"{height} x {width} pixels")
        channels = math.prod(series.shape[axis] for axis in order[2:])
        return Form(height, width, channels, kept_dtype(series.dtype))


def tiff_pixels(path: Path) -> Image:
    """(H, W, C) pixels of the first series."""
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        pixels = series.asarray().transpose(_order(series.axes, path))
    return typed(pixels.reshape(*pixels.shape[:2], -1), path)


def _order(axes: str, path: Path) -> list[int]:
    """Height, width, then every other axis, which together are the channels."""
    if "Y" not in axes or "X" not in axes:
        raise InputError(f"{path} has axes {axes!r}; expected a picture with height and width.")
    front = [axes.index("Y"), axes.index("X")]
    return front + [i for i in range(len(axes)) if i not in front]
