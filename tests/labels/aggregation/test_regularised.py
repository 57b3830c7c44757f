"""What is believed of rules, by Bayes' rule; how alike sources are, against a grid over the marginal likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import dirichlet_multinomial

from tacit.labels.aggregation.confusions import Counts
from tacit.labels.aggregation.regularised import KNOWS, MOST, Regularised, likeness


def ruled(speaks: list[float], classes: int, believed: NDArray[np.float64] | None = None) -> Counts:
    """Rules, one a class and round again, that speak of these shares of 1,000 items, all of which are spoken of."""
    votes = np.zeros((len(speaks), classes, classes))
    for s, share in enumerate(speaks):
        votes[s, :, s % classes] = 1000 * share * (np.full(classes, 1 / classes) if believed is None else believed[s])
    even = np.full(classes, 1000 / classes)
    return Counts(votes, even, even, informative=True)


@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=8), st.integers(2, 5))
def test_a_rule_knows_its_class_as_far_as_even_classes_leave_room(speaks: list[float], classes: int) -> None:
    """By Bayes' rule for even classes; whatever is believed of the items that it speaks of."""
    counts = ruled(speaks, classes)
    confusion = Regularised().confusion(counts, np.full(classes, 1 / classes))
    np.testing.assert_allclose(confusion.sum(axis=2), 1.0)
    np.testing.assert_allclose(np.ptp(confusion[:, :, -1], axis=1), 0.0, atol=1e-12, err_msg="silence says something")
    named = min(len(speaks), classes)
    for s, share in enumerate(speaks):
        column = confusion[s, :, s % classes]
        behind = column / column.sum()
        most = max(1 / (named * share), 1 / classes)
        assert behind[s % classes] == pytest.approx(min(KNOWS + (1 - KNOWS) / classes, most))
        others = np.delete(behind, s % classes)
        np.testing.assert_allclose(others, others[0])


def test_a_network_moves_what_is_believed_of_rules_a_part_of_the_way() -> None:
    """Two rules for the first class, of which it holds one to be right and the other to be wrong."""
    believed = np.array([[0.95, 0.05], [0.5, 0.5], [0.05, 0.95]])
    counts = ruled([0.1, 0.1, 0.1], 2, believed)
    even = np.full(2, 0.5)
    alone, taught = (Regularised(taught=t).confusion(counts, even)[:, :, 0] for t in (False, True))
    before, after = (c[:, 0] / c.sum(axis=1) for c in (alone, taught))
    assert before[0] == before[2] == pytest.approx(0.8)
    assert after[2] < before[2] < after[0]
    farthest = MOST * believed[[0, 2], 0] + (1 - MOST) * before[[0, 2]]
    assert (np.abs(after - before)[[0, 2]] <= np.abs(farthest - before[[0, 2]])).all()


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
