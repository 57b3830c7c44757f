"""What was labelled and what is predicted: shares of classes, or the spread of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tacit.report.folder import Absent, RunFolder, strings
from tacit.report.text import Axis, visible

_CLASSES = 30
_BINS = 20


@dataclass(frozen=True)
class Share:
    """One class; positions in percent of the axis, and the same shares in words."""

    name: str
    given: float
    predicted: float
    given_text: str
    predicted_text: str


@dataclass(frozen=True)
class Shares:
    """``left_out`` classes have smaller differences than those shown."""

    rows: list[Share]
    marks: list[tuple[float, str]]
    labelled: int
    predicted: int
    left_out: int

    @property
    def longest(self) -> int:
        return max(len(row.name) for row in self.rows)


@dataclass(frozen=True)
class Spread:
    """Two histograms over the same bins as SVG path data in a box of 100 by 100."""

    given: str
    predicted: str
    marks: list[tuple[float, str]]
    labelled: int
    total: int


def shares(folder: RunFolder) -> Shares | Spread | Absent:
    """Labelled records against predictions for the unlabelled ones (for all, where none is unlabelled)."""
    table = folder.predictions
    if table is None:
        return Absent("The run folder holds no predictions (predictions.parquet).")
    if "given" not in table.column_names or "split" not in table.column_names:
        return Absent("The predictions do not say which records were labelled.")
    label, given, split = (strings(table[name]) for name in ("label", "given", "split"))
    labels = [g for g, s in zip(given, split, strict=True) if s == "labelled" and g is not None]
    predicted = [v for v, s in zip(label, split, strict=True) if s == "unlabelled" and v is not None]
    predicted = predicted or [v for v in label if v is not None]
    if not labels or not predicted:
        return Absent(f"There is nothing to compare: no labelled record or no prediction. {folder.uncounted}".rstrip())
    if folder.kind == "number":
        return _spread(np.array(labels, dtype=float), np.array(predicted, dtype=float))
    return _shares(folder, labels, predicted)


def _shares(folder: RunFolder, labels: list[str], predicted: list[str]) -> Shares:
    names = list(dict.fromkeys([*folder.names, *labels, *predicted]))
    a, b = _portion(labels, names), _portion(predicted, names)
    shown = np.arange(len(names))
    if len(names) > _CLASSES:
        shown = np.sort(np.argsort(-np.abs(a - b), kind="stable")[:_CLASSES])
    axis = Axis.around([0.0, *(100 * a[shown]).tolist(), *(100 * b[shown]).tolist()], pad=0.0)
    axis = Axis(0.0, axis.high * 1.04, axis.ticks)
    rows = [
        Share(visible(names[i], 40), axis.at(100 * a[i]), axis.at(100 * b[i]), _percent(a[i]), _percent(b[i]))
        for i in shown
    ]
    marks = [(at, f"{text} %") for at, text in axis.marks()]
    return Shares(rows, marks, len(labels), len(predicted), len(names) - len(shown))


def _portion(values: list[str], names: list[str]) -> NDArray[np.float64]:
    index = {name: i for i, name in enumerate(names)}
    return np.bincount([index[v] for v in values], minlength=len(names)) / len(values)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.0995 or value == 0 else f"{100 * value:.1f} %"


def _spread(given: NDArray[np.float64], predicted: NDArray[np.float64]) -> Spread | Absent:
    given, predicted = given[np.isfinite(given)], predicted[np.isfinite(predicted)]
    if not len(given) or not len(predicted):
        return Absent("There is nothing to compare: no finite value among labels or predictions.")
    axis = Axis.around([*given.tolist(), *predicted.tolist()], wanted=5, pad=0.0)
    edges = np.linspace(axis.low, axis.high, _BINS + 1)
    heights = [np.histogram(v, edges)[0] / len(v) for v in (given, predicted)]
    top = max(float(h.max()) for h in heights) * 1.05
    a, b = (_steps(h / top) for h in heights)
    return Spread(a, b, axis.marks(), len(given), len(predicted))


def _steps(heights: NDArray[np.float64]) -> str:
    """The outline of a histogram: up, along, down."""
    width = 100 / len(heights)
    path = "M0 100"
    for k, height in enumerate(heights):
        path += f"V{100 - 100 * height:.1f}H{(k + 1) * width:g}"
    return path + "V100"
