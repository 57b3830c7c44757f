"""Counts in bags against enumeration: two classes, the lattice, and one class at a time beyond it."""

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
from tacit.labels import Exact, Labels, Pairs, Proportions

from ..reference.evidence import enumerated
from .judge import assert_enumerated, belief


def example(rng: np.random.Generator) -> Proportions:
    """Six records of three classes in two bags, one of them in none."""
    bag = rng.permutation([0, 0, 0, 1, 1, -1])
    counts = [rng.permutation([1, 1, 1]), rng.permutation([2, 0, 0])]
    return Proportions(bag, counts, classes=["a", "b", "c"])


def holds(labels: Proportions, truth: Any) -> float:
    """1 where every bag holds as many of each class as is said."""
    for b in np.flatnonzero(labels.known):
        held = np.bincount([truth[r] for r in labels.members.of_bag(b)], minlength=labels.task.outputs)
        if (held != labels.counts[b]).any():
            return 0.0
    return 1.0


@given(st.integers(0, 10_000), st.integers(2, 4))
@settings(max_examples=10, deadline=None)
def test_likelihood_and_posterior_are_enumerated(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    bag = rng.integers(-1, 2, 6)
    bag[:2] = 0, 1
    truth = rng.integers(classes, size=6)
    counts = [np.bincount(truth[bag == b], minlength=classes).tolist() for b in range(2)]
    labels = Proportions(bag, counts)
    assert_enumerated(labels, belief(6, classes, seed), lambda truth: holds(labels, truth))


def test_permuting_classes_permutes_the_posterior() -> None:
    labels, log_p, order = example(np.random.default_rng(3)), belief(6, 3), [2, 0, 1]
    bag = labels.members.one_each()
    moved = Proportions(bag, labels.counts[:, order], classes=[labels.task.names[c] for c in order])
    straight, permuted = labels.posterior(Categorical(log_p)), moved.posterior(Categorical(log_p[:, order]))
    assert isinstance(straight, Categorical) and isinstance(permuted, Categorical)
    torch.testing.assert_close(permuted.p, straight.p[:, order])


def test_extreme_beliefs_are_finite() -> None:
    """All but certain of class 0 everywhere, and the counts want the others."""
    log_p = torch.tensor([[-1e-16, np.log(1e-30), np.log(1e-30)]], dtype=torch.float64).repeat(12, 1).requires_grad_()
    labels = Proportions(np.repeat([0, 1], 6), [[0, 2, 4], [5, 1, 0]])
    value = labels.log_likelihood(Categorical(log_p))
    assert_allclose(value.detach(), [np.log(15) - 6 * np.log(1e30), np.log(6) - np.log(1e30)], rtol=1e-13)
    (post,) = torch.autograd.grad(value.sum(), log_p)
    assert_allclose(post[:6], np.tile([0, 1 / 3, 2 / 3], (6, 1)), atol=1e-13)


def test_beyond_the_lattice_each_class_is_counted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit a class; together p times the product of what each says, renormalised."""
    bag, counts = [0, 0, 0, 0, 1, 1], [[1, 1, 2], [1, 1, 0]]
    assert Proportions(bag, counts).by_class.tolist() == [False, False]
    monkeypatch.setattr("tacit.labels.lattice.LIMIT", 1.0)
    labels, log_p = Proportions(bag, counts), belief(6, 3)
    assert "1 of them are too large to be counted exactly" in labels.describe()
    assert "composite likelihood" in labels.describe()
    assert len(labels.units()) == 4
    found = labels.log_likelihood(Categorical(log_p))
    post = log_p.exp()
    for c in range(3):
        said, own = enumerated(log_p[:4].numpy(), lambda truth, c=c: float(truth.count(c) == counts[0][c]))
        assert_allclose(found[c], said, rtol=1e-12)
        post[:4] *= torch.from_numpy(own) / log_p[:4].exp()
    posterior = labels.posterior(Categorical(log_p))
    assert isinstance(posterior, Categorical)
    assert_allclose(posterior.p[:4], post[:4] / post[:4].sum(dim=1, keepdim=True), rtol=1e-9)
    assert torch.autograd.gradcheck(lambda x: labels.log_likelihood(Categorical(x)), (log_p.clone().requires_grad_(),))
    assert len(labels.hide(np.array([1])).units()) == 1


@pytest.mark.parametrize("counts", [[2, 1, 1], [2, 2, 0], [4, 0, 0]])
def test_merged_records_count_as_often_as_they_stand_for(counts: list[int]) -> None:
    names = ["a", "b", "c"]
    mixed = Labels.combine(Proportions([0, 0, 0, 0], [counts], classes=names), Pairs([0], [1], [True], 4, names))

    def observed(truth: Any) -> float:
        return float(truth[0] == truth[1] and np.bincount(truth, minlength=3).tolist() == counts)

    assert_enumerated(mixed, belief(4, 3), observed)


def test_counts_that_contradict_the_records_name_them() -> None:
    labels = Labels.combine(Proportions([0, 0], [[2, 0]]), Exact([1, -1], ["0", "1"]))
    with pytest.raises(InputError, match="record 0, 1 contradicts itself"):
        labels.log_likelihood(Categorical(belief(2, 2)))


def test_unknown_rows_say_nothing() -> None:
    labels = Proportions([0, 1, 1, 2], [[None, None], [1, 1], [-1, -1]], n=5)
    assert len(labels) == 5 and labels.units().sites.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bag": [0, 0], "counts": [[2, 1]]}, "bag 0 has counts that sum to 3, but it holds 2 records"),
        ({"bag": [0, 0], "counts": [[3, -1]]}, r"bag 0 has counts \[3.0, -1.0\]; give whole numbers from 0 on"),
        ({"bag": [0, 0], "counts": [[0.5, 1.5]]}, "bag 0 has counts"),
        ({"bag": [0, 0], "counts": [[np.inf, 1]]}, "bag 0 has counts"),
        ({"bag": [0], "counts": [[1, 0], [0, 0]]}, "bag 1 has counts, but no record is in it"),
        ({"bag": [0, 1], "counts": [[1, 0]]}, "record 1 is in bag 1, but bags go from 0 to 0"),
        ({"bag": [0], "counts": [[1]]}, "counts of one class say nothing"),
        ({"bag": [0], "counts": [["one", "none"]]}, "not all numbers"),
        ({"bag": [0], "counts": [[1, 0]], "classes": ["a"]}, "1 class names for 2 columns"),
    ],
)
def test_unusable_counts_are_refused_by_bag(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Proportions(**arguments)


def test_the_table_has_a_column_a_class(tmp_path: Path) -> None:
    labels = Proportions([0, 0, 1, -1], [[1, 1], [None, None]], classes=["cat", "dog"])
    labels.to_file(tmp_path / "p.csv", ["r1", "r2", "r3", "r4"])
    assert (tmp_path / "p.csv").read_text().split() == ["id,bag,cat,dog", "r1,0,1,1", "r2,0,1,1", "r3,1,,", "r4,,,"]
    with pytest.raises(InputError, match="a class 'bag'"):
        Proportions([0], [[1, 0]], classes=["bag", "b"]).to_file(tmp_path / "q.csv", ["r1"])


def test_describe_counts_bags() -> None:
    assert (
        example(np.random.default_rng(0)).describe()
        == "counts of 3 classes in 2 bags of 2 to 3 records, on 5 of 6 records"
    )
