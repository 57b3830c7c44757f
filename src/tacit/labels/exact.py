"""Exact labels with unknowns: the likelihood of a unit is ``p[y]``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Prediction
from tacit.data.sources.columns import MISSING
from tacit.data.task import Classes, Masks, MultiLabel, task_from_json
from tacit.errors import InputError
from tacit.labels.grid import read_nested, require_table, site_named, sites_said, unknown
from tacit.labels.local import Local, categorical
from tacit.labels.values_io import cell, is_unknown, label_text, positions, record_at, write_labels


class Exact(Local):
    """One known class per labelled record or pixel, or ``(n, K)`` yes/no labels.

    ``y``: (n,) ints from 0 to C - 1, (n, height, width) of them, or (n, K) of 0 and 1; -1 is unknown. ``classes``:
    the names in order.
    """

    task: Classes | MultiLabel | Masks

    def __init__(self, y: Any, classes: Sequence[str] | None = None) -> None:
        array = np.array(y)
        if array.ndim not in (1, 2, 3):
            raise InputError(
                f"labels have shape {array.shape}; give (records,), (records, labels) or (records, height, width)"
            )
        if array.size and not np.issubdtype(array.dtype, np.integer):
            raise InputError(f"labels are {array.dtype}; give ints with -1 for unknown, or use Exact.from_values")
        self.y: NDArray[np.int64] = array.astype(np.int64)
        self.y.setflags(write=False)
        wide = array.ndim == 2
        outcomes = 2 if wide else (len(classes) if classes is not None else int(self.y.max(initial=-1)) + 1)
        bad = np.argwhere((self.y < -1) | (self.y >= outcomes))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            place = f"{site_named(where)}," if array.ndim == 3 else f"record {where[0]}"
            raise InputError(
                f"{place} has label {self.y[where]}, but labels go from 0 to {outcomes - 1} with -1 for unknown"
            )
        count = self.y.shape[1] if wide else outcomes
        names = tuple(classes) if classes is not None else tuple(str(c) for c in range(count))
        if len(names) != count:
            raise InputError(f"{len(names)} class names for {count} labels")
        if len(set(names)) != len(names):
            raise InputError("two classes have the same name")
        if array.ndim == 3:
            self.task = Masks(names, *array.shape[1:])
        else:
            self.task = MultiLabel(names) if wide else Classes(names)

    @classmethod
    def from_values(cls, values: Sequence[Any], classes: Sequence[str] | None = None) -> Exact:
        """From raw values (strings, numbers, booleans); None, NaN and empty text are unknown.

        Classes are sorted, numbers by value, unless given.
        """
        known = [None if is_unknown(v) else label_text(v) for v in values]
        names = list(classes) if classes is not None else sort_names({k for k in known if k is not None})
        number = {name: i for i, name in enumerate(names)}
        for row, name in enumerate(known):
            if name is not None and name not in number:
                raise InputError(f"record {row} has label {name!r}, which is none of the classes {names}")
        return cls(np.array([-1 if k is None else number[k] for k in known], dtype=np.int64), names)

    def naive(self) -> Self:
        return self

    def exact(self) -> Self:
        return self

    def __len__(self) -> int:
        return len(self.y)

    def observed(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.y.reshape(-1) >= 0).astype(np.int64)

    def hide(self, units: NDArray[np.int64]) -> Self:
        flat = self.y.reshape(-1).copy()
        flat[self.observed()[units]] = -1
        return self._with(flat.reshape(self.y.shape))

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.y[index])

    def padded(self, extra: int) -> Self:
        unknown = np.full((extra, *self.y.shape[1:]), -1, dtype=np.int64)
        return self._with(np.concatenate([self.y, unknown]))

    def emission(self) -> Tensor:
        known = torch.from_numpy(self.y.reshape(-1)[self.observed()])
        return torch.full((len(known), self.outcomes), -torch.inf, dtype=torch.float64).scatter(1, known[:, None], 0.0)

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        """(units,) ``log_p[y]``, read off without a sum over the classes that it is not."""
        log_p = categorical(prediction).log_p
        sites = torch.from_numpy(self.observed()).to(log_p.device)
        return log_p[sites, torch.from_numpy(self.y.reshape(-1).copy()).to(log_p.device)[sites]]

    def counts(self) -> NDArray[np.int64]:
        """(C,) labelled records per class, or (K,) positives per label."""
        if isinstance(self.task, MultiLabel):
            return np.asarray((self.y == 1).sum(axis=0), dtype=np.int64)
        known: NDArray[np.int64] = self.y[self.y >= 0]
        return np.bincount(known, minlength=self.task.outputs).astype(np.int64, copy=False)

    def describe(self) -> str:
        if isinstance(self.task, Masks):
            return (
                f"exact labels on {sites_said(self.observed(), self.task, len(self))}, {len(self.task.names)} classes"
            )
        known = int((self.y >= 0).any(axis=1).sum()) if self.y.ndim == 2 else int((self.y >= 0).sum())
        kind = "labels" if isinstance(self.task, MultiLabel) else "classes"
        return f"exact labels on {known:,} of {len(self):,} records, {len(self.task.names)} {kind}"

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = self.task.names
        for record in self.labelled().tolist():
            if isinstance(self.task, Classes):
                yield {"id": ids[record], "label": names[self.y[record]]}
            elif isinstance(self.task, Masks):
                yield {"id": ids[record], "mask": self.y[record].tolist()}
            else:
                known = [(name, int(v)) for name, v in zip(names, self.y[record], strict=True) if v >= 0]
                yield {"id": ids[record], "labels": dict(known)}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task = task_from_json(header["task"])
        assert isinstance(task, Classes | MultiLabel | Masks)
        place, number = positions(ids), positions(task.names)
        if isinstance(task, MultiLabel):
            y = np.full((len(ids), len(task.names)), -1, dtype=np.int64)
        else:
            y = unknown(len(ids), task, -1, np.int64)
        for at, row in enumerate(rows):
            record = record_at(row, at, place)
            if isinstance(task, Classes):
                y[record] = _number_of(cell(row, at, "label"), at, number)
                continue
            if isinstance(task, Masks):
                mask = read_nested(cell(row, at, "mask"), y.shape[1:])
                if (bad := mask[~np.isin(mask, np.arange(-1, len(task.names)))]).size:
                    raise InputError(f"row {at} has {bad[0]:g} in its mask; write numbers of classes, -1 for unknown")
                y[record] = mask
                continue
            said = cell(row, at, "labels")
            if not isinstance(said, Mapping):
                raise InputError(f"row {at} has {said!r} in the field 'labels'; write names with 0 or 1 each")
            for name, value in said.items():
                if value not in (0, 1):
                    raise InputError(f"row {at} has {value!r} for the label {name!r}; write 0 or 1, or leave it out")
                y[record, _number_of(name, at, number)] = value
        return cls(y, task.names)

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        require_table(self.task)
        if isinstance(self.task, MultiLabel):
            columns = {n: [None if v < 0 else int(v) for v in self.y[:, k]] for k, n in enumerate(self.task.names)}
        else:
            names = self.task.names
            if lost := [name for name in names if name in MISSING or name != name.strip()]:
                raise InputError(f"a file of labels cannot hold the class name {lost[0]!r}; rename the class")
            columns = {"label": [None if v < 0 else names[v] for v in self.y]}
        write_labels(path, ids, columns)

    def _with(self, y: NDArray[np.int64]) -> Self:
        new = object.__new__(type(self))
        new.y = y
        new.y.setflags(write=False)
        new.task = self.task
        return new


def _number_of(name: Any, row: int, number: Mapping[str, int]) -> int:
    """The number of the class that a row names."""
    if not isinstance(name, str) or name not in number:
        raise InputError(f"row {row} has the label {name!r}, which is none of the classes {list(number)}")
    return number[name]


def sort_names(names: set[str]) -> list[str]:
    """Class names in a stable order: by value where all are numbers, else as text."""
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)
