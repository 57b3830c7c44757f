"""Co-training for tables: logistic regression and boosted trees, each taught by what the other is surest of.

Blum and Mitchell (1998) train two learners on two views of a record. Goldman and Zhou (2000) do without the views where
the learners themselves differ enough, as a linear model and trees do; so do Zhou and Li (2005, tri-training).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.compare.baselines import FeatureCandidate, require_exact
from tacit.compare.blend import Blend
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.predictors import EstimatorPredictor, LinearPredictor, Reader
from tacit.compare.workbench import Workbench
from tacit.data.records import Records
from tacit.data.task import Classes, Task
from tacit.engines.features import Linear, fit_soft
from tacit.errors import InputError
from tacit.labels.base import Labels

Matrix = NDArray[np.float32]

ROUNDS = 2

C = 0.3
"""Inverse strength of the penalty of logistic regression, as in scikit-learn."""

TREES = {"max_iter": 60, "max_leaf_nodes": 4, "early_stopping": False}
LEAF = 10
"""Least rows of a leaf, where there are labels enough for that."""

LEVELS = 255
"""Values of a column that trees tell apart: as many as they have bins."""

COST = 7_500_000
"""Columns times rows of all classes times trees of an iteration that take about 2 seconds of a core."""

LEAST = 1_000
"""Rows of the pool that are read whatever they cost."""


@dataclass(frozen=True)
class Sample:
    """Rows ``x`` (n, D) with shares of the classes ``targets`` (n, C) that sum to 1, and ``weights`` (n,)."""

    x: Matrix
    targets: Matrix
    weights: Matrix

    def with_pseudo_labels(self, x: Matrix, p: Matrix) -> Sample:
        """These rows, and of ``x`` (m, D) the surer half by ``p`` (m, C), which together weigh as much."""
        surety = p.max(axis=1)
        kept = surety >= np.median(surety)
        share = np.full(int(kept.sum()), self.weights.sum() / kept.sum(), dtype=np.float32)
        return Sample(
            np.concatenate([self.x, x[kept]]),
            np.concatenate([self.targets, p[kept]]),
            np.concatenate([self.weights, share]),
        )


class Learner(Protocol):
    """Fits soft targets, and predicts."""

    def fit(self, sample: Sample) -> None:
        """Anew, whatever was fitted before."""

    def __call__(self, x: Matrix) -> Matrix:
        """(n, D) features to (n, C) probabilities."""

    def predictor(self, reader: Reader, task: Task, present: NDArray[np.int64]) -> Predictor:
        """What is deployed. ``present``: (C,) class numbers of the columns of the targets."""


class LinearLearner:
    """Multinomial logistic regression on features as they are, fitted to soft targets."""

    def fit(self, sample: Sample) -> None:
        # With two classes scikit-learn penalises one difference of weights, which is twice their squares here.
        penalty = (2 if sample.targets.shape[1] == 2 else 1) / (C * float(sample.weights.sum()))
        x, targets, weights = (torch.from_numpy(a) for a in (sample.x, sample.targets, sample.weights))
        self.weight = fit_soft(x, targets, weights, penalty)

    def __call__(self, x: Matrix) -> Matrix:
        outputs = torch.from_numpy(x) @ self.weight[:-1] + self.weight[-1]
        return np.asarray(torch.softmax(outputs, dim=1).numpy())

    def predictor(self, reader: Reader, task: Task, present: NDArray[np.int64]) -> Predictor:
        width = len(self.weight) - 1
        weight = torch.zeros(width, task.outputs)
        bias = torch.full((task.outputs,), -20.0)
        weight[:, present], bias[present] = self.weight[:-1], self.weight[-1]
        return LinearPredictor(reader, task, Linear(torch.zeros(width), torch.ones(width), weight, bias))


class TreeLearner:
    """Histogram gradient-boosted trees, fitted to soft targets as one weighted row per class."""

    def __init__(self, labels: int, seed: int) -> None:
        """``labels``: how many rows are labelled."""
        self.settings: dict[str, Any] = {
            **TREES,
            "min_samples_leaf": max(2, min(LEAF, labels // 10)),
            "random_state": seed,
        }

    def fit(self, sample: Sample) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        row, label = np.nonzero(sample.targets)
        weights = sample.weights[row] * sample.targets[row, label]
        self.model = HistGradientBoostingClassifier(**self.settings).fit(sample.x[row], label, sample_weight=weights)

    def __call__(self, x: Matrix) -> Matrix:
        return np.asarray(self.model.predict_proba(x), dtype=np.float32)

    def predictor(self, reader: Reader, task: Task, present: NDArray[np.int64]) -> Predictor:
        return EstimatorPredictor(reader, task, self.model, present, 0.0)


class Pair:
    """Both learners start from the labels; in each round each is fitted again with what the other is surer of.

    These pseudo-labels are the soft beliefs about half of the pool and weigh as much as the labels. The prediction is
    the mean of both learners' log-probabilities.
    """

    name: str
    bench: Workbench
    rounds: ClassVar[int]

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> Matrix:
        """(n, D) plain features of all records with few values a column, for the trees."""
        return rounded(self.bench.features(records), LEVELS)

    def fit(
        self, records: Records, labels: Labels, shared: Matrix, plan: FitPlan, rng: np.random.Generator
    ) -> Predictor:
        exact = require_exact(labels, self.name)
        known = exact.labelled()
        present, y = np.unique(exact.y[known], return_inverse=True)
        if len(present) < 2:
            raise InputError("co-training needs labels of two classes at least")
        views = (self.bench.features(records), shared)
        read = some(np.flatnonzero(exact.y < 0), affordable(shared.shape[1], len(present)), rng)
        pool = [view[read] for view in views]
        targets, weights = np.eye(len(present), dtype=np.float32)[y], np.ones(len(known), dtype=np.float32)
        given = [Sample(view[known], targets, weights) for view in views]
        learners: tuple[Learner, ...] = (LinearLearner(), TreeLearner(len(known), int(rng.integers(2**31))))
        for learner, sample in zip(learners, given, strict=True):
            learner.fit(sample)
        for _ in range(self.rounds if len(read) else 0):
            beliefs = [learner(x) for learner, x in zip(learners, pool, strict=True)]
            for learner, sample, x, p in zip(learners, given, pool, reversed(beliefs), strict=True):
                learner.fit(sample.with_pseudo_labels(x, p))
        reader = Reader(self.bench.prepared, "plain", self.bench)
        return Blend([learner.predictor(reader, exact.task, present) for learner in learners])


class CoTraining(Pair, FeatureCandidate):
    """Logistic regression and boosted trees that teach each other."""

    name = "co-training"
    title = "Co-training of logistic regression and trees"
    baseline = False
    rounds = ROUNDS


class LinearAndTrees(Pair, FeatureCandidate):
    """The same learners from the labels alone: what co-training has to beat before unlabelled rows get the thanks."""

    name = "linear-and-trees"
    title = "Logistic regression and trees, averaged"
    rounds = 0


def affordable(columns: int, classes: int) -> int:
    """How many unlabelled rows a fit reads: each is a row per class, and every iteration grows a tree per class."""
    # What does not depend on the columns takes as long as ten of them.
    return max(LEAST, COST // (classes**2 * (columns + 10)))


def some(rows: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most ``most`` of the rows, drawn at random, in their order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def rounded(x: Matrix, levels: int) -> Matrix:
    """Each column of ``x`` (n, D) at the nearest of its own quantiles, of which there are at most ``levels``.

    scikit-learn's trees bin weighted rows by as many weighted quantiles a column as there are bins, one at a time and
    in every fit; columns of no more values than bins are spared that.
    """
    result = np.empty_like(x)
    for j, column in enumerate(x.T):
        values = np.unique(column)
        if len(values) > levels:
            values = np.unique(np.quantile(column, np.linspace(0, 1, levels), method="nearest"))
        middles = (values[1:] + values[:-1]) / 2
        result[:, j] = values[np.searchsorted(middles, column)]
    return result


def cotraining_candidates(bench: Workbench) -> list[FeatureCandidate]:
    """Both, for tables with one class a row."""
    suits = bench.prepared.name == "table" and isinstance(bench.task, Classes)
    return [LinearAndTrees(bench), CoTraining(bench)] if suits else []
