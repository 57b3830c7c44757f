"""Images from files, decoded when asked for, and images held in memory."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Image, Samples
from tacit.data.sources.alike import check_convertible, common, convert, seen
from tacit.data.sources.decode import decode, probe, quiet
from tacit.data.sources.files import listed, manifest
from tacit.data.sources.pixels import Form, kept_dtype, typed
from tacit.errors import InputError

CACHE_BYTES = 512 * 2**20
"""Decoded pixels kept per source; what is beyond is decoded again whenever it is asked for."""

THREADED_PIXELS = 2**16
"""Images larger than this on average are decoded in threads; on smaller ones handing over costs more."""


class ImageFiles:
    """Images below ``root``; an id is the relative posix path unless ``ids`` are given.

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
        self.schema, mixed = common(forms, self.paths)
        self.description = f"{description} ({_suffixes(paths)}; {seen(self.schema)}{mixed}{note})"
        self._large = sum(form.height * form.width for form in forms) > THREADED_PIXELS * len(forms)
        self._channels = {form.channels for form in forms}
        self._cache: dict[int, Image] = {}
        self._cached = 0

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """Images at ``index``, (H, W, C) each, read-only; a broken file is an `InputError` that names it."""
        wanted = index.tolist()
        missing = [i for i in dict.fromkeys(wanted) if i not in self._cache]
        fresh = dict(zip(missing, _map(self._decode, missing, threads=self._large), strict=True))
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
            schema, note = common(forms, [f"image {i}" for i in range(len(forms))])
            description = f"{description} ({seen(schema)}{note})"
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


def _probe_all(paths: Sequence[Path]) -> list[Form]:
    """All forms; every broken file is found before the error, which says what ails the first and names the rest."""

    def attempt(i: int) -> Form | InputError:
        try:
            return probe(paths[i])
        except InputError as error:
            return error

    with quiet():
        results = [attempt(i) for i in range(len(paths))]
    broken = [i for i, r in enumerate(results) if isinstance(r, InputError)]
    if broken:
        others = listed([str(paths[i]) for i in broken[1:]], 8)
        raise InputError(f"{results[broken[0]]}{f' Nor can these be read: {others}.' if others else ''}")
    return [r for r in results if isinstance(r, Form)]


def _map(function: Callable[[int], Image], items: Sequence[int], *, threads: bool) -> list[Image]:
    with quiet():
        if not threads or len(items) == 1:
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
