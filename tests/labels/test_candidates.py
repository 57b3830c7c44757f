"""Candidate labels against enumeration, and their two limits: one candidate, all candidates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Candidates, Exact

from .judge import assert_enumerated, belief


def example(rng: np.random.Generator) -> Candidates:
    """Six records of three classes, the last one may be of any."""
    mask = rng.random((6, 3)) < 0.5
    mask[np.arange(6), rng.integers(3, size=6)] = True
    mask[0], mask[5] = [True, False, True], True
    return Candidates(mask, ["a", "b", "c"])


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_likelihood_is_that_the_truth_is_among_them(seed: int) -> None:
    labels = example(np.random.default_rng(seed))
    possible = labels.possible
    assert_enumerated(labels, belief(6, 3, seed), lambda truth: float(all(possible[i, c] for i, c in enumerate(truth))))


def test_one_candidate_is_an_exact_label_and_all_are_none() -> None:
    log_p = belief(3, 3)
    labels = Candidates(np.eye(3, dtype=bool)[[2, 0, 1]])
    exact = Exact(np.array([2, 0, 1]))
    torch.testing.assert_close(labels.log_likelihood(Categorical(log_p)), exact.log_likelihood(Categorical(log_p)))
    assert len(Candidates(np.ones((3, 3), dtype=bool)).units()) == 0


def test_unlikely_candidates_keep_a_finite_gradient() -> None:
    log_p = torch.tensor([[-1e-16, -1e4, -2e4]], dtype=torch.float64, requires_grad=True)
    likelihood = Candidates([[False, True, True]]).log_likelihood(Categorical(log_p))
    likelihood.sum().backward()
    assert likelihood.item() == pytest.approx(-1e4, rel=1e-15)
    assert log_p.grad is not None
    assert log_p.grad.tolist() == [[0.0, 1.0, 0.0]]


def test_permuting_classes_permutes_the_posterior() -> None:
    labels, log_p, order = example(np.random.default_rng(3)), belief(6, 3), [2, 0, 1]
    moved = Candidates(labels.possible[:, order], [labels.task.names[c] for c in order])
    straight, permuted = labels.posterior(Categorical(log_p)), moved.posterior(Categorical(log_p[:, order]))
    assert isinstance(straight, Categorical) and isinstance(permuted, Categorical)
    torch.testing.assert_close(permuted.p, straight.p[:, order])


def test_numbers_stand_for_yes_no_and_unknown() -> None:
    labels = Candidates([[1, 0, None], [1, -1, 0], [math.nan, math.nan, math.nan]])
    assert labels.possible.tolist() == [[True, False, True], [True, True, False], [True, True, True]]
    assert labels.observed().tolist() == [0, 1]
    mask = np.ones((1, 2), dtype=bool)
    kept = Candidates(mask)
    mask[:] = False
    assert kept.possible.all()


def test_the_table_has_a_column_a_class(tmp_path: Path) -> None:
    Candidates([[1, 0], [1, 1]], ["cat, big", "dog"]).to_file(tmp_path / "c.csv", ["r,1", "r2"])
    assert (tmp_path / "c.csv").read_text().split() == ['id,"cat,', 'big",dog', '"r,1",1,0', "r2,,"]


@pytest.mark.parametrize(
    ("mask", "classes", "message"),
    [
        ([[1, 1], [0, 0]], None, "record 1 can be of no class: every candidate is excluded"),
        ([[1, 1], [1, 2]], None, "record 1 has 2 for class 1; give 1 or 0"),
        ([1, 0], None, r"have shape \(2,\)"),
        (np.ones((2, 0), dtype=bool), None, r"have shape \(2, 0\)"),
        ([["yes", "no"]], None, "not all numbers"),
        ([[1, 0]], ["a", "b", "c"], "3 class names for 2 columns"),
        ([[1, 0]], ["a", "a"], "two classes have the same name"),
    ],
)
def test_unusable_masks_are_refused_by_record(mask: Any, classes: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Candidates(mask, classes)


def test_lines_that_name_no_class_are_refused() -> None:
    header = Candidates([[1, 0]], ["cat", "dog"]).header()
    with pytest.raises(InputError, match=r"unknown class 'cot'\. Did you mean 'cat'"):
        Candidates.from_rows(header, [{"id": "r1", "candidates": ["cot"]}], ["r1"])
    with pytest.raises(InputError, match="record 0 can be of no class"):
        Candidates.from_rows(header, [{"id": "r1", "candidates": []}], ["r1"])


def test_describe_counts_what_is_left() -> None:
    assert Candidates([[1, 1, 0], [1, 0, 0], [1, 1, 1]]).describe() == (
        "candidates on 2 of 3 records, 1.5 of 3 classes left on average"
    )
    assert_array_equal(Candidates([[1, 1]]).observed(), [])
    assert Candidates([[1, 1]]).describe() == "candidates on 0 of 1 records"
