"""A user's own callable or scikit-learn estimator as a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from tacit.compare.baselines import require_exact
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.predictors import EstimatorPredictor, Reader
from tacit.compare.workbench import Workbench
from tacit.data.prediction import Prediction
from tacit.data.records import Records
from tacit.data.task import Number, Task
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.values import Values
from tacit.modalities.base import Prepared


class UserCandidate:
    """Either an estimator with ``fit(X, y)`` on rung 1's features, or a callable.

    A callable gets ``(records, labels, rng)`` and returns a function from records to (n, C) probabilities, or
    (n,) numbers. An estimator that scikit-learn or skops knows is saved with the model; a callable is compared,
    and refused at deployment, because its code cannot be saved without pickle.
    """

    family: ClassVar[str] = "user"
    baseline: ClassVar[bool] = False

    def __init__(self, method: Any, bench: Workbench) -> None:
        self.method, self.bench = method, bench
        self.name = str(getattr(method, "__name__", type(method).__name__)).lower()
        self.title = f"your own {self.name}"
        if not (hasattr(method, "fit") or callable(method)):
            raise InputError(f"{method!r} is no method: give a name, an estimator or a callable")

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> None:
        """Nothing."""

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        """The user's estimator on the labelled records' features, or what the user's callable returns."""
        if not hasattr(self.method, "fit"):
            return CallablePredictor(self.method(records, labels, rng), labels.task)
        from sklearn.base import clone

        known = labels.labelled()
        features = self.bench.features(records)[known]
        kind = "frozen" if self.bench.prepared.weights.pretrained else "plain"
        reader = Reader(self.bench.prepared, "frozen" if kind == "frozen" else "plain", self.bench)
        estimator = clone(self.method)
        if isinstance(labels, Values):
            estimator.fit(features, labels.v[known])
            spread = float(np.std(labels.v[known] - estimator.predict(features)))
            return EstimatorPredictor(reader, labels.task, estimator, np.arange(1), spread)
        exact = require_exact(labels, self.name)
        estimator.fit(features, exact.y[known])
        return EstimatorPredictor(reader, exact.task, estimator, estimator.classes_.astype(np.int64), 0.0)


class CallablePredictor:
    """What a user's callable returned; it predicts, but cannot be saved."""

    kind: ClassVar[str] = "callable"

    def __init__(self, function: Any, task: Task) -> None:
        self.function, self.task = function, task

    def __call__(self, records: Records) -> Prediction:
        values = np.asarray(self.function(records), dtype=np.float32)
        if isinstance(self.task, Number):
            mean = (values.reshape(-1) - self.task.centre) / self.task.scale
            return self.task.prediction(torch.from_numpy(np.stack([mean, np.zeros_like(mean)], axis=1)))
        return self.task.prediction(torch.from_numpy(np.log(np.maximum(values, 1e-9))))

    def save(self, folder: Path) -> None:
        """Refused: code cannot be saved without pickle."""
        raise InputError("a callable of your own can be compared but not saved; give a scikit-learn estimator")

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        """Never saved, so never loaded."""
        raise InputError("a callable of your own was never saved")
