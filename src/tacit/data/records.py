"""Records: an ordered, immutable view of samples with stable string ids, whatever they were read from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from tacit.errors import InputError
from tacit.listing import nearest

Image: TypeAlias = NDArray[Any]
"""(height, width, channels) of uint8, uint16 or float32."""

Samples: TypeAlias = list[Image] | list[str] | pa.Table
"""Images: a list of `Image`; texts: a list of strings; bags: a list of (instances, columns) float64, NaN missing;
tables: a ``pyarrow.Table`` of feature columns, where numeric and date columns are float64, boolean ones bool,
categorical ones string, and missing is null."""

BLOCK = 256
"""Samples decoded at a time where the whole pool is walked through."""


class Source(Protocol):
    """What a reader returns: immutable, cheap to hold, decodes only what ``gather`` asks for."""

    @property
    def modality(self) -> str:
        """ "image", "set", "table" or "text"."""

    @property
    def ids(self) -> Sequence[str]:
        """Unique, the same whenever the same data is read."""

    @property
    def columns(self) -> Mapping[str, NDArray[np.object_]]:
        """Side columns by name (targets, class folder, groups); None is missing."""

    @property
    def description(self) -> str:
        """One line for people: what was found."""

    @property
    def schema(self) -> dict[str, Any]:
        """What samples look like, as JSON; a model is only asked to predict samples of its own schema."""

    @property
    def root(self) -> Path | None:
        """The folder or file that was read; None for data in memory."""

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """Decode these samples, in this order."""

    def fingerprint(self) -> str:
        """A cheap hash of the manifest: names, sizes and times of files, or the bytes held in memory."""


@runtime_checkable
class Conformable(Protocol):
    """A source that can present its samples in the form of an earlier schema."""

    def conform(self, schema: dict[str, Any]) -> Source:
        """The same samples in the form of ``schema``; `InputError` where that cannot be."""


class Records:
    """An ordered immutable view over a `Source`; ``index`` (records,) chooses and orders, default all."""

    def __init__(self, source: Source, index: NDArray[np.int64] | None = None) -> None:
        self._source = source
        self._index = np.arange(len(source.ids), dtype=np.int64) if index is None else index
        self._index.flags.writeable = False

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"Records({len(self)} of {self.description})"

    def __getitem__(self, i: int) -> Any:
        """One sample: an `Image`, a string, or a table row as a dictionary."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"record {i} of {len(self)}")
        sample = self.gather(np.array([i % len(self)]))
        return sample.to_pylist()[0] if isinstance(sample, pa.Table) else sample[0]

    @property
    def modality(self) -> str:
        return self._source.modality

    @property
    def schema(self) -> dict[str, Any]:
        return self._source.schema

    @property
    def description(self) -> str:
        """One line on what was found where, about the whole source."""
        return self._source.description

    @property
    def root(self) -> Path | None:
        """The folder or file that was read; None for data in memory."""
        return self._source.root

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """One string per record."""
        return tuple(self._source.ids[i] for i in self._index.tolist())

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the manifest, the schema and the ids in their order; no sample is decoded."""
        digest = hashlib.sha256(self._source.fingerprint().encode())
        digest.update(json.dumps([self.modality, self.schema], sort_keys=True).encode())
        for name in self.ids:
            digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()

    @cached_property
    def _content_hash(self) -> str:
        digest = hashlib.sha256(self.modality.encode())
        for block in self.blocks():
            for part in _sample_bytes(block):
                digest.update(part)
        return digest.hexdigest()

    def content_hash(self) -> str:
        """SHA-256 (hex) of the decoded samples in order, whatever their ids or files; decodes all once."""
        return self._content_hash

    def take(self, index: ArrayLike) -> Records:
        """The records at ``index``: integers (repeats allowed) or one bool per record."""
        chosen = np.asarray(index)
        if chosen.dtype == np.bool_:
            if chosen.shape != (len(self),):
                raise IndexError(f"a mask of shape {chosen.shape} for {len(self)} records")
            return Records(self._source, self._index[chosen])
        return Records(self._source, self._index[chosen.astype(np.int64).reshape(-1)])

    def within(self, other: Records) -> NDArray[np.int64] | None:
        """(records,) position of each record in ``other``; None where one is missing or the source is another."""
        if self._source is not other._source:
            return None
        place = np.full(len(self._source.ids), -1, dtype=np.int64)
        place[other._index] = np.arange(len(other))
        found = place[self._index]
        return None if (found < 0).any() else found

    def gather(self, index: ArrayLike | None = None) -> Samples:
        """Decoded samples at ``index`` (integers), default all."""
        chosen = self._index if index is None else self._index[np.asarray(index, dtype=np.int64).reshape(-1)]
        return self._source.gather(chosen)

    def blocks(self, size: int = BLOCK) -> Iterator[Samples]:
        """All samples in order, ``size`` at a time, for pools larger than memory."""
        for start in range(0, len(self), size):
            yield self._source.gather(self._index[start : start + size])

    @property
    def columns(self) -> tuple[str, ...]:
        """Names that `column` knows."""
        return tuple(self._source.columns)

    def column(self, name: str) -> NDArray[np.object_]:
        """(records,) values of a side column, None where missing; an unknown name is an `InputError`."""
        known = self._source.columns
        if name not in known:
            hint = nearest(name, known) if known else "There are no columns."
            raise InputError(f"no column {name!r} in {self.description}. {hint}")
        return known[name][self._index]

    def conform(self, schema: dict[str, Any]) -> Records:
        """The same records in the form of an earlier ``schema`` (a model's), or an `InputError`.

        Tables take the model's columns and their kinds, even where few rows would suggest others; images are
        converted between grey and colour.
        """
        if self.schema == schema or not isinstance(self._source, Conformable):
            return self
        return Records(self._source.conform(schema), self._index)


def concatenate(a: Records, b: Records, *, prefix: str = "unlabelled") -> Records:
    """``a`` followed by ``b`` in the form of ``a``; ids of ``b`` get ``prefix/`` where any of them is taken.

    Another modality, or samples that cannot take the form of ``a``, are an `InputError`.
    """
    from tacit.data.sources.joined import join

    return join(a, b, prefix)


def _sample_bytes(samples: Samples) -> Iterator[bytes]:
    """Bytes that determine each sample, the same however samples are blocked."""
    if isinstance(samples, pa.Table):
        for row in samples.to_pylist():
            yield json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        return
    for sample in samples:
        if isinstance(sample, str):
            yield sample.encode("utf-8", "surrogatepass") + b"\0"
        else:
            yield f"{sample.shape}{sample.dtype.str}".encode() + np.ascontiguousarray(sample).tobytes()
