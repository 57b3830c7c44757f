"""Positives only: the likelihood by enumeration of truth and selection, and the prior by simulation."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_expit
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical
from tacit.data.task import Classes, MultiLabel
from tacit.errors import InputError
from tacit.labels import Exact, Labels, Positives

from .judge import assert_enumerated, belief


def example(rng: np.random.Generator) -> Positives:
    """Six records of one label or of two, some withheld, with the prior."""
    if rng.random() < 0.5:
        return Positives([1, 0, -1, 0, 1, 0], 0.6)
    state = np.array([[1, 0], [0, -1], [0, 1], [-1, -1], [0, 0], [1, 0]])
    return Positives(state, [0.7, 0.3], ["round", "red"])


def selected(state: np.ndarray[Any, np.dtype[np.int64]], prior: list[float]) -> Any:
    """Probability of these states given every truth: a positive is labelled with c = labelled share / prior."""
    c = [float((s == 1).sum() / (s >= 0).sum()) / p for s, p in zip(state.T, prior, strict=True)]

    def probability(truth: Any) -> float:
        p = 1.0
        for (r, k), y in zip(itertools.product(range(len(state)), range(state.shape[1])), truth, strict=True):
            if state[r, k] == 1:
                p *= c[k] * y
            elif state[r, k] == 0:
                p *= 1 - c[k] * y
        return p

    return probability


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=6), st.floats(0.05, 1.0))
@settings(max_examples=25, deadline=None)
def test_one_label_by_enumeration(state: list[int], room: float) -> None:
    array = np.array(state)
    share = float((array == 1).sum() / max((array >= 0).sum(), 1))
    prior = min(share + room * (1 - share), 1.0)
    if not (array >= 0).any():
        return
    labels = Positives(array, prior)
    assert_enumerated(labels, belief(len(state), 2, len(state)), selected(array[:, None], [prior]))


def test_several_labels_by_enumeration() -> None:
    state = np.array([[1, 0], [0, -1], [0, 1], [-1, 0]])
    labels = Positives(state, [0.5, 0.8], ["round", "red"])
    assert labels.task == MultiLabel(("round", "red"))
    assert_enumerated(labels, belief(8, 2), selected(state, [0.5, 0.8]))


def test_where_all_positives_are_labelled_the_others_are_negative() -> None:
    """A prior that equals the labelled share leaves nothing unlabelled to be positive."""
    log_p = belief(4, 2)
    state = np.array([1, 0, 0, 1])
    labels, exact = Positives(state, 0.5), Exact(state, ["negative", "positive"])
    torch.testing.assert_close(labels.log_likelihood(Categorical(log_p)), exact.log_likelihood(Categorical(log_p)))


def test_the_posterior_of_an_unlabelled_record_is_the_known_formula() -> None:
    """Elkan and Noto 2008: p(positive | unlabelled) = (1 - c) p / (1 - c p)."""
    log_p = belief(4, 2)
    p, c = log_p.exp()[1:, 1], 0.25 / 0.4
    posterior = Positives([1, 0, 0, 0], 0.4).posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    torch.testing.assert_close(posterior.p[1:, 1], (1 - c) * p / (1 - c * p))
    assert posterior.p[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("prior", [0.5, 0.5 + 1e-16, 0.5 + 1e-12, 1.0])
def test_extreme_priors_and_beliefs_stay_finite(prior: float) -> None:
    log_p = torch.tensor([[-1e-30, -69.0], [-69.0, -1e-30], [-1e-16, -37.0], [-37.0, -1e-16]], dtype=torch.float64)
    log_p.requires_grad_()
    likelihood = Positives([1, 1, 0, 0], prior).log_likelihood(Categorical(log_p))
    (gradient,) = torch.autograd.grad(likelihood.sum(), log_p)
    assert bool(torch.isfinite(likelihood).all()) and bool(torch.isfinite(gradient).all())
    assert gradcheck(lambda x: Positives([1, 0], 0.7).log_likelihood(Categorical(x)), (belief(2, 2).requires_grad_(),))


def test_other_evidence_adds_to_it() -> None:
    log_p = belief(4, 2)
    labels = Labels.combine(Positives([1, 0, 0, -1], 0.5), Exact(np.array([-1, 1, -1, 0]), ["negative", "positive"]))
    c = (1 / 3) / 0.5
    p = log_p.exp()
    expected = [c * p[0, 1], (1 - c) * p[1, 1], p[2, 0] + (1 - c) * p[2, 1], p[3, 0]]
    assert_allclose(labels.log_likelihood(Categorical(log_p)).exp(), [float(e) for e in expected], rtol=1e-12)


def test_the_labelled_share_stays_with_the_records_as_they_were_given() -> None:
    labels = Positives([1, 1, 0, 0, 0, -1], 0.8)
    assert labels.share.tolist() == [0.4]
    for other in (labels.hide(np.array([0])), labels.take(np.array([0, 0, 1])), labels.padded(3)):
        assert other.share.tolist() == [0.4]
        assert other.task == labels.task
    assert_array_equal(labels.hide(np.array([0, 3])).state, [-1, 1, 0, -1, 0, -1])
    assert_array_equal(labels.take(np.array([5, 0])).observed(), [1])
    assert Positives([True, False, False], 0.9).share.tolist() == pytest.approx([1 / 3])
    assert Positives([1, 0], 0.9, ["ham", "spam"]).task == Classes(("ham", "spam"))


def scored(seed: int, n: int, prior: float, c: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Categorical]:
    """Truth, states, and the predictions that know the densities."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < prior
    x = rng.normal(size=n) + np.where(y, 2.0, -2.0)
    state = (y & (rng.random(n) < c)).astype(np.int64)
    score = 4 * x + math.log(prior / (1 - prior))
    return y, state, Categorical(torch.from_numpy(np.stack([log_expit(-score), log_expit(score)], axis=1)))


@pytest.mark.parametrize(("prior", "c"), [(0.1, 0.3), (0.4, 0.2), (0.4, 0.8)])
def test_the_model_finds_the_prior_with_its_interval(prior: float, c: float) -> None:
    found, covered = [], []
    for seed in range(10):
        _, state, prediction = scored(seed, 3000, prior, c)
        model = Positives(state).model()
        model.fit(prediction)
        found.append(float(model.prior.value))
        covered.append(float(model.prior.low) <= prior <= float(model.prior.high))
    assert np.mean(found) == pytest.approx(prior, rel=0.08)
    assert sum(covered) >= 8
    again = Positives(state).model()
    again.fit(prediction)
    assert (again.prior.low, again.prior.high) == (model.prior.low, model.prior.high), "a function of the data"


def test_the_fitted_prior_makes_the_posterior_right_where_naive_treatment_is_not() -> None:
    y, state, prediction = scored(0, 3000, 0.4, 0.3)
    model = Positives(state).model()
    before = model.posterior(prediction)
    model.fit(prediction)
    after = model.posterior(prediction)
    fixed = model.fitted().posterior(prediction)
    assert isinstance(before, Categorical) and isinstance(after, Categorical) and isinstance(fixed, Categorical)
    unlabelled = state == 0
    wrong = [np.abs(p.p[:, 1].numpy() - y)[unlabelled].mean() for p in (before, after)]
    assert wrong[1] < wrong[0]
    torch.testing.assert_close(fixed.p, after.p)


def test_batches_share_the_prior_and_several_labels_have_their_own() -> None:
    states, beliefs = zip(*(scored(k, 2000, prior, 0.3)[1:] for k, prior in enumerate((0.1, 0.5))), strict=True)
    state = np.stack(states, axis=1)
    log_p = torch.stack([b.log_p for b in beliefs], dim=1).reshape(-1, 2)
    model = Positives(state, classes=["a", "b"]).model()
    part = model.take(np.arange(100))
    model.fit(Categorical(log_p))
    assert part.prior is model.prior
    assert model.prior.value.tolist() == pytest.approx([0.1, 0.5], abs=0.05)
    expected = model.log_likelihood(Categorical(log_p))[:200]
    torch.testing.assert_close(part.log_likelihood(Categorical(log_p[:200])), expected)


def test_a_given_prior_stays_and_one_that_cannot_be_estimated_too() -> None:
    _, state, prediction = scored(0, 300, 0.4, 0.3)
    known = Positives(state, 0.35).model()
    known.fit(prediction)
    assert known.prior.value.tolist() == [0.35] and math.isnan(float(known.prior.low))
    nothing = Positives(np.zeros(300, dtype=int)).model()
    start = nothing.prior.value.clone()
    nothing.fit(prediction)
    assert torch.equal(nothing.prior.value, start)


def test_the_model_beside_exact_labels_is_fitted_to_what_they_say() -> None:
    _, state, prediction = scored(1, 500, 0.4, 0.3)
    exact = Exact(np.full(500, -1), ["negative", "positive"])
    model = Labels.combine(Positives(state), exact).model()
    model.fit(prediction)
    alone = Positives(state).model()
    alone.fit(prediction)
    prior = next(part.prior for part in model.parts if hasattr(part, "prior"))  # type: ignore[attr-defined]
    assert float(prior.value) == pytest.approx(float(alone.prior.value))


def test_without_a_prior_the_labels_say_what_to_do() -> None:
    for labels in (Positives([1, 0]), Positives([1, 0], None), Positives([1, 0], "estimate")):
        assert "to be estimated" in labels.describe()
        with pytest.raises(InputError, match=r"the class prior is not known yet: fit model\(\)"):
            labels.log_likelihood(Categorical(belief(2, 2)))
    assert "class prior 0.6" in Positives([1, 0], 0.6).describe()


def test_lines_of_json_keep_the_share_and_the_missing_prior() -> None:
    labels = Positives([1, 1, 0, -1]).take(np.array([0, 2, 3]))
    again = Positives.from_rows(labels.header(), list(labels.rows(["a", "b", "c"])), ["a", "b", "c"])
    assert again.prior is None
    assert again.share.tolist() == labels.share.tolist() == [2 / 3]
    assert_array_equal(again.state, labels.state)


def test_a_table_names_the_states(tmp_path: Path) -> None:
    Positives([[1, -1], [0, 1]], classes=["red", "big"]).to_file(tmp_path / "p.csv", ["a", "ü"])
    lines = ["id,label,state", "a,red,labelled", "ü,red,unlabelled", "ü,big,labelled"]
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines() == lines


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([1, 1, 0, 0], 0.4), "prior of 'positive' is 0.4, below the share of records that are labelled so, 0.5"),
        (([[1, 0], [0, 0]], [0.6, 0.0], ["a", "b"]), "prior of 'b' is 0; it has to be above 0"),
        (([1, 0], 1.5), "it has to be above 0 and at most 1"),
        (([1, 0], float("nan")), "it has to be above 0 and at most 1"),
        (([1, 0], [0.6, 0.6]), "nor 1 of them"),
        (([1, 0], "guess"), "unknown prior 'guess'"),
        (([1, 2], 0.6), "record 1 has label 2"),
        (([1, 0], 0.6, ["a", "b", "c"]), "two classes, absent and present, but 3 were named"),
        (([1.0, 0.5], 0.6), "labels are float64"),
    ],
)
def test_unusable_states_and_priors_are_refused(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Positives(*given)
