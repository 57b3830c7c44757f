"""Exact labels against closed forms: likelihood p[y], posterior one-hot, belief where nothing is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import log_softmax

from tacit.data.prediction import Categorical, Normal
from tacit.data.task import Classes, MultiLabel
from tacit.errors import InputError
from tacit.labels import Exact


def example(rng: np.random.Generator) -> Exact:
    """Six records of three classes, the last one unknown."""
    return Exact(np.append(rng.integers(-1, 3, 4), [rng.integers(3), -1]), ["a", "b", "c"])


def belief(sites: int, classes: int, seed: int = 0) -> Tensor:
    """(sites, classes) random log-probabilities in double precision."""
    draws = torch.randn(sites, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return log_softmax(2 * draws, dim=1)


def test_likelihood_is_the_probability_of_each_known_label_in_order() -> None:
    log_p = belief(5, 3)
    labels = Exact(np.array([2, -1, 0, 1, -1]), ["a", "b", "c"])
    expected = [log_p[0, 2], log_p[2, 0], log_p[3, 1]]
    assert labels.log_likelihood(Categorical(log_p)).tolist() == [float(e) for e in expected]


def test_likelihood_passes_gradcheck() -> None:
    labels = Exact(np.array([2, -1, 0, 1]), ["a", "b", "c"])
    log_p = belief(4, 3).requires_grad_()
    assert gradcheck(lambda x: labels.log_likelihood(Categorical(x)), (log_p,))


def test_posterior_is_one_hot_where_known_and_the_belief_elsewhere() -> None:
    log_p = belief(4, 3)
    posterior = Exact(np.array([2, -1, 0, -1]), ["a", "b", "c"]).posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    expected = log_p.exp()
    expected[0] = torch.tensor([0.0, 0.0, 1.0])
    expected[2] = torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(posterior.p, expected)
    assert not posterior.log_p.requires_grad


def test_posterior_without_any_label_is_the_belief() -> None:
    log_p = belief(3, 2)
    posterior = Exact(np.full(3, -1), ["a", "b"]).posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    torch.testing.assert_close(posterior.log_p, log_p)


def test_posterior_of_what_a_model_predicts_in_inference_mode_works() -> None:
    with torch.inference_mode():
        log_p = belief(2, 2)
    posterior = Exact(np.array([1, -1]), ["a", "b"]).posterior(Categorical(log_p.clone()))
    assert isinstance(posterior, Categorical)
    assert posterior.p[0].tolist() == [0.0, 1.0]


def test_emission_is_the_likelihood_of_each_truth() -> None:
    """Bayes by hand: p times exp(emission), renormalised, is the posterior."""
    log_p = belief(4, 3)
    labels = Exact(np.array([1, -1, 2, 0]), ["a", "b", "c"])
    joint = log_p.exp() * labels.log_emission().double().exp()
    bayes = joint / joint.sum(dim=1, keepdim=True)
    posterior = labels.posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    torch.testing.assert_close(posterior.p, bayes)


def test_several_labels_a_record_are_two_class_sites_in_record_order() -> None:
    y = np.array([[1, -1, 0], [-1, -1, 1]])
    labels = Exact(y, ["red", "round", "big"])
    assert labels.task == MultiLabel(("red", "round", "big"))
    log_p = belief(6, 2)
    expected = [log_p[0, 1], log_p[2, 0], log_p[5, 1]]
    assert labels.log_likelihood(Categorical(log_p)).tolist() == [float(e) for e in expected]
    assert_array_equal(labels.labelled(), [0, 1])
    assert_array_equal(labels.counts(), [1, 0, 1])
    assert_array_equal(labels.take(np.array([1])).y, [[-1, -1, 1]])
    assert "2 of 2 records, 3 labels" in labels.describe()


@given(
    st.lists(st.integers(-1, 3), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_permuting_records_permutes_evidence_and_posterior(y: list[int], random: Any) -> None:
    order = list(range(len(y)))
    random.shuffle(order)
    log_p = belief(len(y), 4, seed=len(y))
    labels = Exact(np.array(y), list("abcd"))
    moved = labels.take(np.array(order))
    straight, permuted = labels.posterior(Categorical(log_p)), moved.posterior(Categorical(log_p[order]))
    assert isinstance(straight, Categorical) and isinstance(permuted, Categorical)
    torch.testing.assert_close(permuted.p, straight.p[order])
    totals = [float(e.log_likelihood(Categorical(p)).sum()) for e, p in ((labels, log_p), (moved, log_p[order]))]
    assert totals[0] == pytest.approx(totals[1])


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=12), st.data())
@settings(max_examples=40, deadline=None)
def test_hiding_units_removes_just_their_evidence(y: list[int], data: st.DataObject) -> None:
    labels = Exact(np.array(y), list("abc"))
    known = [i for i, v in enumerate(y) if v >= 0]
    hidden = data.draw(st.lists(st.sampled_from(range(len(known))), unique=True)) if known else []
    left = labels.hide(np.array(hidden, dtype=np.int64))
    expected = [-1 if i in {known[u] for u in hidden} else v for i, v in enumerate(y)]
    assert left.y.tolist() == expected
    assert labels.y.tolist() == y, "labels are immutable"
    assert len(left.units()) == len(known) - len(hidden)


def test_units_components_and_padding() -> None:
    labels = Exact(np.array([0, -1, 1, 1]), ["a", "b"])
    units = labels.units()
    assert_array_equal(units.sites, [0, 2, 3])
    assert_array_equal(units.offsets, [0, 1, 2, 3])
    assert len(set(labels.components().tolist())) == 3, "labels of different records share no site"
    assert len(Exact(np.array([-1, -1]), ["a", "b"]).components()) == 0
    longer = labels.padded(2)
    assert longer.y.tolist() == [0, -1, 1, 1, -1, -1]
    assert longer.task == labels.task
    assert_array_equal(longer.labelled(), labels.labelled())
    assert Exact(np.array([[1, 0]])).padded(1).y.tolist() == [[1, 0], [-1, -1]]
    assert labels.dropped == 0


def test_labels_cannot_be_written_to_at_any_stage() -> None:
    given = np.array([0, 1, -1])
    labels = Exact(given, ["a", "b"])
    given[0] = 1
    assert labels.y[0] == 0
    for made in (labels, labels.take(np.array([0])), labels.hide(np.array([0])), labels.padded(1)):
        with pytest.raises(ValueError, match="read-only"):
            made.y[0] = 1


def test_evidence_model_follows_its_labels() -> None:
    labels = Exact(np.array([1, 0, -1]), ["a", "b"])
    model = labels.model()
    prediction = Categorical(belief(3, 2))
    torch.testing.assert_close(model.log_likelihood(prediction), labels.log_likelihood(prediction))
    part = model.take(np.array([2, 0, 0]))
    assert part.log_likelihood(prediction).tolist() == [float(prediction.log_p[1, 1]), float(prediction.log_p[2, 1])]
    assert not list(model.parameters())


@pytest.mark.parametrize(
    ("values", "names", "y"),
    [
        (["cat", None, "dog", "cat"], ("cat", "dog"), [0, -1, 1, 0]),
        ([3, 3.0, 10, np.float32(10), np.int8(3)], ("3", "10"), [0, 0, 1, 1, 0]),
        ([2.5, "10", float("nan"), ""], ("2.5", "10"), [0, 1, -1, -1]),
        ([True, False, None], ("False", "True"), [1, 0, -1]),
        ([pd.NA, "x", pd.NaT, "y", "   "], ("x", "y"), [-1, 0, -1, 1, -1]),
        (["10", "9", "a"], ("10", "9", "a"), [0, 1, 2]),
        ([-1.0, 1.0], ("-1", "1"), [0, 1]),
    ],
)
def test_raw_values_become_sorted_classes(values: list[Any], names: tuple[str, ...], y: list[int]) -> None:
    labels = Exact.from_values(values)
    assert labels.task == Classes(names)
    assert labels.y.tolist() == y


def test_given_classes_keep_their_order_and_need_no_example() -> None:
    labels = Exact.from_values(["b", None], ["z", "b", "a"])
    assert labels.task == Classes(("z", "b", "a"))
    assert labels.y.tolist() == [1, -1]
    with pytest.raises(InputError, match=r"record 1 has label 'c', which is none of the classes"):
        Exact.from_values(["a", "c"], ["a", "b"])


@pytest.mark.parametrize(
    ("y", "classes", "message"),
    [
        (np.array([0, 3]), ["a", "b"], "record 1 has label 3, but labels go from 0 to 1"),
        (np.array([0, -2]), ["a", "b"], "record 1 has label -2"),
        (np.array([[0, 2]]), ["a", "b"], "record 0 has label 2, but labels go from 0 to 1"),
        (np.array([0.5]), None, "labels are float64"),
        (np.zeros((2, 2, 2, 2), int), None, "labels have shape"),
        (np.array([[0, 1]]), ["a"], "1 class names for 2 labels"),
        (np.array([0, 1]), ["a", "a"], "two classes have the same name"),
    ],
)
def test_unusable_labels_are_refused_by_name(y: Any, classes: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Exact(y, classes)


def test_a_prediction_of_numbers_is_refused() -> None:
    with pytest.raises(TypeError, match="speaks of classes"):
        Exact(np.array([0]), ["a", "b"]).log_likelihood(Normal(torch.zeros(1), torch.zeros(1)))
