"""Soft labels: a distribution over the classes for every labelled record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Prediction
from tacit.data.task import Classes, Masks, task_from_json
from tacit.errors import InputError
from tacit.labels.exact import Exact
from tacit.labels.grid import (
    by_site,
    nested,
    numbers,
    read_nested,
    require_table,
    site_named,
    sites_said,
    task_of,
    unknown,
    write_grid,
)
from tacit.labels.local import Local, categorical
from tacit.labels.values_io import positions
from tacit.listing import pick

OFF = 1e-3
"""How far from 1 the shares of a record may sum: rounded shares pass, and are rescaled."""


class Soft(Local):
    """Shares of the classes, ``q`` (n, C), a row of NaN where unknown. ``classes``: the names in order.

    With ``q`` (n, height, width, C) the sites are pixels.

    A unit's term is the expected log-probability sum_c q[c] log p[c], which is largest where p = q, and its
    posterior is q: whoever gives soft labels has already weighed everything up. With ``virtual=True``, and always
    in a mixture with other evidence, q is what was seen (Pearl 1988, virtual evidence): the likelihood is
    sum_c q[c] p[c], the posterior is q p rescaled, and rows are likelihoods, which need not sum to 1.
    """

    task: Classes | Masks

    def __init__(self, q: Any, classes: Sequence[str] | None = None, virtual: bool = False) -> None:
        grid = numbers(q, dense=True)
        known = ~np.isnan(grid)
        _refuse(known.any(axis=-1) & ~known.all(axis=-1), "has shares of some classes only; give all of them or none")
        _refuse(((grid < 0) | np.isinf(grid)).any(axis=-1), "has a negative or infinite share; give shares from 0 to 1")
        total = grid.sum(axis=-1)
        _refuse(total == 0, "has no share of any class; give shares that sum to 1, or NaN for unknown")
        if not virtual:
            off = np.abs(total - 1)
            _refuse(off > OFF, "has shares that do not sum to 1; rescale them, or give likelihoods with virtual=True")
            grid = np.where(off[..., None] > 1e-9, grid / total[..., None], grid)
        self.task = task_of(grid, classes)
        self.virtual = virtual
        self.q: NDArray[np.float64] = grid
        self.q.setflags(write=False)

    def __len__(self) -> int:
        return len(self.q)

    def naive(self) -> Exact | Soft:
        """The shares; exact labels where each known record has all of them on one class."""
        shares = self.q / self.q.sum(axis=-1, keepdims=True)
        known = ~np.isnan(self.q[..., 0])
        if (shares[known].max(axis=1) == 1).all():
            y = np.full(known.shape, -1, dtype=np.int64)
            y[known] = shares[known].argmax(axis=1)
            return Exact(y, self.task.names)
        return Soft(shares, self.task.names)

    def observed(self) -> NDArray[np.int64]:
        return np.flatnonzero(~np.isnan(self.q[..., 0])).astype(np.int64)

    def emission(self) -> Tensor:
        return torch.from_numpy(by_site(self.q)[self.observed()]).log()

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        """(units,) sum_c q[c] log p[c]; log of sum_c q[c] p[c] where the evidence is virtual."""
        if self.virtual:
            return super().log_likelihood(prediction)
        log_p = categorical(prediction).log_p
        observed = self.observed()
        q = torch.from_numpy(by_site(self.q)[observed]).to(log_p)
        return torch.where(q > 0, q * log_p[torch.from_numpy(observed).to(log_p.device)], 0.0).sum(dim=1)

    def hide(self, units: NDArray[np.int64]) -> Self:
        q = self.q.copy()
        by_site(q)[self.observed()[units]] = np.nan
        return self._with(q)

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.q[index])

    def padded(self, extra: int) -> Self:
        return self._with(np.concatenate([self.q, np.full((extra, *self.q.shape[1:]), np.nan)]))

    def describe(self) -> str:
        observed = self.observed()
        known = by_site(self.q)[observed]
        kind = "virtual evidence" if self.virtual else "soft labels"
        surest = f", {known.max(axis=1).mean():.0%} on the likeliest class on average" if len(known) else ""
        return f"{kind} on {sites_said(observed, self.task, len(self))}, {self.task.outputs} classes{surest}"

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json(), "virtual": self.virtual}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = self.task.names
        for record in self.labelled().tolist():
            if isinstance(self.task, Masks):
                yield {"id": ids[record], "shares": nested(self.q[record])}
                continue
            shares = zip(names, self.q[record].tolist(), strict=True)
            yield {"id": ids[record], "shares": {name: share for name, share in shares if share > 0}}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task = task_from_json(header["task"])
        assert isinstance(task, Classes | Masks)
        names = task.names
        place, number = positions(ids), positions(names)
        q = unknown(len(ids), task, np.nan, np.float64, (len(names),))
        for row in rows:
            record = pick(row["id"], place, "record")
            if isinstance(task, Masks):
                q[record] = read_nested(row["shares"], q.shape[1:])
                continue
            q[record] = 0.0
            for name, share in row["shares"].items():
                q[record, pick(name, number, "class")] = share
        return cls(q, names, virtual=bool(header["virtual"]))

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id`` and one column a class with its share. Whether they are virtual is for its reader to say."""
        require_table(self.task)
        known = ~np.isnan(self.q[:, 0])
        cells = [[repr(x) for x in row.tolist()] if k else None for row, k in zip(self.q, known, strict=True)]
        write_grid(path, ids, self.task, cells)

    def _with(self, q: NDArray[np.float64]) -> Self:
        new = object.__new__(type(self))
        new.q, new.task, new.virtual = q, self.task, self.virtual
        new.q.setflags(write=False)
        return new


def shares_of(labels: Exact | Soft) -> NDArray[np.float64]:
    """(n, C), or (n, height, width, C), shares of the classes, NaN where unknown; of exact labels all on one class."""
    if isinstance(labels, Soft):
        return labels.q
    shares = np.full((*labels.y.shape, labels.outcomes), np.nan)
    known = labels.y >= 0
    shares[known] = np.eye(labels.outcomes)[labels.y[known]]
    return shares


def mean_shares(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean over parts of the shares (n, C) that they give a record, NaN where none does."""
    known = [~np.isnan(part) for part in parts]
    total = sum((np.where(k, part, 0.0) for k, part in zip(known, parts, strict=True)), np.zeros(()))
    with np.errstate(invalid="ignore"):
        return np.asarray(total / sum(known), dtype=np.float64)


def _refuse(wrong: Any, what: str) -> None:
    """`InputError` that names the first record or pixel where ``wrong`` (n,) or (n, height, width) is True."""
    if len(sites := np.argwhere(wrong)):
        raise InputError(f"{site_named(sites[0])} {what}")
