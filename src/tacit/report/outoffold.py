"""What one candidate predicted for labelled records while their label was hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tacit.figures import share, significant
from tacit.report.folder import Absent, RunFolder, floats, strings
from tacit.report.text import visible


@dataclass(frozen=True)
class HeldOutClasses:
    """``given``: (n,) class index; ``p``: (n, C), the mean over seeds of each record's predictions."""

    ids: list[str]
    given: NDArray[np.int64]
    p: NDArray[np.float64]

    def say(self, names: list[str]) -> dict[str, str]:
        """By id, the most probable class and its probability in words."""
        best = self.p.argmax(axis=1)
        return {i: f"{visible(names[c], 80)}, {share(p[c])}" for i, c, p in zip(self.ids, best, self.p, strict=True)}


@dataclass(frozen=True)
class HeldOutNumbers:
    """``given``, ``mean``, ``scale``: (n,); several seeds are one mixture, by its mean and deviation."""

    ids: list[str]
    given: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def say(self) -> dict[str, str]:
        """By id, the predicted number and its deviation in words."""
        figures = zip(self.ids, self.mean, self.scale, strict=True)
        return {i: f"{significant(m)} ± {significant(s)}" for i, m, s in figures}


HeldOut = HeldOutClasses | HeldOutNumbers | Absent


def held_out(folder: RunFolder) -> HeldOut:
    """Out-of-fold predictions of the deployed candidate, one entry per labelled record."""
    if folder.oof is None:
        return Absent("The run folder holds no out-of-fold predictions (oof.parquet).")
    table = folder.oof.filter(pc.equal(folder.oof["candidate"], folder.deployed))
    keep = pc.is_valid(table["given"])
    table = table.filter(keep)
    if folder.kind == "classes" and "log_p" in table.column_names:
        known = np.array([i >= 0 for i in _class_index(folder, table)], dtype=bool)
        table = table.filter(known)
    if table.num_rows == 0:
        if folder.uncounted:
            return Absent(f"There is nothing given to compare predictions with. {folder.uncounted}")
        return Absent(f"No labelled record was held out for {visible(folder.deployed)}, the candidate in use.")
    ids, slot = np.unique(np.array(strings(table["id"]), dtype=object), return_inverse=True)
    times = np.bincount(slot, minlength=len(ids)).astype(np.float64)

    def mean_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros((len(ids), *values.shape[1:]))
        np.add.at(total, slot, values)
        return total / times.reshape(-1, *([1] * (values.ndim - 1)))

    first = np.full(len(ids), -1)
    first[slot[::-1]] = np.arange(len(slot))[::-1]
    if folder.kind == "classes" and "log_p" in table.column_names:
        p = mean_of(np.exp(np.array(table["log_p"].to_pylist(), dtype=np.float64)))
        given = np.array(_class_index(folder, table), dtype=np.int64)[first]
        return HeldOutClasses(list(ids), given, p)
    if folder.kind == "number" and {"mean", "log_scale"} <= set(table.column_names):
        mean, scale = floats(table["mean"]), np.exp(floats(table["log_scale"]))
        centre = mean_of(mean)
        variance = np.maximum(mean_of(mean**2 + scale**2) - centre**2, 0.0)
        return HeldOutNumbers(list(ids), floats(table["given"])[first], centre, np.sqrt(variance))
    return Absent("Out-of-fold predictions of records with several labels each are not drawn on this page.")


def _class_index(folder: RunFolder, table: pa.Table) -> list[int]:
    """The column ``given`` as class indices, -1 where it names no class; indices and names both occur."""
    index = {name: i for i, name in enumerate(folder.names)}
    values = table["given"].to_pylist()
    return [index.get(v, -1) if isinstance(v, str) else int(v) for v in values]
