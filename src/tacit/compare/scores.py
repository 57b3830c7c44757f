"""Metrics: a figure for a prediction, and where it is a mean over records, the share of every record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.task import Number, Task
from tacit.errors import InputError
from tacit.listing import pick

Floats = NDArray[np.float64]
Truth = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """``score(truth, values)`` with ``truth`` (n,), and ``values`` (n, C) probabilities or (n,) means.

    ``per_record`` gives (n,) whose mean is the score, where the metric is one. ``unit`` is what a gain of 1 on the
    prior's scale of 0 to 1 amounts to.
    """

    name: str
    score: Callable[[Truth, Floats], float]
    per_record: Callable[[Truth, Floats], Floats] | None = None
    higher_is_better: bool = True
    unit: Callable[[Truth], float] = lambda truth: 1.0

    def better(self, a: float, b: float) -> float:
        """By how much ``a`` is better than ``b``, positive where it is."""
        return a - b if self.higher_is_better else b - a


def _mean_of(per_record: Callable[[Truth, Floats], Floats]) -> Callable[[Truth, Floats], float]:
    return lambda truth, values: float(per_record(truth, values).mean())


def correct(truth: Truth, p: Floats) -> Floats:
    """1 where the most probable class is the true one."""
    hit: Floats = np.equal(p.argmax(axis=1), truth).astype(np.float64)
    return hit


def surprise(truth: Truth, p: Floats) -> Floats:
    """Negative log-probability of the truth, at most 20 nats."""
    chosen: Floats = p[np.arange(len(p)), truth.astype(np.int64)]
    return -np.log(np.maximum(chosen, 2e-9))


def squared_error(truth: Truth, mean: Floats) -> Floats:
    """(truth - mean)²."""
    return (truth - mean) ** 2


def absolute_error(truth: Truth, mean: Floats) -> Floats:
    """abs(truth - mean)."""
    return np.abs(truth - mean)


def balanced_accuracy(truth: Truth, p: Floats) -> float:
    """The mean over classes present of the share found."""
    hit = correct(truth, p)
    return float(np.mean([hit[truth == c].mean() for c in np.unique(truth)]))


def macro_f1(truth: Truth, p: Floats) -> float:
    """The mean over classes, present or predicted, of F1."""
    guess = p.argmax(axis=1)
    scores = []
    for c in np.union1d(truth, guess):
        hits = float(((guess == c) & (truth == c)).sum())
        scores.append(2 * hits / float((guess == c).sum() + (truth == c).sum()))
    return float(np.mean(scores))


def area_under_curve(truth: Truth, p: Floats) -> float:
    """Area under the ROC curve by ranks, ties halved; with more classes the mean of one against the rest."""
    from scipy.stats import rankdata

    areas = []
    for c in np.unique(truth) if p.shape[1] > 2 else [1.0]:
        positive = truth == c
        count, rest = int(positive.sum()), int((~positive).sum())
        if count and rest:
            ranks = rankdata(p[:, int(c)])
            areas.append((ranks[positive].sum() - count * (count + 1) / 2) / (count * rest))
    return float(np.mean(areas)) if areas else 0.5


def r_squared(truth: Truth, mean: Floats) -> float:
    """1 - squared error / variance of the truth."""
    spread = float(((truth - truth.mean()) ** 2).sum())
    return 1.0 - float(squared_error(truth, mean).sum()) / spread if spread > 0 else 0.0


EVIDENCE = Metric("evidence", lambda truth, found: float(found.mean()), lambda truth, found: found)
"""Of log-likelihoods (observations,) of held-out evidence their mean; there is no truth to read."""

CLASS_METRICS = {
    m.name: m
    for m in (
        Metric("accuracy", _mean_of(correct), correct),
        Metric("log_loss", _mean_of(surprise), surprise, higher_is_better=False),
        Metric("balanced_accuracy", balanced_accuracy),
        Metric("macro_f1", macro_f1),
        Metric("auc", area_under_curve),
    )
}
NUMBER_METRICS = {
    m.name: m
    for m in (
        Metric("r2", r_squared),
        Metric("mse", _mean_of(squared_error), squared_error, False, lambda truth: float(truth.var()) or 1.0),
        Metric("mae", _mean_of(absolute_error), absolute_error, False, lambda truth: float(truth.std()) or 1.0),
    )
}


def metric_for(task: Task, name: str | None = None) -> Metric:
    """The named metric, or the task's default: accuracy for classes, R² for numbers."""
    known = NUMBER_METRICS if isinstance(task, Number) else CLASS_METRICS
    other = CLASS_METRICS if isinstance(task, Number) else NUMBER_METRICS
    if name in other:
        kind = "numbers" if isinstance(task, Number) else "classes"
        raise InputError(f"metric {name!r} does not judge {kind}. Known for {kind} are: {', '.join(known)}.")
    metric: Metric = next(iter(known.values())) if name is None else pick(name, known, "metric")
    return metric


def values_of(prediction: Prediction) -> Floats:
    """What metrics read: (sites, C) probabilities, or (sites,) means."""
    if isinstance(prediction, Categorical):
        return prediction.p.double().cpu().numpy()
    assert isinstance(prediction, Normal)
    return prediction.mean.double().cpu().numpy()
