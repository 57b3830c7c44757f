"""Mixtures of random kinds against enumeration of all joint assignments, by what each kind says in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import (
    Bags,
    Candidates,
    Complementary,
    Exact,
    Labels,
    Levels,
    Noisy,
    Pairs,
    Positives,
    Proportions,
    Soft,
    Votes,
)
from tacit.labels.mixture import Mixture

from ..reference.evidence import enumerated
from .judge import assert_enumerated, belief

SITES = 6
Truth = NDArray[np.int64]
Grid = NDArray[np.float64]
Kind = Callable[[np.random.Generator, Truth, int], tuple[Labels, Grid]]
"""From the hidden truth and the number of classes: evidence that is true of it, and its likelihood (sites, C)."""


def names(classes: int) -> list[str]:
    return list("abcd")[:classes]


def unknown(rng: np.random.Generator, values: NDArray[Any]) -> NDArray[Any]:
    return np.where(rng.random(SITES) < 0.5, values, -1)


def exact(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    y = unknown(rng, truth)
    return Exact(y, names(classes)), np.where(y[:, None] < 0, 1.0, y[:, None] == np.arange(classes))


def soft(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    q = rng.dirichlet(np.ones(classes), SITES)
    q[rng.random(SITES) < 0.5] = np.nan
    return Soft(q, names(classes), virtual=bool(rng.integers(2))), np.where(np.isnan(q), 1.0, q)


def candidates(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    mask = rng.random((SITES, classes)) < 0.6
    mask[np.arange(SITES), truth] = True
    kind = rng.choice([Candidates, Complementary])
    return kind(mask if kind is Candidates else ~mask, names(classes)), mask.astype(np.float64)


def noisy(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    transition = rng.dirichlet(np.ones(classes), classes)
    y = unknown(rng, rng.integers(classes, size=SITES))
    return Noisy(y, transition, names(classes)), np.where(y[:, None] < 0, 1.0, transition.T[y])


def votes(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    """Three sources; whoever saw a record and said nothing is one more outcome where silence is informative."""
    silence = bool(rng.integers(2))
    confusion = rng.dirichlet(np.ones(classes + silence), (3, classes))
    wide = rng.integers(-1, classes, (SITES, 3))
    item, source = np.nonzero(wide >= 0)
    abstain = "informative" if silence else "ignored"
    labels = Votes(item, source, wide[item, source], SITES, names(classes), confusion, abstain, ["s", "t", "u"])
    likelihood = np.ones((SITES, classes))
    for i, s in np.ndindex(SITES, 3):
        if wide[i, s] >= 0 or silence:
            likelihood[i] *= confusion[s, :, wide[i, s]]
    return labels, likelihood


def levels(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    """A tree with the first two classes under one node."""
    parent = [classes, classes, *[-1] * (classes - 2), -1]
    node = unknown(rng, np.where((truth < 2) & (rng.random(SITES) < 0.5), classes, truth))
    below = np.vstack([np.eye(classes), np.arange(classes) < 2, np.ones(classes)])
    return Levels(node, parent, [*names(classes), "either"], names(classes)), below[node]


def positives(rng: np.random.Generator, truth: Truth, classes: int) -> tuple[Labels, Grid]:
    """Of two classes: a positive is labelled with propensity c, a negative never."""
    state = np.where(truth == 1, rng.integers(2, size=SITES), 0)
    prior = rng.uniform(max(state.mean(), 0.1), 1)
    c = state.mean() / prior
    return Positives(state, prior, names(classes)), np.where(state[:, None] == 1, [[0.0, c]], [[1.0, 1 - c]])


KINDS: list[Kind] = [exact, soft, candidates, noisy, votes, levels]


class Tied:
    """One coupled unit a component on the truth, and pairs that are the same, most of them inside the bag."""

    def __init__(self, rng: np.random.Generator, truth: Truth, classes: int) -> None:
        order = rng.permutation(SITES)
        self.bag, self.apart = order[:4], order[4:]
        of_record = np.full(SITES, -1)
        of_record[self.bag] = 0
        self.counts = np.bincount(truth[self.bag], minlength=classes)
        self.k = int(rng.integers(1, 5))
        self.proportions = classes > 2 or bool(rng.integers(2))
        bag: Labels = Bags(of_record, [bool(self.counts[1] >= self.k)], self.k, classes=names(2))
        if self.proportions:
            bag = Proportions(of_record, [self.counts], classes=names(classes))
        inside = [(a, b) for a, b in zip(self.bag, self.bag[1:], strict=False) if truth[a] == truth[b]]
        ends = np.array([*inside, self.apart])
        self.pairs = Pairs(ends[:, 0], ends[:, 1], truth[ends[:, 0]] == truth[ends[:, 1]], SITES, names(classes))
        self.parts = [bag, self.pairs]

    def holds(self, truth: Sequence[int]) -> bool:
        inside = [truth[r] for r in self.bag]
        counted = np.bincount(inside, minlength=len(self.counts))
        bag = (
            (counted == self.counts).all() if self.proportions else (counted[1] >= self.k) == (self.counts[1] >= self.k)
        )
        agree = np.array([truth[i] == truth[j] for i, j in zip(self.pairs.i, self.pairs.j, strict=True)])
        return bool(bag and (agree == self.pairs.same).all())


def assert_mixed(
    local: Sequence[tuple[Labels, Grid]], trust: Sequence[float], tied: Tied | None, classes: int, seed: int
) -> None:
    """All parts in one mixture, each local one trusted by its number, against enumeration."""
    doubted = [t * like + (1 - t) * like.mean(axis=1, keepdims=True) for (_, like), t in zip(local, trust, strict=True)]
    likelihood = np.prod(doubted, axis=0) if doubted else np.ones((SITES, classes))
    parts = [labels for labels, _ in local] + (tied.parts if tied else [])
    mixed = Labels.combine(*parts, trust=[*trust, *[1.0] * (len(parts) - len(local))])
    assert isinstance(mixed, Mixture) and not mixed.composite

    def observed(truth: Sequence[int]) -> float:
        if tied is not None and not tied.holds(truth):
            return 0.0
        return float(np.prod(likelihood[np.arange(SITES), list(truth)]))

    assert_enumerated(mixed, belief(SITES, classes, seed), observed)


@given(st.integers(0, 100_000), st.integers(2, 3))
@settings(max_examples=20, deadline=None)
def test_any_local_kinds_with_a_coupled_unit_a_component(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=SITES)
    drawn = rng.choice([*KINDS, positives] if classes == 2 else KINDS, size=rng.integers(0, 4))
    local = [kind(rng, truth, classes) for kind in drawn]
    trust = rng.choice([1.0, 1.0, 0.7], size=len(local)).tolist()
    assert_mixed(local, trust, Tied(rng, truth, classes), classes, seed)


@pytest.mark.parametrize("kind", [*KINDS, positives], ids=lambda kind: kind.__name__)
def test_every_local_kind_under_doubt_and_beside_another(kind: Kind) -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(2, size=SITES)
    parts = [kind(rng, truth, 2), noisy(rng, truth, 2)]
    assert_mixed(parts, [0.6, 1.0], None, 2, 0)
    assert_mixed(parts[:1], [0.9], Tied(rng, truth, 2), 2, 0)


def test_the_order_of_parts_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=SITES)
    tied = Tied(rng, truth, 3)
    parts = [votes(rng, truth, 3)[0], tied.parts[0], candidates(rng, truth, 3)[0], tied.parts[1]]
    log_p = Categorical(belief(SITES, 3))
    trust = [0.8, 1.0, 0.5, 1.0]
    one = Labels.combine(*parts, trust=trust)
    other = Labels.combine(*parts[::-1], trust=trust[::-1])
    torch.testing.assert_close(one.log_likelihood(log_p), other.log_likelihood(log_p))
    assert_array_equal(one.units().sites, other.units().sites)
    torch.testing.assert_close(one.posterior(log_p).p, other.posterior(log_p).p)  # type: ignore[union-attr]


def overlapping() -> tuple[Mixture, Exact]:
    """A bag that a pair reaches into, on top of a noisy label: two coupled units in one component."""
    bag = Bags([0, 0, 0, -1, 1, 1], [True, False], classes=["a", "b"])
    pair = Pairs([2], [3], [False], SITES, ["a", "b"])
    label = Noisy([-1, 1, -1, -1, 0, -1], [[0.8, 0.2], [0.3, 0.7]], ["a", "b"])
    mixed = Labels.combine(label, bag, pair)
    assert isinstance(mixed, Mixture)
    return mixed, label.given


def test_several_coupled_units_in_a_component_are_named_a_composite() -> None:
    mixed, _ = overlapping()
    assert mixed.composite
    assert "composite likelihood" in mixed.describe()
    assert_array_equal([len(s) for s in np.split(mixed.units().sites, mixed.units().offsets[1:-1])], [4, 2])


def test_a_composite_is_the_sum_and_its_posterior_the_product_of_what_each_unit_says() -> None:
    """p · prod_u(post_u / p), renormalised; p and every post_u given the local evidence, enumerated."""
    mixed, given = overlapping()
    log_p = belief(SITES, 2, seed=4)
    emission = np.where(given.y[:, None] < 0, 1.0, np.array([[0.8, 0.2], [0.3, 0.7]]).T[given.y])
    said: list[Callable[[Sequence[int]], bool]] = [
        lambda truth: sum(truth[:3]) >= 1,
        lambda truth: truth[2] != truth[3],
        lambda truth: sum(truth[4:]) == 0,
    ]

    def likelihood(units: Sequence[Callable[[Sequence[int]], bool]]) -> tuple[float, Grid]:
        def observed(truth: Sequence[int]) -> float:
            return float(np.prod(emission[np.arange(SITES), list(truth)]) * all(unit(truth) for unit in units))

        return enumerated(log_p.numpy(), observed)

    alone, p = likelihood([])
    each = [likelihood([unit]) for unit in said]
    total = float(mixed.log_likelihood(Categorical(log_p)).sum())
    assert_allclose(total, alone + sum(value - alone for value, _ in each), rtol=1e-12)
    product = p * np.prod([post / p for _, post in each], axis=0)
    posterior = mixed.posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    assert_allclose(posterior.p, product / product.sum(axis=1, keepdims=True), rtol=1e-9, atol=1e-12)


def test_one_unit_a_component_is_no_composite_and_a_weight_on_it_scales_its_term() -> None:
    log_p = Categorical(belief(SITES, 2))
    bag = Bags([0, 0, 0, 1, 1, 1], [True, False])
    half = Labels.combine(bag, trust=[0.5])
    assert isinstance(half, Mixture) and not half.composite
    torch.testing.assert_close(half.log_likelihood(log_p), bag.log_likelihood(log_p) / 2)
    torch.testing.assert_close(half.scored().log_likelihood(log_p), bag.log_likelihood(log_p))


def test_hiding_a_component_hides_what_every_part_says_of_it() -> None:
    mixed, _ = overlapping()
    log_p = Categorical(belief(SITES, 2))
    before = mixed.log_likelihood(log_p)
    hidden = mixed.hide(np.array([0]))
    torch.testing.assert_close(hidden.log_likelihood(log_p), before[1:])
    assert hidden.labelled().tolist() == [4, 5]


@pytest.mark.parametrize(
    ("parts", "records"),
    [
        ([Exact([0, -1, -1], ["a", "b"]), Candidates([[0, 1], [1, 1], [1, 1]], ["a", "b"])], "0"),
        ([Exact([-1, 0, 1], ["a", "b"]), Pairs([1], [2], [True], 3, ["a", "b"])], "1, 2"),
        ([Exact([1, 1, -1], ["a", "b"]), Proportions([0, 0, 0], [[2, 1]], classes=["a", "b"])], "0, 1, 2"),
    ],
)
def test_evidence_of_probability_zero_names_its_records(parts: list[Labels], records: str) -> None:
    mixed = Labels.combine(*parts)
    for ask in (mixed.log_likelihood, mixed.posterior):
        with pytest.raises(InputError, match=f"the evidence on record {records} contradicts itself"):
            ask(Categorical(belief(3, 2)))


def test_doubt_lets_contradicting_labels_stand_side_by_side() -> None:
    parts = [Exact([0, -1], ["a", "b"]), Exact([1, -1], ["a", "b"])]
    found = Labels.combine(*parts, trust=[0.9, 1.0]).log_likelihood(Categorical(torch.tensor([[0.5, 0.5]] * 2).log()))
    assert_allclose(found, np.log(0.5 * 0.05), rtol=1e-6)


@pytest.mark.parametrize(
    ("parts", "trust", "message"),
    [
        ([Exact([0], ["a", "b"]), Exact([0], ["b", "a"])], None, "different orders: class 0 is 'a' in one and 'b'"),
        ([Exact([0], ["a", "b"]), Bags([0], [True])], None, "'a' is in one only"),
        ([Exact([0], ["a", "b"]), Exact([0, 1], ["a", "b"])], None, "2 records cannot be combined with evidence on 1"),
        ([Exact([0], ["a", "b"]), Exact([[0, 1]], ["a", "b"])], None, "several labels a record"),
        ([Exact([0], ["a", "b"])], [1.5], "a trust of 1.5 was given"),
        ([Exact([0], ["a", "b"])], [1.0, 1.0], "2 trusts for 1 kinds"),
        ([], None, "nothing to combine"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(
    parts: list[Labels], trust: list[float] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Labels.combine(*parts, trust=trust)


@pytest.mark.parametrize("trust", [(0, 1), (2, 1), (float("nan"), 1), (-0.5, 1), (None, 1), ("x", 1), "ab"])
def test_an_impossible_trust_is_refused_with_its_part(trust: Any) -> None:
    one = Exact([0, 1], ["a", "b"])
    with pytest.raises(InputError, match="was given to part 0; it has to be above 0 and at most 1"):
        Labels.combine(one, one, trust=trust)


def test_what_is_no_list_of_trusts_or_no_evidence_is_refused() -> None:
    one = Exact([0, 1], ["a", "b"])
    with pytest.raises(InputError, match=r"trust is 0\.5; give a list"):
        Labels.combine(one, one, trust=0.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="part 1 is NoneType and no evidence"):
        Labels.combine(one, None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="part 0 is list and no evidence"):
        Labels.combine([0, 1], one)  # type: ignore[arg-type]
