"""The class tree against a walk up from every leaf."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels.class_tree import ClassTree


def random_tree(nodes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The parent of every node, in no order that helps; one root or a few."""
    parent = np.array([-1 if n == 0 or rng.random() < 0.1 else rng.integers(n) for n in range(nodes)])
    new = rng.permutation(nodes)
    moved = np.full(nodes, -1)
    moved[new] = np.where(parent >= 0, new[parent], -1)
    return moved


def leaves_below(parent: NDArray[np.int64]) -> list[set[int]]:
    """The leaves below every node, themselves included, by walking up."""
    below: list[set[int]] = [set() for _ in parent]
    for leaf in set(range(len(parent))) - set(parent.tolist()):
        node = leaf
        while node >= 0:
            below[node].add(leaf)
            node = int(parent[node])
    return below


@given(st.integers(1, 30), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_node_has_the_leaves_that_walk_up_to_it(nodes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = random_tree(nodes, rng)
    expected = leaves_below(parent)
    leaves = sorted(set().union(*expected))
    order = [str(leaf) for leaf in rng.permutation(leaves)]
    tree = ClassTree.of(parent, classes=order)
    assert tree.classes == tuple(order)
    asked = rng.integers(nodes, size=5)
    classes, owner = tree.below(asked)
    for place, node in enumerate(asked):
        found = [tree.classes[c] for c in classes[owner == place]]
        assert len(found) == len(set(found))
        assert {int(name) for name in found} == expected[node]
    assert tree.is_all(np.arange(nodes)).tolist() == [len(b) == len(leaves) for b in expected]


def test_classes_are_the_leaves_in_the_order_of_their_nodes() -> None:
    tree = ClassTree.of([3, 3, -1, 2, 2], ["cat", "dog", "all", "animal", "car"])
    assert tree.classes == ("cat", "dog", "car")


def test_a_long_chain_and_a_wide_star_are_linear_in_time() -> None:
    chain, star = np.arange(-1, 50_000 - 1), np.where(np.arange(50_000) == 0, -1, 0)
    begun = time.perf_counter()
    assert len(ClassTree.of(chain).classes) == 1
    assert len(ClassTree.of(star).classes) == 49_999
    assert time.perf_counter() - begun < 10, "a quadratic walk takes minutes"


@pytest.mark.parametrize(
    ("parent", "names", "classes", "message"),
    [
        ([-1, 2, 3, 1, 1], None, None, "node '[123]' is its own ancestor: the tree has a cycle"),
        ([1, 2, 3, 1], None, None, "node '[123]' is its own ancestor"),
        ([0], None, None, "node '0' is its own ancestor"),
        ([1, 2, 0, 1], ["a", "b", "c", "leaf"], None, "node '[abc]' is its own ancestor"),
        ([-1, 7], None, None, "node 1 has the parent 7, but nodes go from 0 to 1"),
        ([-1, -2], None, None, "node 1 has the parent -2"),
        ([-1.0, 0.0], None, None, "not one whole number a node"),
        ([[-1, 0]], None, None, "not one whole number a node"),
        ([-1, 0], ["a"], None, "1 names for a tree of 2 nodes"),
        ([-1, 0], ["a", "a"], None, "two nodes of the tree have the same name"),
        ([-1, 0, 0], ["r", "a", "b"], ["a", "c"], "unknown leaf of the class tree 'c'"),
        ([-1, 0, 0], ["r", "a", "b"], ["a"], "the leaf 'b' of the tree is none of the classes"),
        ([-1, 0, 0], ["r", "a", "b"], ["a", "b", "a"], "two classes have the same name"),
    ],
)
def test_unusable_trees_are_refused_by_node(
    parent: Any, names: list[str] | None, classes: list[str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ClassTree.of(parent, names, classes)
