"""Predictions and embeddings of many records, in blocks, without gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tacit.data.batch import Batch, Features
from tacit.data.prediction import Categorical, Normal, Prediction, concatenate, sites_of
from tacit.data.records import Records
from tacit.data.task import Task
from tacit.modalities.base import Prepared, Readable
from tacit.train.pool import Pool
from tacit.train.precision import half_precision

BLOCK = 512


def pool_batches(pool: Pool, index: NDArray[np.int64] | None = None, size: int = BLOCK) -> Iterator[Batch]:
    """Consecutive batches of a pool, or of the records of it at ``index``."""
    positions = torch.arange(len(pool)) if index is None else torch.from_numpy(index)
    for part in torch.split(positions, size):
        yield pool.batch(part)


def record_batches(records: Records, prepared: Prepared, size: int = BLOCK) -> Iterator[Batch]:
    """Consecutive batches decoded as they are needed; nothing is kept."""
    for samples in records.blocks(size):
        yield prepared.collate(samples)


def device_of(module: nn.Module) -> torch.device:
    """Where the module's tensors live; the CPU where it has none."""
    return next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))


def run(module: nn.Module, batches: Iterator[Batch], prepared: Prepared) -> Iterator[Tensor | Features]:
    """The module's outputs on the clean view of each batch, in evaluation mode, on the module's device."""
    device = device_of(module)
    was_training = module.training
    module.eval()
    try:
        for batch in batches:
            # not around the yield, where it would hold for the caller too; and no inference tensors come out,
            # because a posterior is a gradient with respect to predictions
            with torch.no_grad():
                outputs = module(prepared.clean(batch.to(device)))
            yield cast("Tensor | Features", outputs)
    finally:
        module.train(was_training)


def predict(module: nn.Module, batches: Iterator[Batch], prepared: Prepared, task: Task) -> Prediction:
    """One `Prediction` of all batches, on the CPU in float32."""
    parts = [task.prediction(cast(Tensor, out).cpu()) for out in run(module, batches, prepared)]
    if not parts:
        return task.prediction(torch.zeros(0, task.outputs))
    return concatenate(parts)


def read_features(module: nn.Module, batches: Iterator[Batch], prepared: Prepared) -> dict[str, NDArray[np.float32]]:
    """(n, D) arrays by name: "pooled", and where the modality can read more from an encoder, its other readings.

    Read in bf16 where that is faster, here and in `embed`, so that a saved model reads as the run did.
    """
    parts: dict[str, list[NDArray[np.float32]]] = {}
    device = device_of(module)
    for batch in batches:
        with half_precision(device):
            (features,) = run(module, iter([batch]), prepared)
        found = {"pooled": cast(Features, features).pooled}
        if isinstance(prepared, Readable):
            found |= prepared.readings(prepared.clean(batch.to(device)), cast(Features, features))
        for name, values in found.items():
            parts.setdefault(name, []).append(values.float().cpu().numpy())
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def embed(module: nn.Module, batches: Iterator[Batch], prepared: Prepared) -> NDArray[np.float32]:
    """(n, D) pooled features of an encoder."""
    with half_precision(device_of(module)):
        parts = [cast(Features, out).pooled.float().cpu().numpy() for out in run(module, batches, prepared)]
    width = cast(int, module.width)
    return np.concatenate(parts) if parts else np.zeros((0, width), dtype=np.float32)


def of_all(found: Prediction, known: NDArray[np.int64], records: int, task: Task) -> Prediction:
    """A prediction of all ``records`` from that of those at ``known``; the others get what zero outputs mean."""
    sites = sites_of(known, task.sites_per_record)
    nothing = task.prediction(torch.zeros(records, task.outputs))
    if isinstance(found, Categorical) and isinstance(nothing, Categorical):
        return Categorical(nothing.log_p.to(found.log_p).index_copy(0, sites, found.log_p))
    assert isinstance(found, Normal)
    assert isinstance(nothing, Normal)
    mean = nothing.mean.to(found.mean).index_copy(0, sites, found.mean)
    return Normal(mean, nothing.log_scale.to(found.mean).index_copy(0, sites, found.log_scale))
