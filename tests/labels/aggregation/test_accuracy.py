"""How often sources are right, against counting and against SciPy's interval."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import binomtest

from tacit.labels import Votes
from tacit.labels.aggregation.accuracy import Z, accuracy
from tacit.labels.aggregation.methods import aggregate


def test_with_certain_beliefs_it_counts() -> None:
    rng = np.random.default_rng(0)
    n = 50
    y, vote = rng.integers(3, size=n), rng.integers(3, size=(n, 2))
    vote[rng.random((n, 2)) < 0.3] = -1
    votes = Votes.from_wide(vote, ["a", "b", "c"], abstain="ignored")
    found = accuracy(votes.tally(), np.eye(3)[y[votes.observed()]])
    for source in range(2):
        said = vote[:, source] >= 0
        right = int((vote[said, source] == y[said]).sum())
        ends = binomtest(right, int(said.sum())).proportion_ci(method="wilson")
        assert found[source] == pytest.approx([said.sum(), right / said.sum(), ends.low, ends.high])


def test_a_source_without_votes_has_no_accuracy() -> None:
    votes = Votes([0, 1], [0, 0], [0, 1], 2, ["a", "b"], sources=["said", "silent"])
    found = accuracy(votes.tally(), np.full((2, 2), 0.5))
    assert found[0, :2] == pytest.approx([2, 0.5])
    assert found[1, 0] == 0
    assert np.isnan(found[1, 1:]).all()


def wilson(rate: float, votes: float, more: float = 0.0) -> tuple[float, float]:
    """The rates t that a rate of so many votes does not refute: where (rate - t)^2 = Z^2 (t (1 - t) / votes + more)."""
    a = Z**2 / votes
    low, high = np.sort(np.roots([1 + a, -2 * rate - a, rate**2 - Z**2 * more]).real)
    return max(float(low), 0.0), min(float(high), 1.0)


@pytest.mark.parametrize("q", [(0.9, 0.6, 0.8, 1.0, 0.3), (0.5,) * 5, (0.95, 0.9, 0.9, 0.9, 0.8)])
def test_what_beliefs_leave_open_widens_the_interval_by_the_law_of_total_variance(q: tuple[float, ...]) -> None:
    beliefs = np.array(q)
    votes = Votes(np.arange(5), [0] * 5, [0, 1, 0, 1, 1], 5, ["a", "b"])
    right = np.array(list(product([0, 1], repeat=5)))
    chance = np.prod(np.where(right, beliefs, 1 - beliefs), axis=1)
    rate = right.mean(axis=1)
    mean = chance @ rate
    variance = chance @ (rate * (1 - rate) / 5) + chance @ (rate - mean) ** 2
    p = np.where(votes.ballots.vote == 0, beliefs, 1 - beliefs)
    found = accuracy(votes.tally(), np.stack([p, 1 - p], axis=1))
    assert found[0] == pytest.approx([5, mean, *wilson(mean, 5, variance - mean * (1 - mean) / 5)])


def test_beliefs_that_are_nearly_certain_are_nearly_as_good_as_truths() -> None:
    votes = Votes(np.arange(100), [0] * 100, [0] * 100, 100, ["a", "b"])
    for doubt in (1e-15, 1e-9, 1e-5):
        found = accuracy(votes.tally(), np.tile([1 - doubt, doubt], (100, 1)))
        assert found[0] == pytest.approx([100, 1, *wilson(1, 100)], abs=1e-3)


def test_the_interval_stays_within_0_and_1() -> None:
    rng = np.random.default_rng(0)
    vote = rng.integers(2, size=(40, 30))
    vote[rng.random((40, 30)) < rng.random(30)] = -1
    votes = Votes.from_wide(vote, ["a", "b"], abstain="ignored")
    for sharpness in (0.0, 0.3, 3.0, 30.0):
        p = expit(sharpness * rng.normal(size=len(votes.observed())))
        found = accuracy(votes.tally(), np.stack([p, 1 - p], axis=1))
        found = found[found[:, 0] > 0]
        assert (found[:, 2] >= 0).all() and (found[:, 3] <= 1).all()
        assert (found[:, 2] < found[:, 1] + 1e-12).all() and (found[:, 1] < found[:, 3] + 1e-12).all()


def crowd(rng: np.random.Generator) -> tuple[NDArray[np.float64], Votes]:
    """Six sources of known rates of being right, and what two of them said of each of 200 items of three classes."""
    rate, y = rng.uniform(0.5, 0.9, 6), rng.integers(3, size=200)
    source = np.concatenate([rng.permutation(6)[:2] for _ in y])
    item = np.repeat(np.arange(200), 2)
    wrong = (y[item] + rng.integers(1, 3, size=400)) % 3
    vote = np.where(rng.random(400) < rate[source], y[item], wrong)
    return rate, Votes(item, source, vote, 200, ["a", "b", "c"])


def test_it_holds_the_true_rate_more_nearly_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held, if_certain = [], []
    for _ in range(40):
        rate, votes = crowd(rng)
        found = accuracy(votes.tally(), aggregate(votes).p[votes.observed()])
        for true, (count, right, low, high) in zip(rate.tolist(), found.tolist(), strict=True):
            held.append(low <= true <= high)
            before = wilson(right, count)
            if_certain.append(before[0] <= true <= before[1])
    assert abs(np.mean(held) - 0.95) < abs(np.mean(if_certain) - 0.95) - 0.05
