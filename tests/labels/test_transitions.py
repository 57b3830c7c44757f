"""Estimates of a noise transition against loops over the papers' equations, a general optimiser, and known noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from tacit.labels.transitions import (
    anchor_transition,
    confident_joint,
    confident_transition,
    likeliest_transition,
    pooled_transition,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NOISE = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9]])


def literal_joint(p: Floats, y: Ints) -> list[list[int]]:
    """Northcutt et al. 2021, equations 1 and 2, one record after another."""
    classes = p.shape[1]
    threshold = [float(np.mean([p[i, j] for i in range(len(y)) if y[i] == j] or [np.inf])) for j in range(classes)]
    joint = [[0] * classes for _ in range(classes)]
    for i in range(len(y)):
        above = [j for j in range(classes) if p[i, j] >= threshold[j] - 1e-6]
        if above:
            joint[y[i]][max(above, key=lambda j: p[i, j])] += 1
    return joint


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_the_confident_joint_is_counted_as_in_the_paper(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.dirichlet(np.ones(classes), n), rng.integers(classes, size=n)
    joint = confident_joint(p, y)
    assert joint.tolist() == literal_joint(p, y)
    transition = confident_transition(p, y)
    assert_allclose(transition.sum(axis=1), 1.0, rtol=1e-12)
    assert (transition >= 0).all()


def test_calibration_follows_the_counts_of_given_classes() -> None:
    """Equation 3 by hand: rows of the joint are rescaled to 4 and 2 labels, then each true class's column to 1."""
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9], [0.15, 0.85]])
    y = np.array([0, 0, 0, 0, 1, 1])
    assert_array_equal(confident_joint(p, y), [[3, 0], [0, 1]])
    p[2] = [0.1, 0.9]
    # thresholds now 0.625 and 0.875: three records stay with class 0, one moves, and one of class 1 is unsure
    assert_array_equal(confident_joint(p, y), [[3, 1], [0, 1]])
    assert_allclose(confident_transition(p, y), [[1.0, 0.0], [1 / 3, 2 / 3]])


def test_classes_that_nobody_was_given_keep_a_row_of_their_own() -> None:
    transition = confident_transition(np.full((4, 3), 1 / 3), np.array([0, 0, 2, 2]))
    assert_allclose(transition[1], [0, 1, 0])
    assert_allclose(transition.sum(axis=1), 1.0)


def noisy_draws(n: int, seed: int) -> tuple[Floats, Ints, Ints]:
    """Probabilities of the true class (n, 3) that are right, true classes, and given ones under ``NOISE``."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(3, 0.05), n)
    true = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    given = (NOISE[true].cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return p, true, given


@pytest.mark.parametrize("estimator", ["confident", "anchors", "likeliest"])
def test_known_noise_is_found_again(estimator: str) -> None:
    """From perfect predictions of the given class (or, for the likeliest, of the true one)."""
    p, _, given = noisy_draws(20_000, 0)
    found = {
        "confident": lambda: confident_transition(p @ NOISE, given),
        "anchors": lambda: anchor_transition(p @ NOISE),
        "likeliest": lambda: likeliest_transition(p, given, np.full((3, 3), 0.1) + 0.7 * np.eye(3)),
    }[estimator]()
    assert_allclose(found, NOISE, atol=0.04)
    assert np.abs(found - NOISE).sum() < 0.3 * np.abs(np.eye(3) - NOISE).sum()


def test_the_confident_joint_knows_noise_from_predictions_of_the_truth_too_and_anchors_do_not() -> None:
    """Once a network predicts the true class, an anchor's prediction is its class and nothing else."""
    p, _, given = noisy_draws(20_000, 1)
    assert_allclose(confident_transition(p, given), NOISE, atol=0.05)
    assert_allclose(anchor_transition(p), np.eye(3), atol=0.01)


def test_an_anchor_is_the_record_at_the_quantile() -> None:
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(3), 101)
    for c in range(3):
        assert_allclose(anchor_transition(p)[c], p[np.flatnonzero(p[:, c] == np.sort(p[:, c])[97])[0]])
        assert_allclose(anchor_transition(p, quantile=1.0)[c], p[p[:, c].argmax()])


def test_the_likeliest_transition_is_what_an_optimiser_finds() -> None:
    p, _, given = noisy_draws(300, 3)

    def loss(w: Floats) -> float:
        transition = np.exp(log_softmax(w.reshape(3, 3), axis=1))
        return -float(np.log((p * transition[:, given].T).sum(axis=1)).mean())

    best = minimize(loss, (3 * np.eye(3)).ravel(), method="BFGS", options={"gtol": 1e-8})
    expected = np.exp(log_softmax(best.x.reshape(3, 3), axis=1))
    start = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    assert_allclose(likeliest_transition(p, given, start, rounds=5000, tolerance=1e-10), expected, atol=1e-3)


def test_a_class_that_nobody_is_believed_to_be_of_keeps_its_row() -> None:
    start = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = likeliest_transition(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]), start)
    assert_allclose(found, [[0.5, 0.5], [0.2, 0.8]])


def test_a_pooled_transition_spreads_half_of_the_errors_where_the_truth_is_known() -> None:
    true = np.array([0] * 10 + [1] * 5 + [2] * 4)
    given = np.array([0] * 6 + [1] * 4 + [1] * 4 + [2] + [2] * 4)
    expected = [[0.6, 0.3, 0.1], [0.05, 0.8, 0.15], [0.0, 0.0, 1.0]]
    many = np.tile(true, 10_000), np.tile(given, 10_000)
    assert_allclose(pooled_transition(np.eye(3)[many[0]], many[1]), expected, atol=1e-3)
    # with 20 records of each class beside them, right for 14 and wrong in either way for 3
    first = np.array([(6 + 14) / 30, (4 + 3) / 30, (0 + 3) / 30])
    even = (1 - first[0]) / 2
    spread = (first + np.array([first[0], even, even])) / 2
    assert_allclose(pooled_transition(np.eye(3)[true], given)[0], spread, atol=1e-6)
    assert_array_equal(pooled_transition(np.ones((4, 1)), np.zeros(4, dtype=np.int64)), [[1.0]])


def test_a_pooled_transition_finds_how_much_noise_there_is_under_a_weak_classifier() -> None:
    """Where predictions are vague but right, confident counting takes their vagueness for noise."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(4, 0.5), 6000)
    true = np.array([rng.choice(4, p=row) for row in p])
    given = np.where(rng.random(6000) < 0.4, (true + rng.integers(1, 4, 6000)) % 4, true)
    pooled, confident = (np.diag(f(p, given)).mean() for f in (pooled_transition, confident_transition))
    assert pooled == pytest.approx(0.6, abs=0.03)
    assert confident < 0.5
