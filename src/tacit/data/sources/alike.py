"""Images of several kinds made alike (grey, RGB and RGBA; 8 and 16 bits), and what they are in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tacit.data.records import Image
from tacit.data.sources.files import listed
from tacit.data.sources.pixels import Form
from tacit.errors import InputError

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's conversion to grey
_CONVERTIBLE = frozenset({1, 3, 4})


def convert(image: Image, channels: int, dtype: str, name: object) -> Image:
    """Between grey, RGB and RGBA, and between 8 and 16 bits; anything else is an `InputError`."""
    if image.shape[2] != channels:
        if not {image.shape[2], channels} <= _CONVERTIBLE:
            raise InputError(f"{name} has {image.shape[2]} channels where {channels} are expected.")
        image = _recolour(image, channels)
    if image.dtype == dtype:
        return image
    if dtype == "uint16" and image.dtype == np.uint8:
        return image.astype(np.uint16) * np.uint16(257)
    if dtype == "uint8" and image.dtype == np.uint16:
        return (image // 257).astype(np.uint8)
    raise InputError(f"{name} holds {image.dtype} pixels where {dtype} is expected.")


def check_convertible(own: dict[str, Any], channels: set[int], wanted: dict[str, Any], description: str) -> None:
    """An `InputError` unless `convert` leads from what was found to the ``wanted`` schema."""
    if "channels" not in wanted:
        raise InputError(f"{description} cannot be read in the form {wanted}: that is no image's.")
    if channels != {wanted["channels"]} and not {*channels, wanted["channels"]} <= _CONVERTIBLE:
        raise InputError(
            f"{description} has {listed([str(c) for c in sorted(channels)])} channels; "
            f"{wanted['channels']} are expected."
        )
    if own["dtype"] != wanted["dtype"] and not {own["dtype"], wanted["dtype"]} <= {"uint8", "uint16"}:
        raise InputError(f"{description} holds {own['dtype']} pixels; {wanted['dtype']} is expected.")


def _recolour(image: Image, channels: int) -> Image:
    top = 1.0 if image.dtype == np.float32 else np.iinfo(image.dtype).max
    colour = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[..., :3]
    if channels == 3:
        return np.ascontiguousarray(colour)
    if channels == 4:
        return np.concatenate([colour, np.full_like(colour[..., :1], top)], axis=2)
    grey = colour @ _LUMA
    rounded: Image = (grey if image.dtype == np.float32 else np.rint(grey)).astype(image.dtype)[..., None]
    return rounded


def common(forms: Sequence[Form], names: Sequence[str]) -> tuple[dict[str, Any], str]:
    """One schema for all, and what was made alike; an `InputError` names two images that cannot be."""
    channels = {form.channels for form in forms}
    dtypes = {form.dtype for form in forms}
    if len(channels) > 1 and not channels <= _CONVERTIBLE:
        raise InputError(_clash([f.channels for f in forms], names, "channels"))
    if len(dtypes) > 1 and not dtypes <= {"uint8", "uint16"}:
        raise InputError(_clash([f.dtype for f in forms], names, "pixels"))
    sizes = sorted({(form.height, form.width) for form in forms})
    schema = {
        "channels": next(iter(channels)) if len(channels) == 1 else 3,
        "dtype": next(iter(dtypes)) if len(dtypes) == 1 else "uint16",
        "size": list(sizes[0]) if len(sizes) == 1 else None,
    }
    note = ", grey and colour mixed: all read as RGB" if len(channels) > 1 else ""
    return schema, note + (", 8 and 16 bits mixed: all read as 16" if len(dtypes) > 1 else "")


def _clash(values: Sequence[object], names: Sequence[str], what: str) -> str:
    other = next(i for i, value in enumerate(values) if value != values[0])
    return (
        f"images differ in kind: {names[0]} has {values[0]} {what}, {names[other]} {values[other]} {what}. "
        "Convert them to one kind, or leave some out."
    )


def seen(schema: dict[str, Any]) -> str:
    """The schema in words: ``32x32 RGB``."""
    size = schema["size"]
    shape = f"{size[0]}x{size[1]}" if size else "different sizes"
    colour = {1: "grey", 3: "RGB", 4: "RGBA"}.get(schema["channels"], f"{schema['channels']} channels")
    return f"{shape} {colour}" + {"uint8": "", "uint16": ", 16 bits", "float32": ", float"}[schema["dtype"]]
