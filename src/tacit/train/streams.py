"""Endless shuffled streams whose every batch is a function of (seed, step), so that a resumed run sees the same."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def derive(*parts: int | str) -> int:
    """A 63-bit seed from what it is for; unrelated parts give unrelated seeds."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Whole:
    """Batches of whole units: the records that one observation speaks of are seen in one step.

    As many units as speak of about ``size`` records, at least one. Unit u speaks of
    ``records[offsets[u]:offsets[u + 1]]``.
    """

    def __init__(self, offsets: NDArray[np.int64], records: NDArray[np.int64], size: int, seed: int) -> None:
        units = len(offsets) - 1
        if units == 0:
            raise ValueError("a stream needs at least one unit")
        each = min(max(1, round(size * units / len(records))), units)
        self.size = round(each * len(records) / units)
        self._offsets, self._records = offsets, torch.from_numpy(np.asarray(records, dtype=np.int64))
        self._stream = Stream(np.arange(units, dtype=np.int64), each, seed)

    def at(self, step: int) -> Tensor:
        """Record positions of the batch at ``step``, ascending, none twice."""
        chosen = self._stream.at(step).tolist()
        records = torch.cat([self._records[self._offsets[u] : self._offsets[u + 1]] for u in chosen])
        return records.unique()  # type: ignore[no-untyped-call,no-any-return]


class Stream:
    """Batches of ``size`` from ``index``, one permutation after another."""

    def __init__(self, index: NDArray[np.int64], size: int, seed: int) -> None:
        if len(index) == 0:
            raise ValueError("a stream needs at least one record")
        self._index = torch.from_numpy(np.asarray(index, dtype=np.int64))
        self.size = size
        self._seed = seed
        self._epochs: dict[int, Tensor] = {}

    def at(self, step: int) -> Tensor:
        """(size,) record positions of the batch at ``step``."""
        parts = []
        start, left = step * self.size, self.size
        while left:
            epoch, offset = divmod(start, len(self._index))
            part = self._order(epoch)[offset : offset + left]
            parts.append(part)
            start, left = start + len(part), left - len(part)
        return self._index[torch.cat(parts)]

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            generator = torch.Generator().manual_seed(derive(self._seed, epoch))
            self._epochs = {e: o for e, o in self._epochs.items() if e >= epoch - 1}
            self._epochs[epoch] = torch.randperm(len(self._index), generator=generator)
        return self._epochs[epoch]
