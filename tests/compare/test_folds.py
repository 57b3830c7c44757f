"""Folds: stratified, groups whole, no class loses its last label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.compare.folds import NEVER, make_folds
from tacit.errors import InputError

labels = st.lists(st.integers(0, 3), min_size=1, max_size=30)


def folds(strata: list[int], k: int = 3, seed: int = 0, groups: list[int] | None = None) -> np.ndarray:
    named = None if groups is None else np.array(groups, dtype=object)
    return make_folds(np.array(strata, dtype=float), k, np.random.default_rng(seed), named)


@given(labels, st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_every_class_is_spread_evenly_and_keeps_a_label(y: list[int], k: int, seed: int) -> None:
    fold, strata = folds(y, k, seed), np.array(y)
    for c in set(y):
        mine = fold[strata == c]
        if len(mine) == 1:
            assert mine[0] == NEVER
            continue
        assert (mine != NEVER).all()
        sizes = np.bincount(mine, minlength=k)
        assert sizes.max() - sizes.min() <= 1
        assert all((mine != f).any() for f in range(k)), "training on the other folds, the class is still known"


def test_folds_are_of_equal_size_even_with_many_small_classes() -> None:
    sizes = np.bincount(folds([c for c in range(9) for _ in range(2)]))
    assert sizes.tolist() == [6, 6, 6]


def test_folds_are_a_function_of_the_generator() -> None:
    y = [0, 1] * 20
    assert np.array_equal(folds(y, seed=1), folds(y, seed=1))
    assert not np.array_equal(folds(y, seed=1), folds(y, seed=2))


@given(labels, st.data(), st.integers(2, 4))
@settings(max_examples=150, deadline=None)
def test_groups_stay_together_and_classes_keep_a_label(y: list[int], data: st.DataObject, k: int) -> None:
    groups = data.draw(st.lists(st.integers(0, 5), min_size=len(y), max_size=len(y)))
    if len(set(groups)) < 2:
        with pytest.raises(InputError, match="in one group"):
            folds(y, k, groups=groups)
        return
    fold, strata, member = folds(y, k, groups=groups), np.array(y), np.array(groups)
    for g in set(groups):
        assert len(set(fold[member == g].tolist())) == 1, "a group is never judged by a model that saw part of it"
    for f in set(fold.tolist()) - {NEVER}:
        for c in set(y):
            assert (strata[fold != f] == c).any(), "a class is never held out whole"


def test_groups_that_hold_a_whole_class_are_always_trained_on() -> None:
    fold = folds([0, 0, 1, 0, 0, 0, 0], groups=[5, 5, 5, 6, 6, 7, 7])
    assert fold[:3].tolist() == [NEVER] * 3
    assert (fold[3:] != NEVER).all()


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=40), st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_numbers_are_dealt_in_sorted_order(v: list[float], k: int) -> None:
    fold = make_folds(np.array(v), k, np.random.default_rng(0), numeric=True)
    ordered = fold[np.argsort(v, kind="stable")]
    assert (fold != NEVER).all()
    sizes = np.bincount(fold, minlength=k)
    assert sizes.max() - sizes.min() <= 1
    if len(set(v)) == len(v):
        for start in range(0, len(v), k):
            part = ordered[start : start + k]
            assert len(set(part.tolist())) == len(part), "each run of k neighbours goes to k folds"


def test_a_single_number_is_never_held_out_and_one_fold_is_refused() -> None:
    assert make_folds(np.array([1.0]), 3, np.random.default_rng(0), numeric=True).tolist() == [NEVER]
    with pytest.raises(ValueError, match="at least 2"):
        folds([0, 1], 1)
