"""Agreement of sources against scikit-learn's kappa, and who is taken for a copy of whom."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from tacit.labels import Votes
from tacit.labels.aggregation import agreement, shared_weight
from tacit.labels.aggregation import dependence as module


def voters(accuracy: list[float], items: int = 500, seed: int = 0) -> NDArray[np.int64]:
    """(items, sources) votes on three classes by sources that err independently."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, items)
    right = rng.random((items, len(accuracy))) < accuracy
    return np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, right.shape)) % 3)


def test_kappa_is_cohens_where_all_have_voted() -> None:
    matrix = voters([0.9, 0.6, 0.5], items=80)
    found = agreement(Votes.from_wide(matrix, abstain="ignored").tally())
    for s, t in [(0, 1), (0, 2), (1, 2)]:
        assert found.kappa[s, t] == pytest.approx(cohen_kappa_score(matrix[:, s], matrix[:, t]))
        assert found.agreed[s, t] == pytest.approx((matrix[:, s] == matrix[:, t]).mean())
    assert np.isnan(np.diag(found.kappa)).all()


def test_silence_is_agreed_on_where_it_is_an_outcome() -> None:
    matrix = np.where(np.random.default_rng(0).random((60, 3)) < 0.4, voters([0.8] * 3, items=60), -1)
    found = agreement(Votes.from_wide(matrix).tally())
    assert found.kappa[0, 1] == pytest.approx(cohen_kappa_score(matrix[:, 0], matrix[:, 1]))
    apart = Votes.from_wide([[0, -1], [-1, 0]], ["a", "b"], abstain="ignored")
    assert np.isnan(agreement(apart.tally()).kappa).all(), "nothing in common, nothing known"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("accuracy", [[0.95] * 3, [0.6] * 10, [0.5, 0.6, 0.7, 0.8, 0.9], [0.9, 0.9, 0.6, 0.6, 0.6]])
def test_independent_sources_all_count_in_full(accuracy: list[float], seed: int) -> None:
    votes = Votes.from_wide(voters(accuracy, seed=seed), abstain="ignored")
    assert_array_equal(shared_weight(votes.tally()), np.ones(len(accuracy)))


def test_near_copies_share_a_vote() -> None:
    matrix, rng = voters([0.7] * 7), np.random.default_rng(1)
    for copy in (1, 2):
        matrix[:, copy] = np.where(rng.random(500) < 0.95, matrix[:, 0], rng.integers(0, 3, 500))
    weight = shared_weight(Votes.from_wide(matrix, abstain="ignored").tally())
    assert_allclose(weight[:3], 1 / 3, atol=0.06)
    assert_array_equal(weight[3:], np.ones(4))


def test_a_rule_within_another_is_a_copy() -> None:
    rng = np.random.default_rng(0)
    fires = rng.random((1000, 4)) < 0.1
    fires[:, 3] = fires[:, 0] & (rng.random(1000) < 0.9)
    weight = shared_weight(Votes.from_wide(np.where(fires, [0, 1, 0, 0], -1)).tally())
    assert (weight[[0, 3]] < 0.6).all() and (weight[[1, 2]] == 1).all()


def test_few_items_in_common_prove_nothing_and_two_sources_are_not_compared() -> None:
    matrix = voters([0.7] * 6, items=4)
    matrix[:, 1] = matrix[:, 0]
    assert_array_equal(shared_weight(Votes.from_wide(matrix, list("abc"), abstain="ignored").tally()), np.ones(6))
    two = Votes.from_wide(voters([0.7])[:, [0, 0]], abstain="ignored")
    assert_array_equal(shared_weight(two.tally()), np.ones(2))


def test_a_part_of_many_items_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = voters([0.7] * 5)
    matrix[:, 1] = matrix[:, 0]
    tally = Votes.from_wide(matrix, abstain="ignored").tally()
    whole = shared_weight(tally)
    monkeypatch.setattr(module, "MOST_PAIRS", 5 * 5 * 250)
    assert_allclose(shared_weight(tally), whole)
    assert 150 < agreement(tally).common[0, 1] < 350  # about 250 items, drawn
