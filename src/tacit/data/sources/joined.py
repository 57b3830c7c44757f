"""Two record sets as one: what ``--unlabelled PATH`` adds to the labelled records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tacit.data.records import Records, Samples
from tacit.errors import InputError


def join(a: Records, b: Records, prefix: str) -> Records:
    """See `tacit.data.records.concatenate`."""
    if a.modality != b.modality:
        raise InputError(
            f"cannot add {b.description} to {a.description}: one is of modality {b.modality!r}, the other "
            f"{a.modality!r}. Give data of one modality, or say which it is with --modality."
        )
    b = b.conform(a.schema)
    if taken := set(a.ids) & set(b.ids):
        ids = tuple(f"{prefix}/{name}" for name in b.ids)
        if taken := set(a.ids) & set(ids):
            raise InputError(f"the id {min(taken)!r} occurs in both {a.description} and {b.description}.")
    else:
        ids = b.ids
    return Records(Joined(a, b, ids))


class Joined:
    """``a`` then ``b``; columns that only one of them has are missing in the other."""

    def __init__(self, a: Records, b: Records, ids: tuple[str, ...]) -> None:
        self._a, self._b = a, b
        self.modality = a.modality
        self.schema = a.schema if a.schema == b.schema else _mixed(a.schema, b.schema)
        self.ids = a.ids + ids
        self.root: Path | None = a.root
        self.description = f"{a.description}; with {b.description}"
        self.columns = JoinedColumns(a, b)

    def gather(self, index: NDArray[np.int64]) -> Samples:
        first = index < len(self._a)
        a = self._a.gather(index[first])
        b = self._b.gather(index[~first] - len(self._a))
        place = np.empty(len(index), dtype=np.int64)
        place[first] = np.arange(first.sum())
        place[~first] = np.arange(first.sum(), len(index))
        if isinstance(a, pa.Table):
            return pa.concat_tables([a, b]).take(pa.array(place))
        both = [*a, *b]
        return [both[i] for i in place.tolist()]

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self._a.hash} {self._b.hash}".encode()).hexdigest()

    def conform(self, schema: dict[str, Any]) -> Joined:
        return Joined(self._a.conform(schema), self._b.conform(schema), self.ids[len(self._a) :])


class JoinedColumns(Mapping[str, NDArray[np.object_]]):
    """Side columns of either, made when asked for: of bags, not every column has one value a record."""

    def __init__(self, a: Records, b: Records) -> None:
        self._parts = (a, b)
        self._names = dict.fromkeys(a.columns + b.columns)

    def __getitem__(self, name: str) -> NDArray[np.object_]:
        if name not in self._names:
            raise KeyError(name)
        parts = [r.column(name) if name in r.columns else np.full(len(r), None) for r in self._parts]
        return np.concatenate(parts)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _mixed(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Where the two differ only in image size, the size of both together is mixed."""
    return {**a, "size": None} if a.get("size") != b.get("size") else a
