"""One image file: its shape from the header alone, and its pixels.

Pillow reads jpg, png, bmp, webp and ordinary tiff; tifffile reads what Pillow does not (more than four
channels, float, several pages, which become channels); npy holds (H, W), (H, W, C) or (C, H, W). Pillow reads
16-bit colour PNG with 8 bits per channel.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from tacit.data.records import Image
from tacit.data.sources.pixels import Form, channels_first, kept_dtype, to_image
from tacit.errors import InputError

_READ_AS = {
    "L": ("1", "L"),
    "RGB": ("P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"),
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
_BITS_PER_SAMPLE = 258


def probe(path: Path) -> Form:
    """The form of an image from its header; `InputError` names a file that is empty, broken or a bomb."""
    with _told(path):
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes). Remove it or fetch it again.")
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return _array_form(array.shape, array.dtype, path)
        if _is_scientific(path):
            from tacit.data.sources.tiffs import tiff_form

            return tiff_form(path)
        with Pillow.open(path) as image:
            return _pillow_form(image)


def decode(path: Path) -> Image:
    """(H, W, C) pixels, uint8, uint16 or float32, upright; `InputError` names a broken file."""
    with _told(path):
        if path.suffix.lower() == ".npy":
            return to_image(np.load(path, allow_pickle=False), path)
        if _is_scientific(path):
            from tacit.data.sources.tiffs import tiff_pixels

            return tiff_pixels(path)
        with Pillow.open(path) as image:
            return _pillow_pixels(image)


def _is_scientific(path: Path) -> bool:
    """Whether this is a tiff of which Pillow reads nothing, only the first page, or only 8 bits of 16."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return False
    try:
        with Pillow.open(path) as image:
            bits = image.tag_v2.get(_BITS_PER_SAMPLE, (8,)) if isinstance(image, TiffImageFile) else (8,)
            deep = len(bits) > 1 and max(bits) > 8
            return deep or getattr(image, "n_frames", 1) > 1 or image.mode not in _MODES
    except UnidentifiedImageError:
        return True


def _array_form(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> Form:
    if dtype.kind not in "buif":
        raise InputError(f"{path} holds {dtype} and not pixels.")
    if channels_first(shape, path):
        shape = (*shape[1:], shape[0])
    return Form(shape[0], shape[1], shape[2] if len(shape) == 3 else 1, kept_dtype(dtype))


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
