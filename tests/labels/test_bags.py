"""Bags against enumeration, against counting by hand, and at beliefs where 1 - p is lost."""

from __future__ import annotations

import math
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
from tacit.labels import Bags, Exact, Labels, Pairs

from .judge import assert_enumerated, belief


def example(rng: np.random.Generator) -> Bags:
    """Six records in two bags, one of them in none; a third bag is unknown."""
    bag = rng.permutation([0, 0, 0, 1, 1, -1])
    return Bags(bag, [bool(rng.random() < 0.5), bool(rng.random() < 0.5), None][:2], k=rng.integers(1, 3, 2))


def holds(bags: Bags, truth: Any) -> float:
    """1 where every bag's label is true of these classes."""
    for b in np.flatnonzero(bags.known):
        count = sum(truth[r] for r in bags.members.of_bag(b))
        if (count >= bags.k[b]) != (bags.positive[b] == 1):
            return 0.0
    return 1.0


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_likelihood_and_posterior_are_enumerated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bag = rng.integers(-1, 3, 9)
    bag[:3] = 0, 1, 2
    sizes = np.bincount(bag[bag >= 0], minlength=3)
    labels = Bags(bag, rng.choice([0, 1, -1], 3), k=[int(rng.integers(1, size + 1)) for size in sizes])
    assert_enumerated(labels, belief(9, 2, seed), lambda truth: holds(labels, truth))


def test_one_positive_among_many_is_noisy_or() -> None:
    log_p = belief(5, 2)
    labels = Bags([0, 0, 0, 1, 1], [True, False])
    p = log_p.exp()
    expected = [(1 - p[:3, 0].prod()).log(), log_p[3:, 0].sum()]
    assert_allclose(labels.log_likelihood(Categorical(log_p)), expected, rtol=1e-13)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("log_odds", [-69.0, -800.0, -1e5, 30.0, 800.0])
def test_beliefs_that_leave_nothing_of_one_minus_p_stay_exact(k: int, log_odds: float) -> None:
    """50 sites: for small p the probability of k positives is binom(50, k) p^k, for large p it is all but certain."""
    logit = torch.full((50, 1), log_odds, dtype=torch.float64)
    log_p = torch.nn.functional.logsigmoid(torch.cat([-logit, logit], dim=1)).requires_grad_()
    value = Bags(np.zeros(50, dtype=np.int64), [True], k=k).log_likelihood(Categorical(log_p))
    (gradient,) = torch.autograd.grad(value.sum(), log_p)
    expected = math.log(math.comb(50, k)) + k * log_odds if log_odds < 0 else 0.0
    assert_allclose(value.detach(), expected, rtol=1e-14, atol=1e-12)
    assert_allclose(gradient[:, 1], k / 50 if log_odds < 0 else 1.0, rtol=1e-9)


def test_a_certain_record_settles_a_bag_in_single_precision_too() -> None:
    log_p = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0], [-1e-8, -18.4]], requires_grad=True)
    labels = Bags([0, 0, 1], [True, True])
    value = labels.log_likelihood(Categorical(log_p))
    assert value.dtype == torch.float32
    assert_allclose(value.detach(), [0.0, -18.4], atol=1e-6)
    (gradient,) = torch.autograd.grad(value.sum(), log_p)
    assert bool(torch.isfinite(gradient).all())


def test_overlapping_bags_are_a_composite_with_the_product_of_what_each_says() -> None:
    log_p = belief(4, 2)
    labels = Bags.from_members([0, 1, 1, 2, 3], [0, 0, 1, 1, 1], [True, True], n=4)
    p = log_p.exp()
    first, second = 1 - p[[0, 1], 0].prod(), 1 - p[[1, 2, 3], 0].prod()
    assert_allclose(labels.log_likelihood(Categorical(log_p)), [first.log(), second.log()], rtol=1e-12)
    posterior = labels.posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    positive = p[1, 1] * (1 / first) * (1 / second)
    rest = p[1, 0] * (p[0, 1] / first) * ((1 - p[[2, 3], 0].prod()) / second)
    assert_allclose(posterior.p[1, 1], positive / (positive + rest), rtol=1e-12)


def test_merged_records_count_as_often_as_they_stand_for() -> None:
    """Two records that are the same make 2 positives or none."""
    log_p = belief(4, 2)
    names = ("negative", "positive")
    mixed = Labels.combine(Bags([0, 0, 0, 0], [True], k=2), Pairs([0], [1], [True], 4, names))
    assert_enumerated(mixed, log_p, lambda truth: float(sum(truth) >= 2 and truth[0] == truth[1]))


def test_a_bag_that_contradicts_its_records_names_them() -> None:
    labels = Labels.combine(Bags([0, 0, -1], [False]), Exact([1, -1, 0], ["negative", "positive"]))
    with pytest.raises(InputError, match="record 0, 1 contradicts itself"):
        labels.log_likelihood(Categorical(belief(3, 2)))


def test_a_selection_keeps_whole_bags_and_counts_cut_ones() -> None:
    labels = Bags([0, 0, 1, 1, 2, -1], [True, False, None])
    taken = labels.take(np.array([5, 1, 0, 2]))
    assert taken.dropped == 1 and len(taken) == 4
    assert taken.units().sites.tolist() == [1, 2]
    assert labels.take(np.array([2, 5])).take(np.array([1])).dropped == 1
    assert labels.take(np.array([4, 4, 5, 5])).dropped == 0
    with pytest.raises(InputError, match="record 1 is taken 2 times"):
        labels.take(np.array([0, 1, 1]))


def test_unknown_bags_and_records_beyond_the_last_bag() -> None:
    labels = Bags([0, math.nan, None, 1], [True, -1], n=6, classes=["no", "yes"])
    assert len(labels) == 6 and labels.task.names == ("no", "yes")
    assert labels.units().sites.tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bag": [0, 2], "positive": [True, False]}, "record 1 is in bag 2, but bags go from 0 to 1"),
        ({"bag": [0, -2], "positive": [True]}, "record 1 is in bag -2"),
        ({"bag": [0, 0.5], "positive": [True]}, "record 1 has 0.5; give a whole number"),
        ({"bag": [0, "b"], "positive": [True]}, "record 0 has '0'|record 1 has 'b', which is no number"),
        ({"bag": [[0]], "positive": [True]}, r"shape \(1, 1\); give one for each record"),
        ({"bag": [0], "positive": [2]}, "bag 0 is 2; give True or False"),
        ({"bag": [0], "positive": [[True]]}, r"has shape \(1, 1\)"),
        ({"bag": [0], "positive": [True, True]}, "bag 1 has a label, but no record is in it"),
        ({"bag": [0, 0], "positive": [True], "k": 3}, "bag 0 has 2 records, of which 3 cannot be positive"),
        ({"bag": [0, 0], "positive": [True], "k": 0}, "bag 0 has k = 0; it has to be 1 or more"),
        ({"bag": [0, 1, 0, 1], "positive": [True, True], "k": [1, 1, 1]}, "3 numbers k for 2 bags"),
        ({"bag": [0, 0], "positive": [True], "n": 1}, "bags are given for 2 records, but there are 1"),
        ({"bag": [0], "positive": [True], "classes": ["a", "b", "c"]}, "bags need two classes"),
    ],
)
def test_unusable_bags_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Bags(**arguments)


def test_unusable_members_are_refused_by_row() -> None:
    with pytest.raises(InputError, match="row 1 names record 9, but records go from 0 to 3"):
        Bags.from_members([0, 9], [0, 0], [True], n=4)
    with pytest.raises(InputError, match="record 0 is in bag 0 twice"):
        Bags.from_members([0, 0], [0, 0], [True], n=4)
    with pytest.raises(InputError, match="2 records for 1 bags"):
        Bags.from_members([0, 1], [0], [True], n=4)


def test_the_table_repeats_the_bag_for_each_record(tmp_path: Path) -> None:
    Bags([0, 1, 0, -1], [True, None], k=[2, 1]).to_file(tmp_path / "b.csv", ["r,1", "r2", "r3", "r4"])
    assert (tmp_path / "b.csv").read_text().split() == [
        "id,bag,positive,k",
        '"r,1",0,1,2',
        "r2,1,,1",
        "r3,0,1,2",
        "r4,,,",
    ]
    with pytest.raises(InputError, match="bags overlap"):
        Bags.from_members([0, 0], [0, 1], [True, True], n=1).to_file(tmp_path / "o.csv", ["r1"])
    with pytest.raises(InputError, match="cannot hold the class names"):
        Bags([0], [True], classes=["no", "yes"]).to_file(tmp_path / "n.csv", ["r1"])


def test_describe_counts_bags() -> None:
    assert Bags([0, 0, 1, -1], [True, False]).describe() == (
        "1 positive and 1 negative bags of 1 to 2 records, on 3 of 4 records"
    )
    assert (
        Bags.from_members([0, 0], [0, 1], [True, True], n=1)
        .describe()
        .endswith("; bags overlap (composite likelihood)")
    )
    assert "some for more than one positive record" in Bags([0, 0], [True], k=2).describe()
