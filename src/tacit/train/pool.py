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
from tacit.modalities.base import Prepared

BLOCK = 2048
RESIDENT_BYTES = 4 * 2**30


class Pool:
    """Batches by position. Beyond ``resident_bytes`` the tensors live in files of a temporary folder.

    ``derived`` keeps label-free results, such as a graph, for all folds.
    """

    def __init__(
        self, records: Records, prepared: Prepared, resident_bytes: int = RESIDENT_BYTES, folder: Path | None = None
    ) -> None:
        self.derived: dict[str, Any] = {}
        self._folder: Path | None = None
        blocks = (prepared.collate(samples) for samples in records.blocks(BLOCK))
        first = next(blocks)
        per_record = sum(t.nbytes for t in first.tensors.values()) / len(first)
        if per_record * len(records) > resident_bytes:
            self._folder = Path(tempfile.mkdtemp(prefix="tacit-pool-", dir=folder))
            # not TemporaryDirectory, which warns where it is not closed by hand
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._tensors = {
            name: self._room(name, (len(records), *t.shape[1:]), t.dtype) for name, t in first.tensors.items()
        }
        start = 0
        for block in chain([first], blocks):
            for name, tensor in block.tensors.items():
                self._tensors[name][start : start + len(block)] = tensor
            start += len(block)

    def __len__(self) -> int:
        return int(next(iter(self._tensors.values())).shape[0])

    def batch(self, index: Tensor) -> Batch:
        """The batch of the records at ``index``, (B,) int64."""
        return Batch({name: t[index] for name, t in self._tensors.items()})

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
