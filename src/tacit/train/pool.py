"""All records of a run, decoded and collated once: resident, or memory-mapped where they are larger than memory."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tacit.data.batch import Batch
from tacit.data.records import Records
from tacit.modalities.base import Prepared, Ragged

BLOCK = 2048
RESIDENT_BYTES = 4 * 2**30


class Pool:
    """Batches by position. Beyond ``resident_bytes`` the tensors live in files of a temporary folder.

    Samples that differ in length are kept without padding, which a batch adds. ``derived`` keeps label-free results,
    such as a graph, for all folds.
    """

    def __init__(
        self, records: Records, prepared: Prepared, resident_bytes: int = RESIDENT_BYTES, folder: Path | None = None
    ) -> None:
        self.derived: dict[str, Any] = {}
        self._folder: Path | None = None
        self._records = len(records)
        self._places = Places(prepared, records) if isinstance(prepared, Ragged) else None
        rows = len(records) if self._places is None else self._places.rows
        collate = prepared.collate if self._places is None else self._places.ragged.rows
        blocks = (collate(samples) for samples in records.blocks(BLOCK))
        first = next(blocks)
        per_row = sum(t.nbytes for t in first.tensors.values()) / len(first)
        if per_row * rows > resident_bytes:
            self._folder = Path(tempfile.mkdtemp(prefix="tacit-pool-", dir=folder))
            # not TemporaryDirectory, which warns where it is not closed by hand
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._tensors = {name: self._room(name, (rows, *t.shape[1:]), t.dtype) for name, t in first.tensors.items()}
        start = 0
        for block in chain([first], blocks):
            for name, tensor in block.tensors.items():
                self._tensors[name][start : start + len(block)] = tensor
            start += len(block)

    def __len__(self) -> int:
        return self._records

    def batch(self, index: Tensor) -> Batch:
        """The batch of the records at ``index``, (B,) int64."""
        stored = Batch(self._tensors)
        return stored.take(index) if self._places is None else self._places.batch(stored, index)

    @property
    def resident(self) -> bool:
        """Whether the pool is held in memory."""
        return self._folder is None

    def _room(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        if self._folder is None:
            return torch.empty(shape, dtype=dtype)
        kind = torch.empty(0, dtype=dtype).numpy().dtype
        path = self._folder / f"{name}.npy"
        return torch.from_numpy(np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape))


class Places:
    """Where the rows of samples of different length lie, one sample after the other."""

    def __init__(self, ragged: Ragged, records: Records) -> None:
        self.ragged = ragged
        self._sizes = torch.cat([ragged.sizes(samples) for samples in records.blocks(BLOCK)])
        self._starts = self._sizes.cumsum(0) - self._sizes

    @property
    def rows(self) -> int:
        """How many there are in all."""
        return int(self._sizes.sum())

    def batch(self, stored: Batch, index: Tensor) -> Batch:
        """The samples at ``index`` (B,) of the rows of all of them, padded to the longest of these."""
        sizes = self._sizes[index]
        shift = self._starts[index] - (sizes.cumsum(0) - sizes)
        rows = torch.arange(int(sizes.sum())) + shift.repeat_interleave(sizes)
        return self.ragged.pad(stored.take(rows), sizes)
