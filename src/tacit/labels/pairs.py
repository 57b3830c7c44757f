"""Pairs of records that are of one class, or of two: likelihood sum_c p_i[c] p_j[c], or its complement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from tacit.data.prediction import Prediction
from tacit.data.task import Classes, task_from_json
from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.complement import excluding
from tacit.labels.coupled import NEVER, Coupled, Members
from tacit.labels.exact import Exact
from tacit.labels.indices import frozen, moved, placed, truths
from tacit.labels.structure import Structure
from tacit.labels.values_io import positions, write_table
from tacit.listing import pick


class Pairs(Coupled):
    """Which records belong together, and which do not: must-link and cannot-link constraints.

    ``i``, ``j``: (pairs,) positions of records, from 0 to n - 1. ``same``: (pairs,) bool; None, NaN and -1 are unknown
    and left out. ``classes``: the names in order. A pair that is given twice counts once.

    By itself each pair is a unit. In `Labels.combine` what is the same is merged first, which is exact, and only the
    pairs that are not the same stay. Pairs alone say nothing of which class is which.
    """

    def __init__(self, i: Any, j: Any, same: Any, n: int, classes: Sequence[str]) -> None:
        self.task = Classes(tuple(classes))
        if len(self.task.names) < 2:
            raise InputError("pairs need at least two classes; give classes=[...]")
        if len(set(self.task.names)) != len(self.task.names):
            raise InputError("two classes have the same name; give each its own")
        first, second = placed(i, n, "pair"), placed(j, n, "pair")
        known = truths(same, "pair")
        if not len(first) == len(second) == len(known):
            raise InputError(
                f"there are {len(first)} records i, {len(second)} records j and {len(known)} answers; give one of each "
                "for every pair"
            )
        if len(alone := np.flatnonzero(first == second)):
            raise InputError(f"pair {alone[0]} joins record {first[alone[0]]} to itself; name two records")
        low, high = np.minimum(first, second), np.maximum(first, second)
        kept = np.flatnonzero(known >= 0)
        kept = np.sort(kept[np.unique((low * n + high)[kept] * 2 + known[kept], return_index=True)[1]])
        self._set(n, low[kept], high[kept], known[kept] == 1, 0)
        clash = np.flatnonzero(~self.same & (self.groups[self.i] == self.groups[self.j]))
        if len(clash):
            raise InputError(
                f"records {self.i[clash[0]]} and {self.j[clash[0]]} are said to be of two classes, but other pairs "
                "make them the same; mend or drop one of these pairs"
            )

    def _set(self, n: int, i: NDArray[np.int64], j: NDArray[np.int64], same: NDArray[np.bool_], dropped: int) -> None:
        self.n, self._dropped = n, dropped
        self.i, self.j, self.same = frozen(i), frozen(j), frozen(same)

    naively = "left out, since they name no class"
    caveat = "which group of records is which class is not seen at all"

    def __len__(self) -> int:
        return self.n

    def naive(self) -> Exact:
        """Nothing of any record: pairs name no class."""
        return Exact(np.full(self.n, -1, dtype=np.int64), self.task.names)

    @property
    def dropped(self) -> int:
        return self._dropped

    @property
    def groups(self) -> NDArray[np.int64]:
        """(records,) number of the group of records that pairs make the same."""
        graph = coo_array(
            (np.ones(int(self.same.sum()), dtype=np.int8), (self.i[self.same], self.j[self.same])),
            shape=(self.n, self.n),
        )
        return connected_components(graph, directed=False)[1].astype(np.int64)

    def units(self) -> Units:
        return Units(2 * np.arange(len(self.i) + 1, dtype=np.int64), np.stack([self.i, self.j], axis=1).reshape(-1))

    def hide(self, units: NDArray[np.int64]) -> Self:
        kept = np.ones(len(self.i), dtype=bool)
        kept[units] = False
        return self._with(self.n, self.i[kept], self.j[kept], self.same[kept], self._dropped)

    def take(self, index: NDArray[np.int64]) -> Self:
        place = moved(index, self.n, np.concatenate([self.i, self.j]))
        i, j = place[self.i], place[self.j]
        whole = (i >= 0) & (j >= 0)
        lost = int(((i >= 0) != (j >= 0)).sum())
        low, high = np.minimum(i, j)[whole], np.maximum(i, j)[whole]
        return self._with(len(index), low, high, self.same[whole], self._dropped + lost)

    def padded(self, extra: int) -> Self:
        return self._with(self.n + extra, self.i, self.j, self.same, self._dropped)

    def merges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.i[self.same], self.j[self.same]

    def unmerged(self) -> Self:
        """The pairs that are not the same, one for each two groups of records that are."""
        groups = self.groups
        ends = np.sort(np.stack([groups[self.i], groups[self.j]], axis=1)[~self.same], axis=1)
        kept = np.flatnonzero(~self.same)[np.sort(np.unique(ends, axis=0, return_index=True)[1])]
        return self._with(self.n, self.i[kept], self.j[kept], self.same[kept], self._dropped)

    def joint(self, log_q: Tensor, members: Members) -> Tensor:
        same = torch.from_numpy(self.same.copy()).to(log_q.device)
        first = log_q[members.node[members.offsets[:-1]]]
        second = log_q[members.node[members.offsets[1:] - 1]]
        agree = torch.logsumexp(first + second, dim=1)
        differ = torch.logsumexp(first + excluding(second), dim=1)
        merged = members.offsets.diff() == 1
        return torch.where(merged, torch.where(same, 0.0, 2 * NEVER), torch.where(same, agree, differ)).to(log_q)

    def posterior(self, prediction: Prediction) -> Prediction:
        """Exact where pairs that are not the same share no records; else what each says, side by side."""
        return Labels.combine(self).posterior(prediction)

    def describe(self) -> str:
        known = int(self.same.sum())
        composite = Structure.of([], [self]).composite
        shared = "; pairs of two classes share records (composite likelihood)" if composite else ""
        return (
            f"{known:,} pairs of the same class and {len(self.same) - known:,} of two classes among {self.n:,} "
            f"records, {len(self.task.names)} classes (pairs do not say which class is which){shared}"
        )

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for i, j, same in zip(self.i.tolist(), self.j.tolist(), self.same.tolist(), strict=True):
            yield {"first": ids[i], "second": ids[j], "same": same}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task, place, found = task_from_json(header["task"]), positions(ids), list(rows)
        assert isinstance(task, Classes)
        i, j = ([pick(row[end], place, "record") for row in found] for end in ("first", "second"))
        return cls(i, j, [bool(row["same"]) for row in found], len(ids), task.names)

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``first,second,same``, two ids and 1 or 0; the classes are not in it."""
        rows = self.rows(ids)
        write_table(path, ["first", "second", "same"], ([r["first"], r["second"], int(r["same"])] for r in rows))

    def _with(self, n: int, i: NDArray[np.int64], j: NDArray[np.int64], same: NDArray[np.bool_], dropped: int) -> Self:
        new = object.__new__(type(self))
        new.task = self.task
        new._set(n, i, j, same, dropped)
        return new
