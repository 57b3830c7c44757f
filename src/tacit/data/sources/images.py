"""Images from files, decoded when asked for, and images held in memory."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Image, Samples
from tacit.data.sources.decode import Form, decode, kept_dtype, probe, quiet, typed
from tacit.data.sources.files import listed, manifest
from tacit.errors import InputError

CACHE_BYTES = 512 * 2**20
"""Decoded pixels kept per source; what is beyond is decoded again whenever it is asked for."""

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's conversion to grey
_CONVERTIBLE = frozenset({1, 3, 4})


class ImageFiles:
    """Images below ``root``; an id is the relative posix path unless ``paths`` maps ids to files.

    ``description`` is completed by what the headers say, which are all read at once: an empty or broken file
    is an `InputError` that names it, before anything else is done.
    """

    modality = "image"

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        *,
        description: str,
        note: str = "",
        ids: Sequence[str] | None = None,
        columns: Mapping[str, NDArray[np.object_]] | None = None,
    ) -> None:
        self.root = root
        self.paths = tuple(paths)
        self.ids = tuple(paths if ids is None else ids)
        self.columns: Mapping[str, NDArray[np.object_]] = columns or {}
        forms = _probe_all([root / path for path in paths])
        self.schema, mixed = _common(forms, self.paths)
        self.description = f"{description} ({_suffixes(paths)}; {_seen(self.schema)}{mixed}{note})"
        self._channels = {form.channels for form in forms}
        self._cache: dict[int, Image] = {}
        self._cached = 0

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """Images at ``index``, (H, W, C) each, read-only; a broken file is an `InputError` that names it."""
        wanted = index.tolist()
        missing = [i for i in dict.fromkeys(wanted) if i not in self._cache]
        fresh = dict(zip(missing, _each(self._decode, missing), strict=True))
        for i, image in fresh.items():
            if self._cached + image.nbytes <= CACHE_BYTES:
                self._cache[i] = image
                self._cached += image.nbytes
        return [fresh[i] if i in fresh else self._cache[i] for i in wanted]

    def _decode(self, i: int) -> Image:
        path = self.root / self.paths[i]
        image = convert(decode(path), self.schema["channels"], self.schema["dtype"], path)
        image.flags.writeable = False
        return image

    def fingerprint(self) -> str:
        return manifest(self.root, self.paths)

    def conform(self, schema: dict[str, Any]) -> ImageFiles:
        """The same images with the channels and type of ``schema``; sizes stay."""
        check_convertible(self.schema, self._channels, schema, self.description)
        new = object.__new__(ImageFiles)
        new.__dict__.update(self.__dict__)
        new.schema = {**self.schema, "channels": schema["channels"], "dtype": schema["dtype"]}
        new._cache, new._cached = {}, 0
        return new


class ImageArrays:
    """Images in memory: an array (N, H, W, C) or a list of (H, W, C) arrays of one type and channel count."""

    modality = "image"

    def __init__(
        self,
        images: NDArray[Any] | Sequence[Image],
        *,
        description: str,
        ids: Sequence[str] | None = None,
        columns: Mapping[str, NDArray[np.object_]] | None = None,
        schema: dict[str, Any] | None = None,
        root: Path | None = None,
        digest: str | None = None,
    ) -> None:
        self._images, self._digest = images, digest
        self.root = root
        self.ids = tuple(str(i) for i in range(len(images))) if ids is None else tuple(ids)
        self.columns: Mapping[str, NDArray[np.object_]] = columns or {}
        if schema is None:
            forms = [_array_form(image) for image in _first(images)]
            schema, note = _common(forms, [f"image {i}" for i in range(len(forms))])
            description = f"{description} ({_seen(schema)}{note})"
        self.schema = schema
        self.description = description

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """Images at ``index``, read-only; pixels that are not finite are an `InputError`."""
        return [self._one(i) for i in index.tolist()]

    def _one(self, i: int) -> Image:
        image = typed(self._images[i], f"image {i}")
        image = convert(image, self.schema["channels"], self.schema["dtype"], f"image {i}").view()
        image.flags.writeable = False
        return image

    def fingerprint(self) -> str:
        if self._digest is not None:
            return self._digest
        digest = hashlib.sha256()
        for image in [self._images] if isinstance(self._images, np.ndarray) else self._images:
            digest.update(f"{image.shape}{image.dtype.str}".encode())
            digest.update(np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def conform(self, schema: dict[str, Any]) -> ImageArrays:
        """The same images with the channels and type of ``schema``; sizes stay."""
        check_convertible(self.schema, {self.schema["channels"]}, schema, self.description)
        wanted = {**self.schema, "channels": schema["channels"], "dtype": schema["dtype"]}
        return ImageArrays(
            self._images,
            description=self.description,
            ids=self.ids,
            columns=self.columns,
            schema=wanted,
            root=self.root,
            digest=self._digest,
        )


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


def check_convertible(
    own: dict[str, Any], channels: set[int], wanted: dict[str, Any], description: str
) -> None:
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


def _common(forms: Sequence[Form], names: Sequence[str]) -> tuple[dict[str, Any], str]:
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


def _probe_all(paths: Sequence[Path]) -> list[Form]:
    """All forms; every broken file is found before the error, which names the first and counts the rest."""

    def attempt(i: int) -> Form | InputError:
        try:
            return probe(paths[i])
        except InputError as error:
            return error

    results = _each(attempt, range(len(paths)))
    errors = [r for r in results if isinstance(r, InputError)]
    if errors:
        rest = f" {len(errors) - 1} more images cannot be read either." if len(errors) > 1 else ""
        raise InputError(f"{errors[0]}{rest}")
    return [r for r in results if isinstance(r, Form)]


def _each(function: Any, items: Sequence[int]) -> list[Any]:
    """``function`` of every item, in threads where there are many: decoders release Python's lock."""
    with quiet():
        if len(items) < 32:
            return [function(i) for i in items]
        with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
            return list(pool.map(function, items))


def _first(images: NDArray[Any] | Sequence[Image]) -> Sequence[Image]:
    """The images whose forms may differ: of one array, the first speaks for all."""
    return [images[0]] if isinstance(images, np.ndarray) else images


def _array_form(image: Image) -> Form:
    height, width, channels = image.shape
    return Form(height, width, channels, kept_dtype(image.dtype))


def _suffixes(paths: Sequence[str]) -> str:
    counts = Counter(PurePosixPath(path).suffix.lower().removeprefix(".") for path in paths)
    return ", ".join(name for name, _ in counts.most_common())


def _seen(schema: dict[str, Any]) -> str:
    size = schema["size"]
    shape = f"{size[0]}x{size[1]}" if size else "different sizes"
    colour = {1: "grey", 3: "RGB", 4: "RGBA"}.get(schema["channels"], f"{schema['channels']} channels")
    return f"{shape} {colour}" + {"uint8": "", "uint16": ", 16 bits", "float32": ", float"}[schema["dtype"]]
