"""A user's own callable or scikit-learn estimator as a candidate."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from tacit.compare.baselines import require_exact
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.predictors import TRUSTED, EstimatorPredictor, Reader
from tacit.compare.workbench import Workbench
from tacit.data.prediction import Prediction
from tacit.data.records import Records
from tacit.data.task import MultiLabel, Number, Task
from tacit.errors import InputError, TacitError
from tacit.labels.base import Labels
from tacit.labels.values import Values
from tacit.modalities.base import Prepared


class UserCandidate:
    """Either an estimator with ``fit(X, y)`` on rung 1's features, or a callable.

    A callable gets ``(records, labels, rng)`` and returns a function from records to (n, C) probabilities, (n, K)
    where a record has several labels, or (n,) numbers. An estimator is saved with the model, through skops, and
    refused where that does not know its types; a callable is compared and never deployed into a run folder, because
    its code cannot be saved without pickle. ``taken``: names of other candidates; a second of the same name is
    numbered.
    """

    family: ClassVar[str] = "user"
    baseline: ClassVar[bool] = False

    def __init__(self, method: Any, bench: Workbench, taken: Collection[str] = ()) -> None:
        self.method, self.bench = method, bench
        name = str(getattr(method, "__name__", type(method).__name__)).lower()
        self.name = next(n for n in (name, *(f"{name}-{i}" for i in range(2, len(taken) + 3))) if n not in taken)
        self.title = f"your own {self.name}"
        if not (hasattr(method, "fit") or callable(method)):
            raise InputError(f"{method!r} is no method: give a name, an estimator or a callable")

    @property
    def saves(self) -> bool:
        """Whether it is an estimator and no callable."""
        return hasattr(self.method, "fit")

    @property
    def naive(self) -> bool:
        """An estimator is told classes or numbers; a callable gets the evidence as it is."""
        return self.saves

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> None:
        """Nothing."""

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        """The user's estimator on the labelled records' features, or what the user's callable returns."""
        with named_errors(self.name):
            if not self.saves:
                return CallablePredictor(self.method(records, labels, rng), labels.task, self.name)
            return self._fitted(records, labels, rng)

    def _fitted(self, records: Records, labels: Labels, rng: np.random.Generator) -> Predictor:
        from sklearn.base import clone

        known = labels.labelled()
        features = self.bench.features(records)[known]
        kind = "frozen" if self.bench.prepared.weights.pretrained else "plain"
        reader = Reader(self.bench.prepared, "frozen" if kind == "frozen" else "plain", self.bench)
        estimator = seeded(clone(self.method), rng)
        if isinstance(labels, Values):
            estimator.fit(features, labels.v[known])
            require_storable(estimator, self.name)
            spread = float(np.std(labels.v[known] - estimator.predict(features)))
            return EstimatorPredictor(reader, labels.task, estimator, np.arange(1), spread)
        exact = require_exact(labels, self.name)
        estimator.fit(features, exact.y[known])
        if not hasattr(estimator, "predict_proba"):
            raise InputError(f"{self.name} gives no probabilities (predict_proba); wrap it in CalibratedClassifierCV")
        require_storable(estimator, self.name)
        return EstimatorPredictor(reader, exact.task, estimator, estimator.classes_.astype(np.int64), 0.0)


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """Whatever the user's code raises fails the candidate and not the run."""
    try:
        yield
    except TacitError:
        raise
    except Exception as error:
        raise TacitError(f"{name} raised {type(error).__name__}: {error}") from error


def seeded(estimator: Any, rng: np.random.Generator) -> Any:
    """The estimator with every ``random_state`` that was left open drawn from ``rng``, so that runs repeat."""
    left = [k for k, v in estimator.get_params().items() if k.split("__")[-1] == "random_state" and v is None]
    return estimator.set_params(**{name: int(rng.integers(2**31)) for name in sorted(left)})


def require_storable(estimator: Any, name: str) -> None:
    """Raise `InputError` where the fitted estimator holds types that would not be loaded again."""
    import skops.io

    unknown = [t for t in skops.io.get_untrusted_types(data=skops.io.dumps(estimator)) if t not in TRUSTED]
    if unknown:
        raise InputError(f"{name} holds {unknown[0]}, which is not loaded without pickle; give it within a callable")


class CallablePredictor:
    """What a user's callable returned; it predicts, but cannot be saved."""

    kind: ClassVar[str] = "callable"

    def __init__(self, function: Any, task: Task, name: str) -> None:
        self.function, self.task, self.name = function, task, name

    def __call__(self, records: Records) -> Prediction:
        with named_errors(self.name):
            values = np.asarray(self.function(records), dtype=np.float32)
        expected = (len(records),) if isinstance(self.task, Number) else (len(records), self.task.outputs)
        if values.shape != expected:
            raise TacitError(f"{self.name} gave predictions of shape {values.shape}; expected is {expected}")
        if isinstance(self.task, Number):
            mean = (values.reshape(-1) - self.task.centre) / self.task.scale
            return self.task.prediction(torch.from_numpy(np.stack([mean, np.zeros_like(mean)], axis=1)))
        if isinstance(self.task, MultiLabel):
            return self.task.prediction(torch.logit(torch.from_numpy(values), eps=1e-6))
        return self.task.prediction(torch.from_numpy(np.log(np.maximum(values, 1e-9))))

    def save(self, folder: Path) -> None:
        """Refused: code cannot be saved without pickle."""
        raise InputError("a callable of your own can be compared but not saved; give a scikit-learn estimator")

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        """Never saved, so never loaded."""
        raise InputError("a callable of your own was never saved")
