"""The two sums over votes against loops over a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from tacit.labels import Votes


def table(seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-1, 3, (7, 4))


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_log_evidence_is_a_sum_over_sources(seed: int, informative: bool, zeros: bool) -> None:
    rng, matrix = np.random.default_rng(seed), table(seed)
    tally = Votes.from_wide(matrix, list("abc"), abstain="informative" if informative else "ignored").tally()
    confusion = rng.dirichlet(np.ones(tally.outcomes), (4, 3)) * (rng.random((4, 3, tally.outcomes)) > 0.2 * zeros)
    weight = rng.uniform(0.2, 1, 4)
    seen = matrix if informative else matrix[(matrix >= 0).any(axis=1)]
    expected = np.zeros((len(seen), 3))
    with np.errstate(divide="ignore"):
        for i, s, c in np.ndindex(len(seen), 4, 3):
            if informative or seen[i, s] >= 0:
                expected[i, c] += weight[s] * np.log(confusion[s, c, seen[i, s]])
    assert_allclose(tally.log_evidence(confusion, weight), expected, rtol=1e-10, atol=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_expected_votes_are_a_sum_over_items(seed: int) -> None:
    matrix = table(seed)
    p = np.random.default_rng(seed).dirichlet(np.ones(3), 7)
    expected = np.zeros((4, 3, 3))
    for i, s in np.argwhere(matrix >= 0):
        expected[s, :, matrix[i, s]] += p[i]
    assert_allclose(Votes.from_wide(matrix, list("abc")).tally().expected(p), expected, rtol=1e-12, atol=1e-15)


def test_numbers_and_shares() -> None:
    tally = Votes.from_wide([[0, 0, 1], [-1, -1, -1], [2, -1, -1]]).tally()
    assert_array_equal(tally.numbers(), [[2, 1, 0], [0, 0, 0], [0, 0, 1]])
    assert_allclose(tally.shares(), [[2 / 3, 1 / 3, 0], [1 / 3] * 3, [0, 0, 1]])


@pytest.mark.parametrize("informative", [False, True])
def test_certain_silence_is_no_trouble(informative: bool) -> None:
    """0 and 1 in one sum: what is possible is exact, what is not is -inf."""
    confusion = np.array([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]], [[0.0, 0.0, 1.0], [0.25, 0.25, 0.5]]])
    abstain = "informative" if informative else "ignored"
    votes = Votes([0, 1], [0, 0], [0, 1], 2, ["a", "b"], abstain=abstain, sources=["x", "y"])  # type: ignore[arg-type]
    found = votes.tally().log_evidence(confusion[:, :, : 2 + informative], np.ones(2))
    silence = 0.5 if informative else 1.0
    with np.errstate(divide="ignore"):
        assert_allclose(found, np.log([[1.0, 0.0], [0.0, 0.5 * silence]]))
