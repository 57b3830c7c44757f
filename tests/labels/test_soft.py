"""Soft labels: the expected log-probability against its closed form, virtual evidence against enumeration."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import rel_entr
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Exact, Labels, Soft

from .judge import assert_enumerated, belief

NAN = math.nan
ROWS = [[0.2, 0.5, 0.3], [NAN, NAN, NAN], [0.0, 1.0, 0.0], [0.6, 0.0, 0.4]]


def example(rng: np.random.Generator) -> Soft:
    """Six records of three classes, the first one surely not of one of them, the last one unknown."""
    return Soft(np.vstack([[0.4, 0.0, 0.6], rng.dirichlet(np.ones(3), 4), np.full(3, NAN)]), ["a", "b", "c"])


def test_the_loss_is_the_expected_log_probability() -> None:
    log_p = belief(4, 3)
    found = Soft(ROWS).log_likelihood(Categorical(log_p))
    q, p = np.array(ROWS)[[0, 2, 3]], log_p.exp().numpy()[[0, 2, 3]]
    entropy = -np.sum(np.where(q > 0, q * np.log(np.maximum(q, 1e-300)), 0), axis=1)
    assert_allclose(found, -rel_entr(q, p).sum(axis=1) - entropy, rtol=1e-12)
    assert gradcheck(lambda x: Soft(ROWS).log_likelihood(Categorical(x)), (log_p.requires_grad_(),))


def test_the_posterior_is_what_was_said_and_the_belief_elsewhere() -> None:
    log_p = belief(4, 3)
    posterior = Soft(ROWS).posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    assert_allclose(posterior.p[[0, 2, 3]], np.array(ROWS)[[0, 2, 3]], rtol=1e-12)
    assert_allclose(posterior.p[1], log_p[1].exp(), rtol=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_virtual_evidence_is_a_likelihood_of_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q = rng.uniform(0, 1, (4, 3)) * (rng.random((4, 3)) < 0.8)
    q[q.sum(axis=1) == 0] = NAN
    q[2] = NAN
    known = [i for i in range(4) if not np.isnan(q[i, 0])]
    labels = Soft(q, virtual=True)
    assert_enumerated(labels, belief(4, 3, seed), lambda truth: math.prod(q[i, truth[i]] for i in known))


def test_in_a_mixture_it_is_virtual_either_way() -> None:
    log_p = belief(4, 3)
    exact = Exact(np.array([2, 0, 1, -1]), ["0", "1", "2"])
    both = [Labels.combine(Soft(ROWS, virtual=v), exact) for v in (False, True)]
    found = [labels.log_likelihood(Categorical(log_p)) for labels in both]
    p = log_p.exp().numpy()
    for values in found:
        assert_allclose(values, np.log([0.3 * p[0, 2], p[1, 0], p[2, 1], p[3] @ np.array(ROWS[3])]), rtol=1e-12)


def test_one_sure_class_is_an_exact_label() -> None:
    log_p = belief(3, 3)
    soft, exact = Soft(np.eye(3)[[2, 0, 1]]), Exact(np.array([2, 0, 1]))
    torch.testing.assert_close(soft.log_likelihood(Categorical(log_p)), exact.log_likelihood(Categorical(log_p)))


def test_a_class_without_a_share_may_be_impossible() -> None:
    log_p = torch.tensor([[0.0, -torch.inf]], dtype=torch.float64, requires_grad=True)
    likelihood = Soft([[1.0, 0.0]]).log_likelihood(Categorical(log_p))
    likelihood.sum().backward()
    assert likelihood.tolist() == [0.0]
    assert log_p.grad is not None
    assert log_p.grad.tolist() == [[1.0, 0.0]]


def test_rounded_shares_are_rescaled_once() -> None:
    labels = Soft([[0.3333, 0.3333, 0.3333]])
    assert_allclose(labels.q.sum(), 1.0, rtol=1e-15)
    assert_array_equal(Soft(labels.q).q, labels.q)
    assert_array_equal(Soft([[3.0, 0.5]], virtual=True).q, [[3.0, 0.5]])


def test_none_is_unknown_and_the_given_array_may_change() -> None:
    given = np.array([[0.5, 0.5], [1.0, 0.0]])
    labels = Soft(given)
    given[0] = 0
    assert labels.q[0].tolist() == [0.5, 0.5]
    assert Soft([[None, None], [1, 0]]).observed().tolist() == [1]


def test_the_table_has_a_column_a_class(tmp_path: Path) -> None:
    from tacit.data.sources.tabular import load

    Soft(ROWS, ["ä,b", '"', "c d"]).to_file(tmp_path / "soft.csv", ["w", "x", "y", "z"])
    table = load(tmp_path / "soft.csv").table
    assert table.column_names == ["id", "ä,b", '"', "c d"]
    assert table.column('"').to_pylist()[0] in (0.5, "0.5")
    back = [[NAN if v in (None, "") else float(v) for v in table.column(n).to_pylist()] for n in table.column_names[1:]]
    assert_array_equal(np.array(back).T, np.array(ROWS))


@pytest.mark.parametrize("name", ["", " a", "a\nb", "x;y", "ID"])
def test_a_class_that_cannot_name_a_column_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rename the class"):
        Soft([[1.0, 0.0]], [name, "other"]).to_file(tmp_path / "soft.csv", ["r"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("q", "classes", "message"),
    [
        ([[0.5, 0.5], [0.5, 0.6]], None, "record 1 has shares that do not sum to 1"),
        ([[0.5, NAN]], None, "record 0 has shares of some classes only"),
        ([[1.0, 0.0], [1.5, -0.5]], None, "record 1 has a negative or infinite share"),
        ([[math.inf, 0.0]], None, "record 0 has a negative or infinite share"),
        ([[0.0, 0.0]], None, "record 0 has no share of any class"),
        ([0.5, 0.5], None, r"have shape \(2,\)"),
        ([[0.5, 0.5], [1.0]], None, "rows have different lengths"),
        ([["much", "little"]], None, "not all numbers"),
        ([[0.5, 0.5]], ["a"], "1 class names for 2 columns"),
        ([[0.5, 0.5]], ["a", "a"], "two classes have the same name"),
    ],
)
def test_unusable_shares_are_refused_by_record(q: Any, classes: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Soft(q, classes)


def test_lines_that_name_no_record_or_class_are_refused() -> None:
    header = Soft([[0.5, 0.5]], ["cat", "dog"]).header()
    with pytest.raises(InputError, match=r"unknown class 'dig'\. Did you mean 'dog'"):
        Soft.from_rows(header, [{"id": "r1", "shares": {"dig": 1.0}}], ["r1"])
    with pytest.raises(InputError, match="unknown record 'r2'"):
        Soft.from_rows(header, [{"id": "r2", "shares": {"dog": 1.0}}], ["r1"])
