"""A tree of classes: its leaves are the classes, and every node stands for the leaves below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels.values_io import positions
from tacit.listing import pick


@dataclass(frozen=True)
class ClassTree:
    """Leaves in depth-first order, so that those below a node are an interval.

    ``parent`` (nodes,), -1 at a root; ``names`` of the nodes; ``classes``: the names of the leaves in class order.
    ``order`` (C,): the class at each place of the depth-first order; below a node are the places from its ``start``
    to before its ``stop``, (nodes,) each.
    """

    parent: NDArray[np.int64]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    order: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    @staticmethod
    def of(parent: Any, names: Sequence[str] | None = None, classes: Sequence[str] | None = None) -> ClassTree:
        """From the parent of every node, -1 at the roots; linear in the nodes.

        Nodes are named by their numbers where no names are given; classes are the leaves in the order of their
        nodes unless ``classes`` orders their names. A cycle and a parent that does not exist are an `InputError`.
        """
        above = np.array(parent)
        if above.ndim != 1 or not np.issubdtype(above.dtype, np.integer):
            raise InputError("the tree is not one whole number a node; give the parent of each, -1 at the root")
        above = above.astype(np.int64)
        if len(bad := np.flatnonzero((above < -1) | (above >= len(above)))):
            raise InputError(f"node {bad[0]} has the parent {above[bad[0]]}, but nodes go from 0 to {len(above) - 1}")
        known = _node_names(len(above), names)
        leaf = np.flatnonzero(np.bincount(above[above >= 0], minlength=len(above)) == 0)
        start, stop = _intervals(above, _from_the_roots(above, known))
        ordered = _ordered([known[n] for n in leaf], classes)
        number = positions(ordered)
        order = np.zeros(len(leaf), dtype=np.int64)
        order[start[leaf]] = [number[known[n]] for n in leaf]
        for array in (above, order, start, stop):
            array.setflags(write=False)
        return ClassTree(above, known, ordered, order, start, stop)

    def below(self, node: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The classes below each of these nodes one after another, and which of the nodes each belongs to."""
        count = self.stop[node] - self.start[node]
        owner = np.repeat(np.arange(len(node)), count)
        first = np.cumsum(count) - count
        return self.order[self.start[node][owner] + np.arange(len(owner)) - first[owner]], owner

    @property
    def has_groups(self) -> bool:
        """Whether any node stands for several of the classes, but not for all."""
        count = self.stop - self.start
        return bool(((count > 1) & (count < len(self.order))).any())

    def is_all(self, node: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether every class is below the node, so that it tells nothing."""
        return np.asarray(self.stop[node] - self.start[node] == len(self.order))


def _node_names(count: int, names: Sequence[str] | None) -> tuple[str, ...]:
    found = tuple(names) if names is not None else tuple(str(n) for n in range(count))
    if len(found) != count:
        raise InputError(f"{len(found)} names for a tree of {count} nodes; give one a node")
    if len(set(found)) != len(found):
        raise InputError("two nodes of the tree have the same name")
    return found


def _ordered(leaves: Sequence[str], classes: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the leaves in class order."""
    if classes is None:
        return tuple(leaves)
    if len(set(classes)) != len(classes):
        raise InputError("two classes have the same name")
    known = positions(leaves)
    for name in classes:
        pick(name, known, "leaf of the class tree")
    if missing := sorted(set(leaves) - set(classes)):
        raise InputError(f"the leaf {missing[0]!r} of the tree is none of the classes; name all leaves as classes")
    return tuple(classes)


def _from_the_roots(parent: NDArray[np.int64], names: Sequence[str]) -> list[int]:
    """The nodes, parents before children; a node that no root leads to is on a cycle or below one."""
    children: list[list[int]] = [[] for _ in range(len(parent))]
    reached: list[int] = []
    for node, above in enumerate(parent.tolist()):
        (children[above] if above >= 0 else reached).append(node)
    for node in reached:  # grows while it is read: breadth first
        reached += children[node]
    if len(reached) < len(parent):
        node = int(np.setdiff1d(np.arange(len(parent)), reached)[0])
        for _ in range(len(parent)):  # far enough up to be on the cycle itself
            node = int(parent[node])
        raise InputError(f"node {names[node]!r} is its own ancestor: the tree has a cycle. Mend its parent")
    return reached


def _intervals(parent: NDArray[np.int64], order: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(nodes,) start and stop of the depth-first places of the leaves below, from an order of parents first."""
    above = parent.tolist()
    count = [0] * len(above)
    for node in reversed(order):
        count[node] = count[node] or 1  # nothing came from below: a leaf
        if above[node] >= 0:
            count[above[node]] += count[node]
    start, following, roots = [0] * len(above), [0] * len(above), 0
    for node in order:
        if above[node] >= 0:
            start[node] = following[above[node]]
            following[above[node]] += count[node]
        else:
            start[node], roots = roots, roots + count[node]
        following[node] = start[node]
    first = np.array(start, dtype=np.int64)
    return first, first + np.array(count, dtype=np.int64)
