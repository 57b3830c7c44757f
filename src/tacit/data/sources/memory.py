"""Data in memory: arrays, data frames, and lists of strings, rows, paths or images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tacit.data.records import Source
from tacit.data.sources.arrays import from_array
from tacit.data.sources.ask import Ask
from tacit.data.sources.columns import RawTable
from tacit.data.sources.frames import from_frame, raw_table
from tacit.data.sources.images import ImageArrays
from tacit.data.sources.lists import path_list
from tacit.data.sources.looking import from_raw
from tacit.data.sources.pixels import to_image
from tacit.data.sources.sets import SetArrays
from tacit.data.sources.tabular import from_values
from tacit.data.sources.texts import TextList
from tacit.errors import InputError


def from_memory(source: Any, ask: Ask) -> Source:
    """Data that is no path: an array, a data frame, a list, or anything that says it is an array."""
    if hasattr(source, "toarray") and not isinstance(source, np.ndarray):
        raise InputError("sparse matrices are not read. Give a dense array: x.toarray().")
    if isinstance(source, np.ndarray):
        ask.without_columns("an array")
        return from_array(source, ask.modality)
    if isinstance(source, list | tuple):
        return _list(list(source), ask)
    frame = from_frame(source)
    if isinstance(frame, RawTable):
        return from_raw(frame, ask)
    if frame is not None:
        return _list(frame, ask)
    if hasattr(source, "__array__"):
        return from_array(np.asarray(source), ask.modality)
    raise InputError(
        f"cannot read a {type(source).__name__}. Give a path, an array, a data frame or a list of strings."
    )


def _list(items: list[Any], ask: Ask) -> Source:
    if not items:
        raise InputError("the list is empty: there are no records.")
    if ask.modality == "set" and not isinstance(items[0], dict):
        ask.without_columns("a list")
        return SetArrays(items)
    kinds = {type(item) for item in items}
    if all(issubclass(kind, dict) for kind in kinds):
        names = list(dict.fromkeys(str(name) for item in items for name in item))
        table = pa.table({name: from_values([item.get(name) for item in items]) for name in names})
        return from_raw(raw_table(table, "the list of rows"), ask)
    ask.without_columns("a list")
    if str in kinds and kinds <= {str, np.str_, type(None)}:
        if ask.modality not in (None, "text"):
            raise InputError(f"a list of strings is texts, not of modality {ask.modality!r}.")
        return TextList([text or "" for text in items])
    if all(issubclass(kind, os.PathLike) for kind in kinds):
        return path_list([Path(item) for item in items])
    return _numbers(items, ask)


def _numbers(items: list[Any], ask: Ask) -> Source:
    """A list of arrays (images, of any sizes) or of rows of numbers."""

    if isinstance(items[0], np.ndarray) and items[0].ndim >= 2:
        images = [to_image(np.asarray(item), f"image {i}") for i, item in enumerate(items)]
        return ImageArrays(images, description=f"{len(images):,} images in memory")
    try:
        return from_array(np.asarray(items), ask.modality, name="the list")
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "the list mixes kinds or lengths. Give a list of strings, of rows of equal length, or of images."
        ) from error
