"""What is naively made of evidence, against what a person would write down by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tacit.labels import (
    Bags,
    Candidates,
    Complementary,
    Exact,
    Intervals,
    Levels,
    Means,
    Noisy,
    Pairs,
    Positives,
    Preferences,
    Proportions,
    Soft,
    Values,
    Votes,
)
from tacit.labels.base import Labels

nan = np.nan
AB = ["a", "b"]
ABC = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("labels", "shares"),
    [
        (Candidates([[1, 1, 0], [1, 1, 1], [0, 0, 1]], ABC), [[0.5, 0.5, 0], [nan] * 3, [0, 0, 1]]),
        (Complementary([[1, 0, 0], [0, 0, 0]], ABC), [[0, 0.5, 0.5], [nan] * 3]),
        (Soft([[0.3, 0.7], [nan, nan]], AB), [[0.3, 0.7], [nan, nan]]),
        (Soft([[3.0, 1.0]], AB, virtual=True), [[0.75, 0.25]]),
        # node 3 is above the leaves a and b
        (Levels([3, 2, -1], [3, 3, -1, -1], ["a", "b", "c", "ab"]), [[0.5, 0.5, 0], [0, 0, 1], [nan] * 3]),
        # two against one; a tie; no vote
        (Votes([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [1, 1, 0, 0, 1], 3, AB), [[0, 1], [0.5, 0.5], [nan, nan]]),
        (Proportions([0, 0, 0, -1], [[1, 2]], classes=AB), [[1 / 3, 2 / 3]] * 3 + [[nan, nan]]),
        (Proportions.from_members([0, 1, 1, 2], [0, 0, 1, 1], [[2, 0], [0, 2]], 3, AB), [[1, 0], [0.5, 0.5], [0, 1]]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_shares(labels: Labels, shares: list[list[float]]) -> None:
    naive = labels.naive()
    assert isinstance(naive, Soft)
    assert_allclose(naive.q, shares)


@pytest.mark.parametrize(
    ("labels", "y"),
    [
        (Noisy([0, -1, 1], "estimate", AB), [0, -1, 1]),
        (Positives([1, 0, -1], 0.5), [1, 0, -1]),
        (Bags([0, 0, 1, -1], [True, False]), [1, 1, 0, -1]),
        (Votes([0, 0, 0, 1], [0, 1, 2, 0], [1, 1, 0, 0], 2, AB), [1, 0]),
        (Candidates([[1, 0], [1, 1]], AB), [0, -1]),
        (Pairs([0], [1], [True], 2, AB), [-1, -1]),
        (Preferences([0], [1], 2, "a", AB), [-1, -1]),
        (Labels.combine(Exact([0, -1, -1], AB), Noisy([1, 1, -1], "estimate", AB)), [0, 1, -1]),
        (Labels.combine(Positives([[1, 0], [0, -1]], [0.5, 0.5]), Exact([[-1, 1], [-1, -1]])), [[1, 1], [0, -1]]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_classes(labels: Labels, y: list[int]) -> None:
    naive = labels.naive()
    assert isinstance(naive, Exact)
    assert_array_equal(naive.y, y)


@pytest.mark.parametrize(
    ("labels", "v"),
    [
        (Intervals([0, -np.inf, 2, nan], [1, 5, np.inf, nan]), [0.5, 5, 2, nan]),
        (Means([0, 0, -1], [4.0]), [4, 4, nan]),
        (Means.from_members([0, 1, 1], [0, 0, 1], [2.0, 4.0], 2), [2, 3]),
        # 0 beats 1 and 2, 1 and 2 are equals
        (Preferences([0, 0, 1], [1, 2, 2], 4, tie=[False, False, True]), [1, 0.25, 0.25, nan]),
        (Labels.combine(Values([1, nan]), Intervals([0, 4], [9, np.inf]), Preferences([0], [1], 2)), [1, 4]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_numbers(labels: Labels, v: list[float]) -> None:
    naive = labels.naive()
    assert isinstance(naive, Values)
    assert_allclose(naive.v, v)


def test_a_mixture_averages_what_its_parts_say_where_nothing_is_exact() -> None:
    candidates, soft = Candidates([[1, 1], [1, 0], [1, 1]], AB), Soft([[1, 0], [0, 1], [nan, nan]], AB)
    naive = Labels.combine(candidates, soft).naive()
    assert isinstance(naive, Soft)
    assert_allclose(naive.q, [[1, 0], [0.5, 0.5], [nan, nan]])
