"""One image file: its shape from the header alone, and its pixels.

Pillow reads jpg, png, bmp, webp and ordinary tiff; tifffile reads what Pillow does not (more than four
channels, float, several pages, which become channels); npy holds (H, W), (H, W, C) or (C, H, W). Pillow reads
16-bit colour PNG with 8 bits per channel.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from tacit.data.records import Image
from tacit.errors import InputError

MOST_CHANNELS = 64
"""An axis longer than this is no channel axis."""

_READ_AS = {
    "L": ("1", "L"),
    "RGB": ("P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"),
    "RGBA": ("RGBA", "RGBa", "LA", "La", "PA"),
    "I;16": ("I;16", "I;16B", "I;16L"),
    "I": ("I",),
    "F": ("F",),
}
_MODES = {mode: target for target, modes in _READ_AS.items() for mode in modes}
_FORMS = {
    "L": (1, "uint8"),
    "RGB": (3, "uint8"),
    "RGBA": (4, "uint8"),
    "I;16": (1, "uint16"),
    "I": (1, "float32"),
    "F": (1, "float32"),
}
_ROTATED = (5, 6, 7, 8)
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Form:
    """What an image file decodes to."""

    height: int
    width: int
    channels: int
    dtype: str


def probe(path: Path) -> Form:
    """The form of an image from its header; `InputError` names a file that is empty, broken or a bomb."""
    with _told(path):
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes). Remove it or fetch it again.")
        match path.suffix.lower():
            case ".npy":
                array = np.load(path, mmap_mode="r", allow_pickle=False)
                return _array_form(array.shape, array.dtype, path)
            case ".tif" | ".tiff":
                return _probe_tiff(path)
            case _:
                with Pillow.open(path) as image:
                    return _pillow_form(image)


def decode(path: Path) -> Image:
    """(H, W, C) pixels, uint8, uint16 or float32, upright; `InputError` names a broken file."""
    with _told(path):
        match path.suffix.lower():
            case ".npy":
                return to_image(np.load(path, allow_pickle=False), path)
            case ".tif" | ".tiff":
                return _decode_tiff(path)
            case _:
                with Pillow.open(path) as image:
                    return _pillow_pixels(image)


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
    """Whether the first axis holds the channels; an error where ``shape`` is no image's."""
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError(
            f"{name} has shape {shape}; an image is (height, width) or (height, width, channels)."
        )
    if len(shape) == 2 or shape[2] <= min(MOST_CHANNELS, max(shape[0], 4)):
        return False
    if shape[0] <= MOST_CHANNELS:
        return True
    raise InputError(f"{name} has shape {shape}: neither its first nor its last axis can be channels.")


def _array_form(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> Form:
    if dtype.kind not in "buif":
        raise InputError(f"{path} holds {dtype} and not pixels.")
    if channels_first(shape, path):
        shape = (*shape[1:], shape[0])
    return Form(shape[0], shape[1], shape[2] if len(shape) == 3 else 1, kept_dtype(dtype))


def kept_dtype(dtype: np.dtype[Any]) -> str:
    """The type that `typed` gives to pixels of ``dtype``."""
    if dtype == np.bool_:
        return "uint8"
    return dtype.name if dtype.name in ("uint8", "uint16") else "float32"


def _target(image: Pillow.Image) -> str:
    """The Pillow mode that an image is converted to."""
    if image.mode == "P" and "transparency" in image.info:
        return "RGBA"
    if image.mode not in _MODES:
        raise InputError(f"pixels of kind {image.mode!r} are not known")
    return _MODES[image.mode]


def _pillow_form(image: Pillow.Image) -> Form:
    channels, dtype = _FORMS[_target(image)]
    width, height = image.size
    # Asking a PNG for EXIF that its header lacks would decode all of it.
    known = image.format != "PNG" or "exif" in image.info
    if known and image.getexif().get(_ORIENTATION) in _ROTATED:
        width, height = height, width
    return Form(height, width, channels, dtype)


def _pillow_pixels(image: Pillow.Image) -> Image:
    target = _target(image)
    image.load()
    if image.getexif().get(_ORIENTATION, 1) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode != target and target != "I;16":
        image = image.convert(target)
    pixels = np.asarray(image)
    return np.array(pixels[..., None] if pixels.ndim == 2 else pixels, dtype=_FORMS[target][1], order="C")


def _pillow_reads(path: Path) -> Pillow.Image | None:
    """The opened tiff if Pillow reads all of it: one page, a mode it knows."""
    try:
        image = Pillow.open(path)
    except UnidentifiedImageError:
        return None
    if getattr(image, "n_frames", 1) == 1 and image.mode in _MODES:
        return image
    image.close()
    return None


def _probe_tiff(path: Path) -> Form:
    if (image := _pillow_reads(path)) is not None:
        with image:
            return _pillow_form(image)
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        order = _tiff_order(series.axes, path)
        height, width = series.shape[order[0]], series.shape[order[1]]
        if height * width > 2 * (Pillow.MAX_IMAGE_PIXELS or 1 << 62):
            raise Pillow.DecompressionBombError(f"{height} x {width} pixels")
        channels = int(np.prod([series.shape[axis] for axis in order[2:]]))
        return Form(height, width, channels, kept_dtype(series.dtype))


def _decode_tiff(path: Path) -> Image:
    if (image := _pillow_reads(path)) is not None:
        with image:
            return _pillow_pixels(image)
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        order = _tiff_order(series.axes, path)
        pixels = series.asarray().transpose(order)
    return typed(pixels.reshape(*pixels.shape[:2], -1), path)


def _tiff_order(axes: str, path: Path) -> list[int]:
    """Height, width, then every other axis, which together are the channels."""
    if "Y" not in axes or "X" not in axes:
        raise InputError(f"{path} has axes {axes!r}; expected a picture with height and width.")
    front = [axes.index("Y"), axes.index("X")]
    return front + [i for i in range(len(axes)) if i not in front]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what decoders say about odd metadata and large pictures; enter it outside of worker threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what decoders raise into one sentence that names the file."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {error}") from error
    except Pillow.DecompressionBombError as error:
        raise InputError(
            f"{path} claims more pixels than are safe to decode ({error}). Scale it down first."
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no image, or corrupt. Remove it or fetch it again.") from error
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise InputError(
            f"{path} cannot be decoded: {reason}. It may be corrupt or truncated: remove it or fetch it."
        ) from error
