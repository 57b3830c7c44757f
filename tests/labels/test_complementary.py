"""Complementary labels: enumeration, and the candidates that are left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Candidates, Complementary

from .judge import assert_enumerated, belief


def example(rng: np.random.Generator) -> Complementary:
    """Six records of three classes, one class or two excluded; nothing is excluded for the last one."""
    mask = rng.random((6, 3)) < 0.4
    mask[np.arange(6), rng.integers(3, size=6)] = False
    mask[0], mask[5] = [False, True, False], False
    return Complementary(mask, ["a", "b", "c"])


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_likelihood_is_that_the_truth_is_not_excluded(seed: int) -> None:
    mask = np.random.default_rng(seed).random((4, 3)) < 0.4
    mask[:, seed % 3] = False
    labels = Complementary(mask)
    assert_enumerated(labels, belief(4, 3, seed), lambda truth: float(not any(mask[i, c] for i, c in enumerate(truth))))


def test_they_are_the_candidates_that_are_left() -> None:
    labels, log_p = example(np.random.default_rng(1)), Categorical(belief(6, 3))
    left = Candidates(labels.possible, labels.task.names)
    torch.testing.assert_close(labels.log_likelihood(log_p), left.log_likelihood(log_p))
    assert labels.observed().tolist() == left.observed().tolist()


def test_the_complement_of_a_sure_class_keeps_its_precision() -> None:
    """1 - p would be 0 here; what is left is the sum of the others' own probabilities."""
    log_p = torch.tensor([[-1e-40, -92.0, -93.0]], dtype=torch.float64)
    found = Complementary([[True, False, False]]).log_likelihood(Categorical(log_p))
    assert found.item() == pytest.approx(np.logaddexp(-92.0, -93.0), rel=1e-15)


def test_unknown_cells_exclude_nothing() -> None:
    labels = Complementary([[1, -1, None], [0, 0, 0]])
    assert labels.possible.tolist() == [[False, True, True], [True, True, True]]
    assert labels.observed().tolist() == [0]
    assert labels.padded(1).observed().tolist() == [0]
    assert list(labels.rows(["x", "y"])) == [{"id": "x", "excluded": ["0"]}]
    assert labels.describe() == "excluded classes on 1 of 2 records, 1 of 3 each on average"


def test_excluding_every_class_is_refused_by_record() -> None:
    with pytest.raises(InputError, match="record 1 can be of no class: every candidate is excluded"):
        Complementary([[1, 0], [1, 1]])
