"""Probabilities of the classes of a tree: a softmax among the children of every node (Goodman 2001).

The probability of a class is the product along its path. Evidence on a group of classes then says nothing of which
class of the group it is; in one softmax over all classes it would be met by raising one class of the group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tacit.labels.class_tree import ClassTree


@dataclass(frozen=True)
class HierarchicalSoftmax:
    """Scores of nodes to log-probabilities of the classes at their leaves.

    ``family``: (nodes,) the number of each node's siblings, itself included, from 0. ``path``: (2, entries) class and
    node of every membership of a class below a node or at it.
    """

    family: Tensor
    path: Tensor

    @staticmethod
    def of(tree: ClassTree) -> HierarchicalSoftmax:
        """All nodes of the tree; the roots are one family."""
        family = np.unique(tree.parent, return_inverse=True)[1]
        path = np.stack(tree.below(np.arange(len(tree.parent))))
        return HierarchicalSoftmax(torch.from_numpy(family), torch.from_numpy(path))

    @property
    def nodes(self) -> int:
        """How many scores it reads."""
        return len(self.family)

    def __call__(self, scores: Tensor) -> Tensor:
        """(n, nodes) scores to (n, C) log-probabilities."""
        shape = (len(scores), int(self.family.max()) + 1)
        family = self.family.expand(len(scores), -1)
        most = scores.new_full(shape, -torch.inf).scatter_reduce(1, family, scores.detach(), "amax")
        above = scores - most.gather(1, family)
        total = scores.new_zeros(shape).scatter_add(1, family, above.exp())
        return self._summed(above - total.log().gather(1, family))

    def _summed(self, log_p: Tensor) -> Tensor:
        """(n, C) of each class the sum along its path."""
        ones = log_p.new_ones(self.path.shape[1])
        shape = (int(self.path[0].max()) + 1, self.nodes)
        member = torch.sparse_coo_tensor(self.path, ones, shape, check_invariants=True)
        return (member @ log_p.T).T
