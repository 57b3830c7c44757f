"""Preferences against the closed forms of Bradley and Terry and of Davidson, and what circles do to them."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical, Normal
from tacit.data.task import Classes, MultiLabel, Number
from tacit.errors import InputError
from tacit.labels import Exact, Labels, Preferences

from .judge import belief


def example(rng: np.random.Generator) -> Preferences:
    """Five pairs, one of them a tie, among seven records; about a number, a class, or one label of several."""
    winner, loser, tie = [0, 3, 2, 0, 5], [1, 0, 3, 5, 2], [False, False, True, False, False]
    kind = int(rng.integers(3))
    if kind == 0:
        return Preferences(winner, loser, 7, tie=tie)
    return Preferences(winner, loser, 7, "b", ["a", "b", "c"], tie, nu=0.7, multilabel=kind == 2)


def renamed(labels: Labels, names: list[str]) -> Preferences:
    known = cast(Preferences, labels)
    several = isinstance(known.task, MultiLabel)
    return Preferences(known.winner, known.loser, known.n, names[1], names, known.tie, known.nu, several)


def scores(mean: list[float]) -> Normal:
    return Normal(torch.tensor(mean, dtype=torch.float64), torch.zeros(len(mean), dtype=torch.float64))


@given(st.lists(st.floats(-40, 40), min_size=3, max_size=3))
@settings(max_examples=30, deadline=None)
def test_the_likelihood_of_numbers_is_the_logistic_of_the_difference(mean: list[float]) -> None:
    labels = Preferences([0, 2], [1, 0], 3)
    expected = [-math.log1p(math.exp(-(mean[a] - mean[b]))) for a, b in ((0, 1), (2, 0))]
    assert_allclose(labels.log_likelihood(scores(mean)), expected, rtol=1e-12, atol=1e-300)


def test_the_score_of_a_class_is_its_logit() -> None:
    log_p = belief(4, 3)
    labels = Preferences([3, 0], [1, 2], 4, of="b", classes=["a", "b", "c"])
    score = logit(log_p.exp()[:, 1].numpy())
    expected = np.log(expit(score[[3, 0]] - score[[1, 2]]))
    assert_allclose(labels.log_likelihood(Categorical(log_p)), expected, rtol=1e-12)
    assert gradcheck(lambda x: labels.log_likelihood(Categorical(x)), (log_p.clone().requires_grad_(),))


def test_the_score_of_one_label_among_several_is_its_own_site() -> None:
    log_p = belief(6, 2)
    labels = Preferences([2], [0], 3, of="b", classes=["a", "b"], multilabel=True)
    assert_array_equal(labels.units().sites, [5, 1])
    score = logit(log_p.exp()[:, 1].numpy())
    assert float(labels.log_likelihood(Categorical(log_p))) == pytest.approx(float(np.log(expit(score[5] - score[1]))))
    assert labels.log_likelihood(Categorical(log_p)).shape == (1,)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.05, 5))
@settings(max_examples=30, deadline=None)
def test_with_ties_the_three_outcomes_are_davidsons(first: float, second: float, nu: float) -> None:
    a, b = math.exp(first), math.exp(second)
    total = a + b + nu * math.sqrt(a * b)
    outcomes = Preferences([0, 1, 0], [1, 0, 1], 2, tie=[False, False, True], nu=nu)
    found = outcomes.log_likelihood(scores([first, second]))
    assert_allclose(found.exp(), [a / total, b / total, nu * math.sqrt(a * b) / total], rtol=1e-12)
    assert float(found.exp().sum()) == pytest.approx(1.0)


def test_without_nu_ties_between_equals_are_as_frequent_as_ties_are() -> None:
    labels = Preferences([0] * 9, [1] * 9, 2, tie=[True] * 4 + [False] * 5)
    share = float(labels.log_likelihood(scores([1.0, 1.0]))[0].exp())
    assert share == pytest.approx(4.5 / 10)
    assert math.isfinite(float(Preferences([0], [1], 2, tie=[True]).log_likelihood(scores([0.0, 9.0]))))


@pytest.mark.parametrize("gap", [0.0, 1e-30, 800.0, 1e20])
def test_extreme_scores_stay_finite(gap: float) -> None:
    for tie in (None, [False, True]):
        mean = torch.tensor([gap, -gap], dtype=torch.float64, requires_grad=True)
        likelihood = Preferences([0, 1], [1, 0], 2, tie=tie).log_likelihood(Normal(mean, torch.zeros_like(mean)))
        (gradient,) = torch.autograd.grad(likelihood.sum(), mean)
        assert bool(torch.isfinite(likelihood).all()) and bool(torch.isfinite(gradient).all())
    sure = torch.tensor([[0.0, -math.inf], [-math.inf, 0.0]], dtype=torch.float64, requires_grad=True)
    labels = Preferences([0, 1], [1, 0], 2, of="b", classes=["a", "b"])
    likelihood = labels.log_likelihood(Categorical(sure))
    (gradient,) = torch.autograd.grad(likelihood.sum(), sure)
    assert bool(torch.isfinite(likelihood).all()) and bool(torch.isfinite(gradient).all())


def test_the_belief_comes_back() -> None:
    prediction = scores([1.0, 2.0])
    prediction.mean.requires_grad_()
    posterior = Preferences([0], [1], 2).posterior(prediction)
    assert isinstance(posterior, Normal) and not posterior.mean.requires_grad
    assert posterior.mean.tolist() == [1.0, 2.0]
    log_p = belief(2, 2)
    of_classes = Preferences([0], [1], 2, of="a", classes=["a", "b"]).posterior(Categorical(log_p))
    assert isinstance(of_classes, Categorical)
    torch.testing.assert_close(of_classes.log_p, log_p)


def test_beside_other_evidence_on_classes_they_keep_their_units() -> None:
    log_p = belief(3, 2)
    exact = Exact(np.array([1, -1, -1]), ["a", "b"])
    pairs = Preferences([0, 1], [1, 2], 3, of="b", classes=["a", "b"])
    both = Labels.combine(exact, pairs)
    expected = torch.cat([part.log_likelihood(Categorical(log_p)) for part in (exact, pairs)])
    torch.testing.assert_close(both.log_likelihood(Categorical(log_p)), expected)
    posterior = both.posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    torch.testing.assert_close(posterior.p[1:], log_p.exp()[1:])


def reaches(pairs: list[tuple[int, int]], n: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each record is preferred to each other one, by way of others (Warshall)."""
    reach = np.zeros((n, n), dtype=bool)
    for a, b in pairs:
        reach[a, b] = True
    for k, i, j in itertools.product(range(n), repeat=3):
        reach[i, j] |= reach[i, k] and reach[k, j]
    return reach


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] != p[1]), max_size=12))
@settings(max_examples=60, deadline=None)
def test_circles_are_counted_as_by_transitive_closure(pairs: list[tuple[int, int]]) -> None:
    labels = Preferences([a for a, _ in pairs], [b for _, b in pairs], 7)
    reach = reaches(pairs, 7)
    inside = sum(bool(reach[b, a]) for a, b in pairs)
    groups = {frozenset(np.flatnonzero(reach[i] & reach[:, i]).tolist()) for i in range(7) if reach[i, i]}
    assert labels.cycles() == (len(groups), inside)


def test_circles_are_said_and_learned_from() -> None:
    labels = Preferences([0, 1, 2, 3], [1, 2, 0, 0], 4)
    assert labels.describe().endswith("3 (75%) run in circles, in 1 groups of records")
    assert "none run in a circle" in Preferences([0, 1], [1, 2], 3).describe()
    assert "none run in a circle" in Preferences([0, 1], [1, 0], 2, tie=[False, True]).describe()
    mean = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    likelihood = labels.log_likelihood(Normal(mean, torch.zeros_like(mean)))
    (gradient,) = torch.autograd.grad(likelihood.sum(), mean)
    assert_allclose(gradient, [-0.5, 0.0, 0.0, 0.5], atol=1e-15)


def test_units_hide_take_and_padding() -> None:
    labels = Preferences([0, 2, 3], [1, 0, 1], 5, tie=[False, True, False])
    units = labels.units()
    assert_array_equal(units.sites, [0, 1, 2, 0, 3, 1])
    assert_array_equal(labels.hide(np.array([1])).winner, [0, 3])
    taken = labels.take(np.array([1, 3, 2]))
    assert_array_equal([*taken.winner, *taken.loser], [1, 0])
    assert taken.dropped == 2 and taken.nu == labels.nu
    assert len(labels.padded(4)) == 9
    assert labels.take(np.array([4, 4])).dropped == 0
    with pytest.raises(InputError, match="record 1 is taken 2 times"):
        labels.take(np.array([1, 1]))
    assert labels.task == Number() and example(np.random.default_rng(1)).task != Number()
    assert Preferences([0], [1], 2, "a", ["a", "b"]).task == Classes(("a", "b"))


def test_a_table_names_winner_and_loser(tmp_path: Path) -> None:
    Preferences([0, 1], [1, 2], 3, tie=[False, True]).to_file(tmp_path / "p.csv", ["a", "b", "ü"])
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines() == ["winner,loser,tie", "a,b,0", "b,ü,1"]


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        (([0, 1], [1, 1], 2), {}, "preference 1 sets record 1 against itself"),
        (([0], [2], 2), {}, "preference 0 names record 2, but records go from 0 to 1"),
        (([0, 1], [1], 2), {}, "2 winners and 1 losers"),
        (([0], [1], 2), {"tie": [True, False]}, "tie has shape"),
        (([0], [1], 2), {"nu": 0.0}, "nu is 0"),
        (([0], [1], 2), {"of": "a"}, "need both"),
        (([0], [1], 2), {"classes": ["a", "b"]}, "need both"),
        (([0], [1], 2), {"of": "cat", "classes": ["cats", "dogs"]}, "unknown class 'cat'. Did you mean 'cats'"),
        (([0], [1], 2), {"of": "a", "classes": ["a"]}, "at least one class beside it"),
        (([0], [1], 2), {"of": "a", "classes": ["a", "a"]}, "two classes have the same name"),
    ],
)
def test_unusable_preferences_are_refused_by_name(given: tuple[Any, ...], more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Preferences(*given, **more)
