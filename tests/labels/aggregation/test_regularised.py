"""How alike sources are, against a grid over the marginal likelihood, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import dirichlet_multinomial

from tacit.labels.aggregation.confusions import Counts
from tacit.labels.aggregation.regularised import Regularised, likeness


@given(st.floats(0.001, 0.999), st.floats(0.0, 300.0))
def test_in_doubt_a_rules_vote_speaks_for_its_class_however_frequent(share: float, number: float) -> None:
    """Votes behind which all classes were found in their shares, so that they say nothing of their source."""
    shares = np.array([share, 1 - share])
    votes = number * shares[:, None] * np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    counts = Counts(votes, 1000 * shares, 400 * shares, informative=True)
    confusion = Regularised().confusion(counts, shares)
    np.testing.assert_allclose(confusion.sum(axis=2), 1.0)
    assert confusion[0, 0, 0] > confusion[0, 1, 0] and confusion[1, 1, 1] > confusion[1, 0, 1]
    prior = Regularised().prior(counts, shares, confusion, np.ones(2))
    silent = prior * confusion[:, :, -1].prod(axis=0)
    np.testing.assert_allclose(silent / silent.sum(), shares, rtol=1e-9)


@pytest.mark.parametrize("alike", [3.0, 20.0, 150.0])
def test_likeness_maximises_the_marginal_likelihood(alike: float) -> None:
    rng = np.random.default_rng(int(alike))
    common = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    votes = np.array([[rng.multinomial(40, rng.dirichlet(alike * row)) for row in common] for _ in range(60)])
    grid = np.exp(np.linspace(0, np.log(1000), 300))
    flat, rows = votes.reshape(-1, 3), np.tile(common, (60, 1))
    likelihood = [dirichlet_multinomial.logpmf(flat, kappa * rows, flat.sum(axis=1)).sum() for kappa in grid]
    found = likeness(votes.astype(np.float64), common)
    assert found == pytest.approx(grid[int(np.argmax(likelihood))], rel=0.03)
    assert alike / 3 < found < 3 * alike


def test_likeness_has_bounds() -> None:
    common = np.full((2, 2), 0.5)
    assert likeness(np.full((50, 2, 2), 20.0), common) == pytest.approx(1000, rel=0.01)
    apart = np.array([np.eye(2) * 99, np.eye(2)[::-1] * 99] * 10)
    assert likeness(apart, common) == pytest.approx(1, rel=0.01)
