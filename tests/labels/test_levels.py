"""Labels on a class tree against enumeration, on a small tree and on one of 10,000 nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Candidates, Exact, Labels, Levels

from .judge import assert_enumerated, belief
from .test_class_tree import leaves_below, random_tree

NAMES = ["thing", "animal", "cat", "dog", "car"]
PARENT = [-1, 0, 1, 1, 0]
"""thing → (animal → (cat, dog), car)."""


def example(rng: np.random.Generator) -> Levels:
    """Six records of three classes, one of them known to be an animal, one only to be a thing, the last unknown."""
    return Levels(np.array([1, *rng.integers(-1, 5, 2), rng.integers(1, 5), 0, -1]), PARENT, NAMES)


def renamed(labels: Levels, names: Sequence[str]) -> Levels:
    """The same nodes where the leaves have other names."""
    other = dict(zip(labels.task.names, names, strict=True))
    return Levels(labels.node, labels.tree.parent, [other.get(n, n) for n in labels.tree.names], names)


@given(st.integers(2, 9), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_likelihood_is_that_the_truth_is_a_leaf_below(nodes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = random_tree(nodes, rng)
    node = rng.integers(-1, nodes, 3)
    below = leaves_below(parent)
    labels = Levels(node, parent)
    names = [int(name) for name in labels.task.names]

    def observed(truth: Sequence[int]) -> float:
        return float(all(n < 0 or names[c] in below[n] for n, c in zip(node, truth, strict=True)))

    assert_enumerated(labels, belief(3, len(names), seed), observed)


def test_a_node_is_the_candidates_below_it() -> None:
    log_p = Categorical(belief(4, 3))
    labels = Levels([1, 4, 0, -1], PARENT, NAMES)
    left = Candidates([[1, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 1]], ["cat", "dog", "car"])
    assert labels.task == left.task
    torch.testing.assert_close(labels.log_likelihood(log_p), left.log_likelihood(log_p))
    torch.testing.assert_close(labels.emission(), left.emission())


def test_a_root_above_all_classes_tells_nothing_and_one_of_several_does() -> None:
    assert Levels([0, 1], PARENT, NAMES).observed().tolist() == [1]
    assert Levels([0, 3], [-1, 0, 0, -1]).observed().tolist() == [0, 1]


def test_a_tree_is_that_of_the_classes_where_it_has_groups_of_them() -> None:
    labels = Levels([0, 1], PARENT, NAMES, classes=["car", "dog", "cat"])
    exact = Exact(np.array([1, -1]), ["car", "dog", "cat"])
    assert labels.class_tree() is labels.tree
    assert Labels.combine(exact, labels).class_tree() is labels.tree
    assert exact.class_tree() is None
    assert Levels([0, 1], [-1, -1]).class_tree() is None, "leaves alone have nothing in common"
    assert Levels([0, 1], [2, 2, -1]).class_tree() is None, "and neither have those of one root"


def test_classes_can_be_ordered_to_fit_other_evidence() -> None:
    log_p = belief(2, 3)
    labels = Levels([1, 4], PARENT, NAMES, classes=["car", "dog", "cat"])
    mixed = Labels.combine(labels, Exact(np.array([1, -1]), ["car", "dog", "cat"]))
    assert_allclose(mixed.log_likelihood(Categorical(log_p)), [log_p[0, 1], log_p[1, 0]], rtol=1e-12)


def test_extreme_beliefs_stay_exact() -> None:
    """The last leaves of the order, where a difference of cumulative sums has lost everything."""
    log_p = torch.tensor([[0.0, -800.0, -801.0], [-torch.inf, -800.0, 0.0]], dtype=torch.float64, requires_grad=True)
    likelihood = Levels([1, 1], [-1, 0, 1, 1, 0], classes=["4", "2", "3"]).log_likelihood(Categorical(log_p))
    assert_allclose(likelihood.detach(), [np.logaddexp(-800.0, -801.0), 0.0], rtol=1e-15)
    likelihood.sum().backward()
    assert log_p.grad is not None
    assert bool(torch.isfinite(log_p.grad).all())


def test_a_tree_of_ten_thousand_nodes_reads_only_what_is_below() -> None:
    """Every inner node has ten leaves, so a unit touches ten cells of the 10,000 of its row."""
    rng = np.random.default_rng(0)
    parent = np.concatenate([[-1], np.zeros(1000, dtype=int), np.repeat(np.arange(1, 1001), 10)])
    labels = Levels(rng.integers(1, 1001, 64), parent)
    log_p = belief(64, 10_000)
    assert len(labels.tree.below(labels.node)[0]) == 640
    found = labels.log_likelihood(Categorical(log_p))
    expected = [torch.logsumexp(log_p[i, 10 * (n - 1) : 10 * n], 0).item() for i, n in enumerate(labels.node)]
    assert_allclose(found, expected, rtol=1e-12)
    torch.testing.assert_close(Labels.combine(labels).log_likelihood(Categorical(log_p)), found)


def test_the_table_names_the_nodes(tmp_path: Path) -> None:
    Levels([1, -1, 2], PARENT, NAMES).to_file(tmp_path / "l.csv", ["x", "y", "z"])
    assert (tmp_path / "l.csv").read_text().split() == ["id,label", "x,animal", "y,", "z,cat"]


def test_describe_says_how_deep() -> None:
    assert Levels([1, 2, -1], PARENT, NAMES).describe() == (
        "nodes of a class tree on 2 of 3 records, 3 classes among 5 nodes, 50% at a leaf, 1.5 leaves below each"
    )
    assert Levels([-1], PARENT, NAMES).describe().endswith("3 classes among 5 nodes")


def test_unusable_nodes_are_refused_by_record() -> None:
    with pytest.raises(InputError, match="record 1 has label 9"):
        Levels([0, 9], PARENT)
    with pytest.raises(InputError, match=r"unknown node of the class tree 'cot'\. Did you mean 'cat'"):
        Levels.from_rows(Levels([1], PARENT, NAMES).header(), [{"id": "x", "node": "cot"}], ["x"])
    with pytest.raises(InputError, match=r"have shape .1, 2.; give one a record"):
        Levels([[0, 1]], PARENT)
