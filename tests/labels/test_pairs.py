"""Pairs against enumeration; chains of same pairs are exact once merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Labels, Pairs

from .judge import assert_enumerated, belief

NAMES = ("a", "b", "c")


def example(rng: np.random.Generator) -> Pairs:
    """Six records of three classes in two pairs, two of them in none."""
    i, j, k, m = rng.permutation(6)[:4]
    return Pairs([i, k], [j, m], [True, False], 6, NAMES)


def holds(pairs: Pairs, truth: Any) -> float:
    """1 where every pair is true of these classes."""
    agree = [truth[i] == truth[j] for i, j in zip(pairs.i, pairs.j, strict=True)]
    return float(agree == pairs.same.tolist())


@given(st.integers(0, 10_000), st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_disjoint_pairs_are_enumerated(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    ends = rng.permutation(6).reshape(3, 2)
    labels = Pairs(ends[:, 0], ends[:, 1], rng.random(3) < 0.5, 6, NAMES[:classes] if classes < 4 else (*NAMES, "d"))
    assert_enumerated(labels, belief(6, classes, seed), lambda truth: holds(labels, truth))


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_groups_of_the_same_and_one_pair_that_is_not_are_enumerated_once_merged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c, d, e, f = rng.permutation(6)
    # two chains, told apart three times over, and a pair that is given twice
    labels = Pairs([a, b, d, a, b, c, b], [b, c, e, d, e, d, a], [1, 1, 1, 0, 0, 0, 1], 6, NAMES)
    assert len(labels.units()) == 6 and len(labels.unmerged().units()) == 1
    mixed = Labels.combine(labels)
    assert_enumerated(mixed, belief(6, 3, seed), lambda truth: holds(labels, truth))
    assert f not in mixed.labelled()


def test_pairs_that_share_records_are_units_of_their_own() -> None:
    """By themselves: the sum of both, and each record believes what both say of it, side by side."""
    log_p = belief(3, 3)
    labels, p = Pairs([0, 1], [1, 2], [False, False], 3, NAMES), log_p.exp()
    expected = [1 - (p[0] * p[1]).sum(), 1 - (p[1] * p[2]).sum()]
    assert_allclose(labels.log_likelihood(Categorical(log_p)), torch.stack(expected).log(), rtol=1e-12)
    posterior = labels.posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    both = p[1] * (1 - p[0]) * (1 - p[2])
    assert_allclose(posterior.p[1], both / both.sum(), rtol=1e-12)
    assert labels.components().tolist() == [0, 0]


def test_all_but_certain_beliefs_keep_their_digits() -> None:
    """p = 1 - 1e-30 at both ends: one minus the probability of agreeing would be 0."""
    log_p = torch.tensor([[-1e-30, np.log(1e-30)]], dtype=torch.float64).repeat(4, 1).requires_grad_()
    value = Pairs([0, 2], [1, 3], [False, True], 4, ("a", "b")).log_likelihood(Categorical(log_p))
    (post,) = torch.autograd.grad(value.sum(), log_p)
    assert_allclose(value.detach(), [np.log(2e-30), 0.0], rtol=1e-14, atol=1e-15)
    assert_allclose(post, [[0.5, 0.5], [0.5, 0.5], [1, 0], [1, 0]], atol=1e-14)


def test_certain_records_of_one_class_cannot_be_told_apart() -> None:
    log_p = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf], [-1.0, -0.4587]])
    with pytest.raises(InputError, match="record 0, 1 contradicts itself"):
        Pairs([0], [1], [False], 3, ("a", "b")).log_likelihood(Categorical(log_p))


def test_a_pair_that_another_source_merges_is_named() -> None:
    mixed = Labels.combine(Pairs([0], [2], [False], 4, NAMES), Pairs([0, 1], [1, 2], [True, True], 4, NAMES))
    with pytest.raises(InputError, match="record 0, 1, 2 contradicts itself"):
        mixed.log_likelihood(Categorical(belief(4, 3)))


def test_permuting_classes_permutes_the_posterior() -> None:
    labels, log_p, order = example(np.random.default_rng(3)), belief(6, 3), [2, 0, 1]
    straight, permuted = labels.posterior(Categorical(log_p)), labels.posterior(Categorical(log_p[:, order]))
    assert isinstance(straight, Categorical) and isinstance(permuted, Categorical)
    torch.testing.assert_close(permuted.p, straight.p[:, order])


def test_a_selection_keeps_whole_pairs() -> None:
    labels = Pairs([0, 1, 3], [1, 2, 4], [True, False, True], 6, NAMES)
    taken = labels.take(np.array([2, 1, 5, 0]))
    assert taken.dropped == 0 and taken.units().sites.tolist() == [1, 3, 0, 1]
    assert labels.take(np.array([0, 1, 3])).dropped == 2
    with pytest.raises(InputError, match="record 1 is taken 2 times"):
        labels.take(np.array([1, 1, 2]))
    assert len(labels.take(np.array([5, 5]))) == 2


def test_unknown_pairs_are_left_out() -> None:
    assert len(Pairs([0, 1, 2], [1, 2, 3], [True, None, -1], 4, NAMES).units()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"i": [0, 4], "j": [1, 2], "same": [1, 1]}, "pair 1 names record 4, but records go from 0 to 3"),
        ({"i": [0, -1], "j": [1, 2], "same": [1, 1]}, "pair 1 names record -1"),
        ({"i": [0, 2], "j": [1, 2], "same": [1, 1]}, "pair 1 joins record 2 to itself"),
        ({"i": [0], "j": [1, 2], "same": [1, 1]}, "1 records i, 2 records j and 2 answers"),
        ({"i": [0], "j": [1], "same": [3]}, "pair 0 is 3; give True or False"),
        ({"i": [0, 1], "j": [1, 0], "same": [1, 0]}, "records 0 and 1 are said to be of two classes, but other pairs"),
        ({"i": [0, 1, 0], "j": [1, 2, 2], "same": [1, 1, 0]}, "records 0 and 2 are said to be of two classes"),
        ({"i": [0], "j": [1], "same": [1], "classes": ["a"]}, "pairs need at least two classes"),
        ({"i": [0], "j": [1], "same": [1], "classes": ["a", "a"]}, "two classes have the same name"),
    ],
)
def test_unusable_pairs_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Pairs(**{"n": 4, "classes": NAMES, **arguments})


def test_the_table_names_both_records(tmp_path: Path) -> None:
    Pairs([0, 2], [1, 0], [True, False], 3, NAMES).to_file(tmp_path / "p.csv", ["r,0", "r1", "r2"])
    assert (tmp_path / "p.csv").read_text().split() == ["first,second,same", '"r,0",r1,1', '"r,0",r2,0']


def test_describe_says_what_pairs_cannot() -> None:
    assert Pairs([0, 2], [1, 0], [True, False], 3, NAMES).describe() == (
        "1 pairs of the same class and 1 of two classes among 3 records, 3 classes "
        "(pairs do not say which class is which)"
    )
    shared = Pairs([0, 2], [1, 0], [False, False], 3, NAMES).describe()
    assert shared.endswith("; pairs of two classes share records (composite likelihood)")
