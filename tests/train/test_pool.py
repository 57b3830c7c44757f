"""Pools: the same batches whether resident or in files, whole or in blocks."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tacit
from tacit.modalities.set import MODALITY as SET
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


@pytest.mark.parametrize("modality", ["table", "set"])
def test_blocks_make_no_difference(toy: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, modality: str) -> None:
    data = toy(modality)
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


def test_bags_in_a_pool_are_the_bags_that_were_given(toy: Callable[[str], Any]) -> None:
    data = toy("set")
    everything = np.concatenate(data.raw)
    index = [7, 0, 7, 71, 3]
    batch = Pool(data.records, data.prepared).batch(torch.tensor(index))
    longest = max(len(data.raw[i]) for i in index)
    assert batch["present"].shape == (5, longest)
    for k, i in enumerate(index):
        expected = (data.raw[i] - everything.mean(axis=0)) / everything.std(axis=0)
        assert batch["present"][k].tolist() == [True] * len(expected) + [False] * (longest - len(expected))
        np.testing.assert_allclose(batch["instances"][k, : len(expected)], expected, atol=1e-5)
        assert not batch["instances"][k, len(expected) :].any()


@pytest.mark.parametrize("resident_bytes", [2**30, 0])
def test_one_long_bag_costs_the_others_no_memory(tmp_path: Path, resident_bytes: int) -> None:
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(3, 4)) for _ in range(400)] + [rng.normal(size=(1000, 4))]
    records = tacit.read(bags, modality="set")
    pool = Pool(records, SET().fit(records), resident_bytes, tmp_path)
    held = sum(t.nbytes for t in pool._tensors.values())
    assert held == (400 * 3 + 1000) * 4 * 4, "four float32 an instance, and nothing else"
    assert pool.batch(torch.arange(400))["instances"].shape == (400, 3, 4)
    assert pool.batch(torch.tensor([1, 400]))["instances"].shape == (2, 1000, 4)


def test_files_of_a_pool_are_gone_with_it(toy: Callable[[str], Any], tmp_path: Path) -> None:
    data = toy("table")
    pool = Pool(data.records, data.prepared, resident_bytes=0, folder=tmp_path)
    assert list(tmp_path.iterdir())
    del pool
    gc.collect()
    assert not list(tmp_path.iterdir())
