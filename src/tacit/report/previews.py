"""What a record looks like, small enough to stand on the page: a thumbnail, a snippet, a few cells."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tacit.errors import TacitError
from tacit.figures import MINUS, significant
from tacit.report.text import snippet, visible

Samples = Callable[[Sequence[str]], list[Any]]

_BLOCK = 64
_CELLS = 6
_LOSSLESS = 1500
"""Bytes up to which a thumbnail stays PNG; photographs beyond it become JPEG at a quarter of the size."""


@dataclass(frozen=True)
class Preview:
    """One of: ``image`` (a data URI; ``crisp`` where pixels are shown as they are), ``text``, ``cells``."""

    image: str = ""
    crisp: bool = False
    text: str = ""
    cells: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value}

    @property
    def size(self) -> int:
        return len(self.image) + len(self.text) + sum(len(k) + len(v) for k, v in self.cells)


@dataclass
class Album:
    """Previews of records, by id, until ``room`` characters are spent; ``trouble`` says what went wrong."""

    samples: Samples | None
    room: int = 3_500_000
    trouble: str = ""
    _seen: dict[tuple[str, int], Preview] = field(default_factory=dict)

    def show(self, ids: Sequence[str], side: int = 48) -> list[Preview | None]:
        """A preview per id, None where there is none; images at most ``side`` pixels wide and high.

        Records that cannot be read any more (a photo was moved) cost their preview, not the page.
        """
        missing = [i for i in dict.fromkeys(ids) if (i, side) not in self._seen]
        for start in range(0, len(missing), _BLOCK):
            if self.samples is None or self.trouble or self.room <= 0:
                break
            block = missing[start : start + _BLOCK]
            try:
                found = self.samples(block)
            except (TacitError, OSError) as error:
                self.trouble = visible(error, 300)
                break
            for one, sample in zip(block, found, strict=True):
                if sample is not None:
                    preview = preview_of(sample, side)
                    self._seen[one, side] = preview
                    self.room -= preview.size
        return [self._seen.get((i, side)) for i in ids]


def preview_of(sample: Any, side: int = 48) -> Preview:
    """A decoded sample as a preview: an image (H, W, C) or (H, W), a string, a table row, or a bag.

    Of a bag, (instances, columns) float64, how many instances it has and the means of its first columns.
    """
    if isinstance(sample, Mapping):
        cells = [(visible(k, 40), _cell(v)) for k, v in list(sample.items())[:_CELLS]]
        return Preview(cells=tuple(cells))
    if isinstance(sample, str):
        return Preview(text=snippet(sample))
    array = np.asarray(sample)
    if array.ndim == 2 and array.dtype == np.float64:
        return Preview(cells=(("instances", _cell(len(array))), *_means(array[:, : _CELLS - 1])))
    pixels = to_pixels(array)
    return Preview(image=thumbnail(pixels, side), crisp=max(pixels.shape[:2]) <= 48)


def _means(bag: NDArray[np.float64]) -> list[tuple[str, str]]:
    """The mean of each column over the instances that say it."""
    known = [column[~np.isnan(column)] for column in bag.T]
    return [(f"mean of column {i}", _cell(float(c.mean()) if len(c) else None)) for i, c in enumerate(known)]


def to_pixels(image: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, C) of any numeric type to (H, W) or (H, W, 3 or 4) bytes.

    Two channels show the first, more than four the first three. What is not uint8 is stretched from
    its own smallest to its own largest finite value over the channels shown.
    """
    if image.ndim == 3 and image.shape[2] not in (3, 4):
        image = image[:, :, :3] if image.shape[2] > 4 else image[:, :, 0]
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    values = image.astype(np.float64)
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    span = (high - low) or 1.0
    scaled = np.nan_to_num((values - low) / span, nan=0.0, posinf=1.0, neginf=0.0)
    return np.ascontiguousarray((255 * scaled).round().astype(np.uint8))


def thumbnail(pixels: NDArray[np.uint8], side: int) -> str:
    """A data URI of the image, shrunk to at most ``side`` pixels: PNG, or JPEG where PNG is large."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    data, kind = _encode(image, "PNG", optimize=True), "png"
    if len(data) > _LOSSLESS and image.mode != "RGBA":
        data, kind = _encode(image, "JPEG", quality=82, optimize=True), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if not isinstance(value, float):
        return snippet(value, 60)
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}".replace("-", MINUS)
    text = significant(value, 4)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
