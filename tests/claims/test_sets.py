"""Draws of labels, fixed subsets, and the sets themselves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tacit.claims.sets import Draw, Split, adult, digits, mnist, trec
from tacit.data.read import read
from tacit.errors import InputError


def tiny(counts: tuple[int, ...]) -> Split:
    truth = np.repeat(np.arange(len(counts)), counts)
    records = read([f"text {i}" for i in range(len(truth))])
    return Split("tiny", records, truth, records, truth, tuple("abcdef"[: len(counts)]))


def test_per_class_draws_are_balanced_true_and_other_for_other_seeds() -> None:
    split = tiny((30, 20, 2))
    drawn = [Draw(per_class=4)(split, np.random.default_rng(s)) for s in (0, 0, 1)]
    assert drawn[0].counts().tolist() == [4, 4, 2]
    known = drawn[0].labelled()
    assert (drawn[0].y[known] == split.truth[known]).all()
    assert (drawn[0].y == drawn[1].y).all()
    assert (drawn[0].y != drawn[2].y).any()


@pytest.mark.parametrize(
    ("available", "total", "expected"),
    [((60, 30, 10), 10, [6, 3, 1]), ((50, 25, 25), 10, [5, 3, 2]), ((990, 9, 1), 20, [18, 1, 1])],
)
def test_a_total_is_in_proportion_with_every_class(available: tuple[int, ...], total: int, expected: list[int]) -> None:
    assert Draw(total=total).counts(np.array(available)).tolist() == expected


def test_a_draw_says_one_of_the_two() -> None:
    with pytest.raises(ValueError, match="either"):
        Draw()
    with pytest.raises(ValueError, match="either"):
        Draw(per_class=1, total=1)


def test_a_subset_is_fixed_and_keeps_records_with_their_truth() -> None:
    split = tiny((30, 20))
    part = split.subset(pool=10, test=100)
    assert part.pool.ids == split.subset(pool=10).pool.ids
    assert len(part.test) == 50
    assert [split.truth[split.pool.ids.index(i)] for i in part.pool.ids] == part.truth.tolist()


def test_digits_are_split_without_overlap() -> None:
    split = digits()
    assert not set(split.pool.ids) & set(split.test.ids)
    assert len(split.pool) + len(split.test) == 1797
    from sklearn.datasets import load_digits

    assert (load_digits().target[[int(i) for i in split.test.ids]] == split.test_truth).all()


def test_missing_data_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TACIT_DATA", raising=False)
    with pytest.raises(InputError, match="set TACIT_DATA"):
        mnist()
    monkeypatch.setenv("TACIT_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"there is no mnist/mnist\.npz"):
        mnist()


def test_the_real_sets_have_the_sizes_of_their_sources() -> None:
    if not os.environ.get("TACIT_DATA"):
        pytest.skip("TACIT_DATA is not set")
    sizes = {s.name: (len(s.pool), len(s.test), len(s.classes)) for s in (mnist(), trec(), adult())}
    assert sizes == {"MNIST": (10000, 5000, 10), "TREC": (5452, 500, 6), "Adult": (32561, 16281, 2)}
    questions = trec()
    assert np.bincount(questions.test_truth).max() / 500 == 0.276
    assert adult().test_truth.mean() == pytest.approx(1 - 0.7638, abs=5e-5)
