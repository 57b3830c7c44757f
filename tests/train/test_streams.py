"""Streams are endless permutations, and functions of (seed, step)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.train.streams import Stream, Whole, derive

sizes = st.integers(1, 12)


@given(st.integers(1, 9), sizes, st.integers(0, 2**62))
@settings(max_examples=60, deadline=None)
def test_each_epoch_is_a_permutation(records: int, size: int, seed: int) -> None:
    index = np.arange(records) * 10 + 3
    stream = Stream(index, size, seed)
    drawn = torch.cat([stream.at(step) for step in range(3 * records)])
    assert all(len(stream.at(s)) == size for s in (0, 1))
    for start in range(0, len(drawn) - records + 1, records):
        assert sorted(drawn[start : start + records].tolist()) == index.tolist()


@given(st.integers(1, 9), sizes, st.lists(st.integers(0, 40), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_batch_depends_on_seed_and_step_alone(records: int, size: int, steps: list[int]) -> None:
    """However a stream was read before: in order, backwards, or not at all."""
    used = Stream(np.arange(records), size, 7)
    for step in steps:
        fresh = Stream(np.arange(records), size, 7)
        assert torch.equal(used.at(step), fresh.at(step))


def test_seeds_and_epochs_differ() -> None:
    a, b = (torch.cat([Stream(np.arange(50), 50, seed).at(s) for s in range(2)]) for seed in (1, 2))
    assert not torch.equal(a, b)
    assert not torch.equal(a[:50], a[50:])


def test_streams_leave_global_generators_alone(global_randomness: None) -> None:
    Stream(np.arange(50), 8, 3).at(20)


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one record"):
        Stream(np.zeros(0, dtype=np.int64), 4, 0)


def test_derived_seeds_are_apart_and_fit_a_generator() -> None:
    made = {derive(*parts) for parts in [(1,), (2,), (1, 2), (12,), ("1", "2"), ("views", 1, 2), ("views", 12)]}
    assert len(made) == 6, "only 1, 2 as numbers or text are one"
    assert all(0 <= seed < 2**63 for seed in made)
    torch.Generator().manual_seed(max(made))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(1, 12), st.integers(0, 2**62))
@settings(max_examples=60, deadline=None)
def test_units_are_never_cut_and_all_are_seen(sizes: list[int], size: int, seed: int) -> None:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    records = np.random.default_rng(seed).permutation(int(offsets[-1])).astype(np.int64)
    stream = Whole(offsets, records, size, seed)
    seen: set[int] = set()
    for step in range(len(sizes)):
        batch = set(stream.at(step).tolist())
        assert len(batch) == len(stream.at(step))
        units = [set(records[offsets[u] : offsets[u + 1]].tolist()) for u in range(len(sizes))]
        assert all(unit <= batch or not unit & batch for unit in units)
        seen |= batch
    assert seen == set(records.tolist())


def test_a_batch_of_units_is_about_as_large_as_asked_for() -> None:
    offsets = np.arange(0, 1001, 10)
    stream = Whole(offsets, np.arange(1000), 64, 0)
    assert len(stream.at(0)) == 60
    assert stream.size == 60
    assert len(Whole(offsets, np.arange(1000), 3, 0).at(0)) == 10
