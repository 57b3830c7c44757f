"""Labels at any level of a class tree: the likelihood of a node is the sum of p over the leaves below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Prediction
from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.labels.class_tree import ClassTree
from tacit.labels.exact import Exact
from tacit.labels.local import Local, categorical
from tacit.labels.soft import Soft
from tacit.labels.values_io import positions
from tacit.listing import pick


class Levels(Local):
    """A node of a class tree per record, -1 unknown; the leaves of the tree are the classes.

    ``node``: (n,) ints. ``parent``: (nodes,) ints, the parent of each node, -1 at the roots. ``names``: of the nodes,
    in order. ``classes``: the names of the leaves in the order wanted, if it is not that of their nodes. A record at
    a node above every class is unknown. A leaf is an exact label; where all records stay above the same leaves,
    nothing tells those leaves apart.
    """

    naively = "averaged over the classes below"
    caveat = "classes below a node that no record is below of cannot be told apart"

    def __init__(
        self, node: Any, parent: Any, names: Sequence[str] | None = None, classes: Sequence[str] | None = None
    ) -> None:
        tree = ClassTree.of(parent, names, classes)
        if np.ndim(node) != 1:
            raise InputError(f"nodes of a class tree have shape {np.shape(node)}; give one a record")
        given = Exact(node, tree.names)
        self.tree = tree
        self.task = Classes(tree.classes)
        self.given = given.hide(np.flatnonzero(tree.is_all(given.y[given.observed()])))

    @property
    def node(self) -> NDArray[np.int64]:
        """(n,) the node of every record, -1 where unknown."""
        return self.given.y

    def __len__(self) -> int:
        return len(self.given)

    def naive(self) -> Exact | Soft:
        """Equal shares of the classes below each node."""
        shares = np.full((len(self), self.outcomes), np.nan)
        shares[self.observed()] = self.emission().softmax(dim=1).numpy()
        return Soft(shares, self.task.names).naive()

    def class_tree(self) -> ClassTree | None:
        return self.tree if self.tree.has_groups else None

    def observed(self) -> NDArray[np.int64]:
        return self.given.observed()

    def emission(self) -> Tensor:
        """(units, C) 0 at the classes below the node of each unit, else -inf."""
        observed = self.observed()
        classes, owner = self.tree.below(self.node[observed])
        emission = torch.full((len(observed), self.outcomes), -torch.inf, dtype=torch.float64)
        emission[torch.from_numpy(owner), torch.from_numpy(classes)] = 0.0
        return emission

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        """(units,) log-sum of p over the leaves below each node, which alone are read."""
        log_p = categorical(prediction).log_p
        site, classes, owner = (torch.from_numpy(a).to(log_p.device) for a in self._cells)
        return _log_sums(log_p[site, classes], owner, len(self.observed()))

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The site, the class and the unit of every cell of ``log_p`` that is spoken of."""
        observed = self.observed()
        classes, owner = self.tree.below(self.node[observed])
        return observed[owner], classes, owner

    def hide(self, units: NDArray[np.int64]) -> Self:
        return self._with(self.given.hide(units))

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.given.take(index))

    def padded(self, extra: int) -> Self:
        return self._with(self.given.padded(extra))

    def describe(self) -> str:
        node = self.node[self.observed()]
        leaves = self.tree.stop[node] - self.tree.start[node]
        said = f", {(leaves == 1).mean():.0%} at a leaf, {leaves.mean():.3g} leaves below each" if len(node) else ""
        return (
            f"nodes of a class tree on {len(node):,} of {len(self):,} records, {self.outcomes} classes among "
            f"{len(self.tree.parent):,} nodes{said}"
        )

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json(), "names": list(self.tree.names), "parent": self.tree.parent.tolist()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for record in self.observed().tolist():
            yield {"id": ids[record], "node": self.tree.names[self.node[record]]}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        place, number = positions(ids), positions(header["names"])
        node = np.full(len(ids), -1, dtype=np.int64)
        for row in rows:
            node[pick(row["id"], place, "record")] = pick(row["node"], number, "node of the class tree")
        return cls(node, header["parent"], header["names"], header["task"]["names"])

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id`` and ``label``, the name of the node. The tree is for its reader to give."""
        self.given.to_file(path, ids)

    def _with(self, given: Exact) -> Self:
        new = object.__new__(type(self))
        new.given, new.tree, new.task = given, self.tree, self.task
        return new


def _log_sums(values: Tensor, owner: Tensor, units: int) -> Tensor:
    """(units,) log of the sum of exp over the values of each unit; a unit is not empty."""
    top = torch.full((units,), -torch.inf, dtype=values.dtype, device=values.device)
    top = top.scatter_reduce(0, owner, values.detach(), "amax").nan_to_num(neginf=0.0)
    return values.new_zeros(units).index_add(0, owner, (values - top[owner]).exp()).log() + top
