"""What all candidates of a run share: the fitted modality, the pool, and the features of rungs 0 and 1."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from torch import Tensor

from tacit.data.atomic import atomic_write
from tacit.data.batch import Batch
from tacit.data.records import Records
from tacit.data.task import Task
from tacit.errors import InputError
from tacit.modalities.base import Prepared, Readable
from tacit.train.pool import Pool
from tacit.train.precision import bf16_is_fast
from tacit.train.predict import BLOCK, pool_batches, read_features, record_batches
from tacit.train.watch import Watch

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from tacit.labels.base import Labels


def cache_folder() -> Path:
    """Where embeddings are kept: ``TACIT_CACHE``, or ``tacit`` in the user's cache folder."""
    if named := os.environ.get("TACIT_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tacit"


class Workbench:
    """Shared work on ``records``. ``cache`` None keeps nothing between runs."""

    def __init__(
        self,
        records: Records,
        prepared: Prepared,
        task: Task,
        fabric: Fabric,
        watch: Watch,
        cache: Path | None = None,
    ) -> None:
        self.records = records
        self.prepared = prepared
        self.task = task
        self.fabric = fabric
        self.watch = watch
        self.cache = cache
        self.encoder_calls = 0
        self.groups: NDArray[np.object_] | None = None
        """Of each record; records of a group are held out together wherever heads are cross-fitted."""
        self.estimates: WeakKeyDictionary[Labels, dict[str, Tensor]] = WeakKeyDictionary()
        """What was estimated of evidence, as states of its model (`tacit.compare.estimate`)."""
        self._pool: Pool | None = None
        self._features: dict[str, NDArray[np.float32]] = {}
        self._readings: dict[str, dict[str, NDArray[np.float32]]] = {}
        self._dense: dict[str, dict[str, NDArray[np.float32]]] = {}

    @property
    def pool(self) -> Pool:
        """The run's records, collated once."""
        if self._pool is None:
            self._pool = Pool(self.records, self.prepared)
        return self._pool

    def batches(self, records: Records) -> Iterator[Batch]:
        """Consecutive batches of ``records``, from the pool where they are among the run's own."""
        positions = records.within(self.records)
        return record_batches(records, self.prepared) if positions is None else pool_batches(self.pool, positions)

    def features(self, records: Records) -> NDArray[np.float32]:
        """(n, D) features of rung 1: pretrained embeddings where weights are at hand, else plain features."""
        positions = None if records is self.records else records.within(self.records)
        if positions is not None:
            return self.features(self.records)[positions]
        key = records.hash
        if key not in self._features:
            if self.prepared.weights.pretrained:
                self._features[key] = self._read(records)["pooled"]
            else:
                blocks = [self.prepared.plain(samples) for samples in records.blocks(4096)]
                self._features[key] = np.concatenate(blocks).astype(np.float32)
        return self._features[key]

    def readings(self, records: Records) -> dict[str, NDArray[np.float32]]:
        """(n, D) arrays by name: all that can be read of pretrained weights, and dense features without a network."""
        positions = None if records is self.records else records.within(self.records)
        if positions is not None:
            return {name: values[positions] for name, values in self.readings(self.records).items()}
        key = records.hash
        if key not in self._dense:
            self._dense[key] = dense_features(records, self.prepared)
        return self._dense[key] | (self._read(records) if self.prepared.weights.pretrained else {})

    def _read(self, records: Records) -> dict[str, NDArray[np.float32]]:
        key = records.hash
        if key not in self._readings:
            path = self._cache_path(records)
            if path is not None and path.exists():
                self._readings[key] = load_file(path)
            else:
                self._readings[key] = self._encoded(records)
                if path is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    atomic_write(path, save(self._readings[key]))
        return self._readings[key]

    def _encoded(self, records: Records) -> dict[str, NDArray[np.float32]]:
        encoder = self.prepared.encoder().to(self.fabric.device)
        self.encoder_calls += 1
        what = f"embedding {len(records):,} records with {self.prepared.weights.spec}"
        return read_features(encoder, self._watched(records, what), self.prepared)

    def _watched(self, records: Records, what: str) -> Iterator[Batch]:
        """`batches`, told to the watch one by one, which may end them."""
        total = -(-len(records) // BLOCK)
        for done, batch in enumerate(self.batches(records)):
            self.watch.through(what, done, total)
            yield batch
        self.watch.through(what, total, total)

    def _cache_path(self, records: Records) -> Path | None:
        if self.cache is None:
            return None
        weights = self.prepared.weights
        name = hashlib.sha256(f"{records.hash}|{weights.spec}|{weights.sha256}".encode()).hexdigest()
        return self.cache / "embeddings" / f"{name}.safetensors"


def dense_features(records: Records, prepared: Prepared) -> dict[str, NDArray[np.float32]]:
    """(n, D) label-free features by name, without a network; none where the modality has only plain ones."""
    if not isinstance(prepared, Readable):
        return {}
    blocks = [prepared.dense(samples) for samples in records.blocks(4096)]
    return {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}


def make_fabric(device: str = "auto") -> Fabric:
    """One process on the named device: "auto", "cpu" or "gpu"; a GPU that is absent is an `InputError`."""
    if device in ("gpu", "cuda") and not torch.cuda.is_available():
        raise InputError("a GPU was asked for and there is none; use --device auto or --device cpu")
    accelerator = {"auto": "auto", "cpu": "cpu", "gpu": "gpu", "cuda": "gpu"}.get(device)
    if accelerator is None:
        raise InputError(f"unknown device {device!r}. Known are: auto, cpu, gpu.")
    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    fast = bf16_is_fast(torch.device("cuda" if on_gpu else "cpu"))
    # Imported here because it takes longer than torch itself: by now the user knows what was read.
    from lightning.fabric import Fabric

    for name in ("lightning.fabric", "lightning.pytorch"):  # either of them says what precision was chosen
        logging.getLogger(name).setLevel(logging.WARNING)
    return Fabric(accelerator=accelerator, devices=1, precision="bf16-mixed" if fast else "32-true")
