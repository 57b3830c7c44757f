"""Softmax by softmax down a tree of classes, against the product along each path."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax

from tacit.engines.hierarchical_softmax import HierarchicalSoftmax
from tacit.labels.class_tree import ClassTree


def test_a_class_is_as_probable_as_every_node_of_its_path_among_its_siblings() -> None:
    parent = np.array([6, 6, 6, 7, 8, -1, 8, 8, -1, 7])
    tree = ClassTree.of(parent, classes=["9", "4", "0", "5", "2", "3", "1"])
    scores = np.random.default_rng(0).normal(size=(5, 10)) * 30
    expected = np.ones((5, 7))
    for c, leaf in enumerate(map(int, tree.classes)):
        node = leaf
        while node >= 0:
            siblings = np.flatnonzero(parent == parent[node])
            expected[:, c] *= softmax(scores[:, siblings], axis=1)[:, list(siblings).index(node)]
            node = int(parent[node])
    found = HierarchicalSoftmax.of(tree)(torch.from_numpy(scores))
    assert_allclose(found.exp(), expected, rtol=1e-10, atol=1e-300)
    assert_allclose(expected.sum(axis=1), 1.0)


def test_its_gradient_is_that_of_the_formula_and_finite_far_out() -> None:
    head = HierarchicalSoftmax.of(ClassTree.of([3, 3, 4, 4, -1]))
    scores = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(head, scores)
    far = torch.tensor([[1e4, -1e4, 0.0, 5e3, 0.0]], requires_grad=True)
    head(far).sum().backward()
    assert far.grad is not None and bool(torch.isfinite(far.grad).all())
