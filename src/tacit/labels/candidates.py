"""Candidate labels: the classes that a record may be of; the likelihood is the sum of p over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.task import Classes, Masks, task_from_json
from tacit.errors import InputError
from tacit.labels.exact import Exact
from tacit.labels.grid import (
    by_site,
    numbers,
    read_nested,
    require_table,
    site_named,
    sites_said,
    task_of,
    unknown,
    write_grid,
)
from tacit.labels.local import Local
from tacit.labels.soft import Soft
from tacit.labels.values_io import positions
from tacit.listing import pick


class Candidates(Local):
    """``mask`` (n, C): True (1) where the record may be of the class. ``classes``: the names in order.

    With ``mask`` (n, height, width, C) the sites are pixels.

    Cells of None, NaN or -1 are unknown, so the record may be of the class; a record that may be of any class is
    not observed at all. The likelihood takes the set of candidates to say nothing beyond that the truth is in it
    (coarsening at random: Heitjan and Rubin 1991; Liu and Dietterich 2014 say when the truth can be learned:
    no wrong class may accompany a true one always).
    """

    task: Classes | Masks
    naively = "averaged over the candidates"
    caveat = "a wrong class that accompanies a true one always cannot be told from it"
    _key: ClassVar[str] = "candidates"
    _mark: ClassVar[bool] = True
    """What a marked cell says of whether the record may be of the class."""

    def __init__(self, mask: Any, classes: Sequence[str] | None = None) -> None:
        marked = _marked(mask, unknown=self._mark)
        self.possible: NDArray[np.bool_] = marked == self._mark
        self.possible.setflags(write=False)
        if len(none := np.argwhere(~self.possible.any(axis=-1))):
            raise InputError(
                f"{site_named(none[0])} can be of no class: every candidate is excluded. Leave at "
                "least one, or all where nothing is known"
            )
        self.task = task_of(marked, classes)

    def __len__(self) -> int:
        return len(self.possible)

    def naive(self) -> Exact | Soft:
        """Equal shares of the classes that are possible."""
        shares = self.possible / self.possible.sum(axis=-1, keepdims=True)
        shares[self.possible.all(axis=-1)] = np.nan
        return Soft(shares, self.task.names).naive()

    def observed(self) -> NDArray[np.int64]:
        return np.flatnonzero(~self.possible.all(axis=-1)).astype(np.int64)

    def emission(self) -> Tensor:
        possible = torch.from_numpy(by_site(self.possible)[self.observed()])
        return torch.zeros(possible.shape, dtype=torch.float64).masked_fill(~possible, -torch.inf)

    def hide(self, units: NDArray[np.int64]) -> Self:
        possible = self.possible.copy()
        by_site(possible)[self.observed()[units]] = True
        return self._with(possible)

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.possible[index])

    def padded(self, extra: int) -> Self:
        return self._with(np.concatenate([self.possible, np.ones((extra, *self.possible.shape[1:]), dtype=bool)]))

    def describe(self) -> str:
        observed = self.observed()
        left = by_site(self.possible)[observed].sum(axis=1)
        average = f", {left.mean():.3g} of {self.task.outputs} classes left on average" if len(left) else ""
        return f"{self._key} on {sites_said(observed, self.task, len(self))}{average}"

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = self.task.names
        for record in self.labelled().tolist():
            marked = self.possible[record] == self._mark
            said = marked.astype(int).tolist() if marked.ndim > 1 else [names[c] for c in np.flatnonzero(marked)]
            yield {"id": ids[record], self._key: said}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task = task_from_json(header["task"])
        assert isinstance(task, Classes | Masks)
        names = task.names
        place, number = positions(ids), positions(names)
        mask = unknown(len(ids), task, cls._mark, np.bool_, (len(names),))
        for row in rows:
            record = pick(row["id"], place, "record")
            if isinstance(task, Masks):
                mask[record] = _marked(read_nested(row[cls._key], mask.shape[1:])[None], unknown=cls._mark)[0]
                continue
            mask[record] = False
            mask[record, [pick(name, number, "class") for name in row[cls._key]]] = True
        return cls(mask, names)

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id`` and one column a class: 1 where it is marked, else 0; empty where nothing is known."""
        require_table(self.task)
        known = set(self.observed().tolist())
        marked = (self.possible == self._mark).astype(int).tolist()
        write_grid(path, ids, self.task, [row if record in known else None for record, row in enumerate(marked)])

    def _with(self, possible: NDArray[np.bool_]) -> Self:
        new = object.__new__(type(self))
        new.possible, new.task = possible, self.task
        new.possible.setflags(write=False)
        return new


def _marked(mask: Any, unknown: bool) -> NDArray[np.bool_]:
    """Booleans from booleans or 0 and 1, classes last; None, NaN and -1 become ``unknown``."""
    if isinstance(mask, np.ndarray) and mask.dtype == bool and mask.ndim in (2, 4) and mask.shape[-1]:
        return mask.copy()  # eight times smaller than numbers
    cells = numbers(mask, dense=True)
    missing = np.isnan(cells) | (cells == -1)
    bad = np.argwhere(~missing & (cells != 0) & (cells != 1))
    if len(bad):
        *site, c = bad[0]
        raise InputError(
            f"{site_named(site)} has {cells[*site, c]:g} for class {c}; give 1 or 0, or -1 where it is unknown"
        )
    return np.where(missing, unknown, cells == 1)
