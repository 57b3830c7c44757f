"""Items with the same votes count as one: every sum over items has to come out as over all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from tacit.labels import Votes
from tacit.labels.aggregation import agreement
from tacit.labels.aggregation import distinct as module
from tacit.labels.aggregation.confusions import Free
from tacit.labels.aggregation.distinct import distinct
from tacit.labels.aggregation.em import fit

NAMES = ["a", "b", "c"]


def few_patterns(items: int = 400, seed: int = 0) -> NDArray[np.int64]:
    """(items, 3) votes of which no more than 64 sets are possible, silence on all sides among them."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, items)[:, None]
    votes = np.where(rng.random((items, 3)) < 0.7, truth, rng.integers(0, 3, (items, 3)))
    return np.where(rng.random((items, 3)) < 0.6, votes, -1)


@pytest.mark.parametrize("abstain", ["ignored", "informative"])
def test_every_set_of_votes_stands_once_as_often_as_it_occurs(abstain: Literal["ignored", "informative"]) -> None:
    matrix = few_patterns()
    tally = Votes.from_wide(matrix, NAMES, abstain=abstain).tally()
    merged, which = distinct(tally)
    seen = matrix if abstain == "informative" else matrix[(matrix >= 0).any(axis=1)]
    assert len(merged) == len(np.unique(seen, axis=0))
    assert_array_equal(merged.said.toarray()[which], tally.said.toarray())
    assert merged.times is not None
    assert_array_equal(merged.times, np.bincount(which))


@pytest.mark.parametrize("abstain", ["ignored", "informative"])
def test_estimates_are_those_of_all_items(abstain: Literal["ignored", "informative"]) -> None:
    tally = Votes.from_wide(few_patterns(), NAMES, abstain=abstain).tally()
    merged, which = distinct(tally)
    each, once = (fit(t, Free(0.01), np.ones(3), 10) for t in (tally, merged))
    assert_allclose(once.p[which], each.p, atol=1e-12)
    assert_allclose(once.confusion, each.confusion, atol=1e-12)
    assert_allclose(once.prior, each.prior, atol=1e-12)
    assert once.log_likelihood == pytest.approx(each.log_likelihood, rel=1e-12)
    for a, b in zip(vars(agreement(merged)).values(), vars(agreement(tally)).values(), strict=True):
        assert_allclose(a, b, atol=1e-12)


def test_items_that_count_several_times_already_are_added_up() -> None:
    tally = Votes.from_wide([[0, 1], [1, 1], [0, 1], [0, 1]], NAMES, abstain="ignored").tally()
    merged, which = distinct(replace(tally, times=np.array([1.0, 2.0, 3.0, 5.0])))
    assert merged.times is not None
    assert_array_equal(merged.times[which], [9, 2, 9, 9])


def test_votes_that_hardly_recur_stay_as_they_are() -> None:
    tally = Votes.from_wide(np.random.default_rng(0).integers(0, 3, (50, 9)), NAMES, abstain="ignored").tally()
    merged, which = distinct(tally)
    assert merged is tally
    assert_array_equal(which, np.arange(50))


def test_no_items_at_all() -> None:
    merged, which = distinct(Votes.from_wide(np.full((3, 2), -1), NAMES, abstain="ignored").tally())
    assert (len(merged), len(which)) == (0, 0)


def test_different_votes_under_one_key_are_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[NDArray[np.uint64]] = []

    def colliding(said: object, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        calls.append(words)
        return np.array([7, 7, 7, 7] if len(calls) == 1 else [1, 1, 1, 2], dtype=np.uint64)

    monkeypatch.setattr(module, "_keys", colliding)
    tally = Votes.from_wide([[0, 1], [0, 1], [0, 1], [1, 0]], ["a", "b"], abstain="ignored").tally()
    assert distinct(tally)[0] is tally
