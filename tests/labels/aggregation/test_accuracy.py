"""How often sources are right, against counting and against SciPy's interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from tacit.labels import Votes
from tacit.labels.aggregation.accuracy import accuracy


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
