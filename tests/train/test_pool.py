"""Pools: the same batches whether resident or in files, whole or in blocks."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tacit.train import pool as pools
from tacit.train.pool import Pool
from tacit.train.predict import pool_batches, record_batches


@pytest.mark.parametrize("modality", ["table", "image", "text", "set"])
def test_resident_and_mapped_pools_are_equal(toy: Callable[[str], Any], tmp_path: Path, modality: str) -> None:
    data = toy(modality)
    resident = Pool(data.records, data.prepared)
    mapped = Pool(data.records, data.prepared, resident_bytes=0, folder=tmp_path)
    assert (resident.resident, mapped.resident) == (True, False)
    assert list(tmp_path.iterdir()), "the tensors lie where they were told to"
    assert len(resident) == len(mapped) == len(data.records)
    index = torch.tensor([5, 0, 5, len(data.records) - 1])
    ours, theirs = resident.batch(index), mapped.batch(index)
    assert set(ours.tensors) == set(theirs.tensors)
    for name, tensor in ours.tensors.items():
        assert tensor.dtype == theirs[name].dtype
        assert torch.equal(tensor, theirs[name])


def test_blocks_make_no_difference(toy: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    data = toy("table")
    whole = Pool(data.records, data.prepared).batch(torch.arange(len(data.records)))
    monkeypatch.setattr(pools, "BLOCK", 7)
    parts = Pool(data.records, data.prepared).batch(torch.arange(len(data.records)))
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts[name])


def test_batches_of_a_pool_and_of_records_are_the_same(toy: Callable[[str], Any]) -> None:
    data = toy("image")
    pool = Pool(data.records, data.prepared)
    index = np.array([3, 1, 60])
    (first,) = pool_batches(pool, index)
    (second,) = record_batches(data.records.take(index), data.prepared)
    assert torch.equal(first["pixels"], second["pixels"])
    assert [len(b) for b in pool_batches(pool, size=50)] == [50, 22]


def test_files_of_a_pool_are_gone_with_it(toy: Callable[[str], Any], tmp_path: Path) -> None:
    data = toy("table")
    pool = Pool(data.records, data.prepared, resident_bytes=0, folder=tmp_path)
    assert list(tmp_path.iterdir())
    del pool
    gc.collect()
    assert not list(tmp_path.iterdir())
