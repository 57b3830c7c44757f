"""Noisy labels against enumeration, and what a transition may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Candidates, Exact, Labels, Noisy

from .judge import assert_enumerated, belief

NOISE = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9]])


def example(rng: np.random.Generator) -> Noisy:
    """Six records of three classes, the last one unknown; the transition is given."""
    return Noisy(np.append(rng.integers(-1, 3, 4), [rng.integers(3), -1]), rng.dirichlet(np.ones(3), 3), list("abc"))


def renamed(labels: Noisy, names: Sequence[str]) -> Noisy:
    """The same labels of other names."""
    return Noisy(labels.y, labels.transition, names)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_likelihood_is_that_the_truth_was_given_so(seed: int) -> None:
    labels = example(np.random.default_rng(seed))
    transition, y = labels.transition, labels.y
    assert transition is not None

    def observed(truth: Sequence[int]) -> float:
        return float(np.prod([transition[c, k] for c, k in zip(truth, y, strict=True) if k >= 0]))

    assert_enumerated(labels, belief(6, 3, seed), observed)


def test_no_noise_is_an_exact_label_and_pure_noise_is_none() -> None:
    log_p, y = Categorical(belief(3, 3)), np.array([2, -1, 1])
    torch.testing.assert_close(
        Noisy(y, np.eye(3)).log_likelihood(log_p), Exact(y, ["0", "1", "2"]).log_likelihood(log_p)
    )
    posterior = Noisy(y, np.full((3, 3), 1 / 3)).posterior(log_p)
    assert isinstance(posterior, Categorical)
    torch.testing.assert_close(posterior.p, log_p.p)


def test_permuting_classes_permutes_the_posterior() -> None:
    y, log_p, order = np.array([2, 0, -1]), belief(3, 3), np.array([2, 0, 1])
    place = np.argsort(order)
    moved = Noisy(np.where(y >= 0, place[y], -1), NOISE[order][:, order])
    straight, permuted = Noisy(y, NOISE).posterior(Categorical(log_p)), moved.posterior(Categorical(log_p[:, order]))
    assert isinstance(straight, Categorical) and isinstance(permuted, Categorical)
    torch.testing.assert_close(permuted.p, straight.p[:, order])


def test_other_evidence_on_the_same_record_adds() -> None:
    log_p = belief(1, 3)
    both = Labels.combine(Noisy([1], NOISE), Candidates([[1, 1, 0]]))
    expected = float((log_p[0, 0].exp() * 0.3 + log_p[0, 1].exp() * 0.8).log())
    assert_allclose(both.log_likelihood(Categorical(log_p)), [expected], rtol=1e-12)


@pytest.mark.parametrize("how", ["estimate", "learn"])
def test_what_is_not_known_yet_is_refused_with_what_to_do(how: str) -> None:
    labels = Noisy([0, 1, -1], how)
    with pytest.raises(InputError, match="not known yet: fit model"):
        labels.log_likelihood(Categorical(belief(3, 2)))
    header = labels.header()
    again = Noisy.from_rows(header, list(labels.rows("xyz")), "xyz")
    assert (again.header(), again.y.tolist()) == (header, [0, 1, -1])
    assert "to be" in labels.hide(np.array([0])).describe()


def test_rounded_rows_are_rescaled_and_the_given_matrix_may_change() -> None:
    given = np.array([[0.6667, 0.3334], [0.0, 1.0]])
    labels = Noisy([0, 1], given)
    given[:] = 0
    assert labels.transition is not None
    assert_allclose(labels.transition.sum(axis=1), 1.0, rtol=1e-15)
    assert_array_equal(Noisy([0], labels.transition).transition, labels.transition)
    assert labels.task.names == ("0", "1")


def test_the_table_holds_the_given_classes(tmp_path: Path) -> None:
    Noisy([1, -1], np.eye(2), ["cat", "dog"]).to_file(tmp_path / "n.csv", ["x", "y"])
    assert (tmp_path / "n.csv").read_text().split() == ["id,label", "x,dog", "y,"]


def test_describe_says_how_good_they_are() -> None:
    said = Noisy([0, -1, 2], NOISE).describe()
    assert said == "noisy labels on 2 of 3 records, 3 classes, transition given, 80% right on average over the classes"
    assert Noisy([0], "estimate", "ab", "anchors").describe().endswith("transition to be estimated (anchors)")


@pytest.mark.parametrize(
    ("y", "transition", "options", "message"),
    [
        ([0, 1], [[0.9, 0.1], [0.2, 0.7]], {}, "row 1 of the transition does not sum to 1"),
        ([0, 1], [[1.1, -0.1], [0.0, 1.0]], {}, "row 0 of the transition holds a negative number"),
        ([0, 1], [[1.0, 0.0], [np.nan, 1.0]], {}, "row 1 of the transition holds a negative number or none"),
        ([0, 1], [[0.5, 0.5]], {}, r"the transition has shape \(1, 2\)"),
        ([0, 1], [["a", "b"], ["c", "d"]], {}, "the transition is no matrix of numbers"),
        ([0, 1], np.eye(3), {"classes": ["a", "b"]}, "the transition is of 3 classes, but there are 2"),
        ([0, 2], np.eye(2), {}, "record 1 has label 2, but labels go from 0 to 1"),
        ([0, 1], [[1.0, 0.0], [1.0, 0.0]], {}, "record 1 was given '1', which the transition never gives"),
        ([0, 1], "lern", {}, "unknown transition 'lern'"),
        ([0, 1], "estimate", {"estimator": "anchor"}, "unknown estimator 'anchor'"),
        ([[0, 1], [1, 0]], "learn", {}, "noisy labels have shape .2, 2.; give one a record"),
        ([0.5], "learn", {}, "labels are float64"),
    ],
)
def test_unusable_noise_is_refused(y: Any, transition: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Noisy(y, transition, **options)
