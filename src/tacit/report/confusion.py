"""Who is taken for whom: held-out labels against out-of-fold predictions of the candidate in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tacit.report.folder import Absent, RunFolder
from tacit.report.outoffold import HeldOutClasses
from tacit.report.text import visible

_LIMIT = 60
_PAIRS = 6


@dataclass(frozen=True)
class Cell:
    """How many records, how dark to show it (0 to 1), and whether given and predicted agree."""

    count: int
    depth: float
    hit: bool


@dataclass(frozen=True)
class Confusion:
    """``rows``: name, cells, right, total; ``pairs``: given, predicted, times, of; ``rest``: pooled."""

    names: list[str]
    rows: list[tuple[str, list[Cell], int, int]]
    pairs: list[tuple[str, str, int, int]]
    right: int
    total: int
    rest: int
    candidate: str


def confusion(folder: RunFolder, held: HeldOutClasses) -> Confusion | Absent:
    """The matrix over all classes; beyond 60, those with most held-out labels and the others as one."""
    names = [visible(name, 40) for name in folder.names]
    if held.p.shape[1] != len(names) or held.given.max(initial=-1) >= len(names):
        return Absent("The out-of-fold predictions do not fit the classes in run.json.")
    counts = count(held.given, held.p.argmax(axis=1), len(names))
    pairs = _pairs(counts, names)
    right, total = int(np.trace(counts)), int(counts.sum())
    counts, names, rest = _pool(counts, names)
    rows = []
    for i, name in enumerate(names):
        of = int(counts[i].sum())
        pooled = rest > 0 and i == len(names) - 1
        cells = [
            Cell(int(n), round(float(n) / of, 2) if of else 0.0, i == j and not pooled) for j, n in enumerate(counts[i])
        ]
        rows.append((name, cells, int(counts[i, i]), of))
    return Confusion(names, rows, pairs, right, total, rest, visible(folder.deployed))


def count(given: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(C, C): how many records of each given class (row) were predicted as each class (column)."""
    flat = np.bincount(given * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def _pairs(counts: NDArray[np.int64], names: list[str]) -> list[tuple[str, str, int, int]]:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    found = [(int(k // len(names)), int(k % len(names))) for k in order]
    # Where there are more single confusions than fit, picking some of them would say nothing.
    least = 1 if (wrong > 0).sum() <= _PAIRS else 2
    of = counts.sum(axis=1)
    return [(names[i], names[j], int(wrong[i, j]), int(of[i])) for i, j in found if wrong[i, j] >= least]


def _pool(counts: NDArray[np.int64], names: list[str]) -> tuple[NDArray[np.int64], list[str], int]:
    if len(names) <= _LIMIT:
        return counts, names, 0
    keep = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:_LIMIT])
    slot = np.full(len(names), _LIMIT)
    slot[keep] = np.arange(_LIMIT)
    pooled = np.zeros((_LIMIT + 1, _LIMIT + 1), dtype=np.int64)
    np.add.at(pooled, (slot[:, None], slot[None, :]), counts)
    rest = len(names) - _LIMIT
    return pooled, [*(names[i] for i in keep), f"{rest} others"], rest
