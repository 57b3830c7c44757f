"""scikit-learn's face: `TacitClassifier` and `TacitRegressor`, fitted on what is known and on the rest.

Results are a function of data, parameters and ``random_state``: steps are planned from shapes, never from a clock.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from tacit.api import fit
from tacit.compare.model import Model
from tacit.compare.plan import Plan
from tacit.data.like import read_like
from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.read import read
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.values import Values
from tacit.labels.values_io import is_unknown
from tacit.run import Run

FEW_ROWS = 1000
"""A fully labelled table below this size is left to trees and linear heads: a network learns nothing more there."""

Methods = Sequence[str | Callable[..., Any]]
Known = Literal["image", "set", "table", "text"]


class _TacitEstimator(BaseEstimator):  # type: ignore[misc]
    """What both faces share: reading ``X``, fitting, and a state without pickled code."""

    def __init__(
        self,
        *,
        budget: str | float = "2m",
        modality: Known | None = None,
        encoder: str = "auto",
        methods: Methods | None = None,
        metric: str | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.budget = budget
        self.modality = modality
        self.encoder = encoder
        self.methods = methods
        self.metric = metric
        self.device = device
        self.random_state = random_state

    def _target(self, y: Any) -> NDArray[Any]:
        if y is None:
            raise InputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        if hasattr(y, "to_list") and not isinstance(getattr(y, "dtype", None), np.dtype):
            # Of a series whose type knows of missing values: ints and bools stay what they are.
            y = np.array(y.to_list(), dtype=object)
        return np.asarray(column_or_1d(y, warn=True))

    def _learn(self, X: Any, records: Records, labels: Labels, groups: ArrayLike | None) -> None:
        self._frame = _is_frame(X)
        self.run_ = fit(
            records,
            labels,
            budget=self.budget,
            seed=_seed(self.random_state),
            metric=self.metric,
            methods=self._chosen(records, labels),
            encoder=self.encoder,
            groups=None if groups is None else list(np.asarray(groups, dtype=object)),
            device=self.device,
            clock=False,
        )
        self.run_.model.release()
        self.verdict_ = self.run_.verdict

    def _chosen(self, records: Records, labels: Labels) -> Methods | None:
        complete = len(labels.labelled()) == len(records)
        if self.methods is None and complete and records.modality == "table" and len(records) < FEW_ROWS:
            return []
        return self.methods

    def _predicted(self, X: Any) -> Prediction:
        check_is_fitted(self, "run_")
        model = self.run_.model
        modality = model.prepared.name
        if modality == "table":
            X = self._checked(X, reset=False)
            if self._frame and not _is_frame(X):
                X = _named(X, [column["name"] for column in model.schema["columns"]], self)
            elif not self._frame and _is_frame(X):
                X = np.asarray(X)
        else:
            X = _listed(X)
        return model.predict(read_like(X, model.schema, modality))

    def _records(self, X: Any) -> Records:
        """``X`` as records; a table also sets ``n_features_in_`` and, from a data frame, ``feature_names_in_``."""
        modality = self.modality or _modality(X)
        return read(self._checked(X, reset=True) if modality == "table" else _listed(X), modality)

    def _checked(self, X: Any, reset: bool) -> Any:
        """A table checked as scikit-learn checks it; missing cells and columns of text may be."""
        if _is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        if (self.modality == "table") and np.ndim(X) > 2:
            X = np.asarray(X).reshape(len(X), -1)
        array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        if array.dtype == object:
            _require_cells(array)
        return array

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        if isinstance(run := state.get("run_"), Run):
            state["run_"] = {"info": run.info, "plan": run.plan.to_json(), "model": _packed(run.model)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(kept := state.get("run_"), dict):
            run = Run(kept["info"], Plan.from_json(kept["plan"]), None, _unpacked(kept["model"]))
            state = state | {"run_": run, "verdict_": run.verdict}
        super().__setstate__(state)


class TacitClassifier(ClassifierMixin, _TacitEstimator):  # type: ignore[misc]
    """Classes from few labels and the rest of the data.

    ``fit(X, y)`` takes all records, labelled or not. An unknown ``y`` is NaN or None, and -1 unless the classes are
    exactly -1 and 1. A 2-D array or data frame is a table (missing cells may be), an array of 3 or 4 dimensions
    images, (n, height, width) or (n, height, width, channels), unless ``modality`` says otherwise; a list of
    strings is texts.

    Parameters
    ----------
    budget : "2m", "90s", "300steps" or seconds; planned from shapes alone, so that no clock decides a result.
    modality : "image", "set", "table" or "text"; by default what ``X`` looks like; bags, a list of arrays, have to be
        called a "set".
    encoder : a name as for ``tacit fit --encoder``.
    methods : names of systems, or callables and estimators of your own, to compare with the baselines; by default
        what is expected to work best. A small table that is labelled throughout is left to the baselines.
    metric : what is compared; by default accuracy.
    device : "auto", "cpu" or "gpu".
    random_state : with an int, equal data give equal results.

    Attributes
    ----------
    classes_ : (C,) the classes, sorted, in the type of ``y``.
    run_ : the `tacit.Run`, with leaderboard and plan. verdict_ : what the unlabelled data was worth.
    n_features_in_, feature_names_in_ : for tables.

    Examples
    --------
    >>> import numpy as np
    >>> from tacit import TacitClassifier
    >>> X = np.concatenate([np.random.default_rng(0).normal(c, 0.3, size=(30, 2)) for c in (0, 3)])
    >>> y = np.full(60, None)
    >>> y[:4], y[-4:] = "left", "right"
    >>> model = TacitClassifier(budget="20steps", random_state=0).fit(X, y)
    >>> model.predict([[0.1, 0.0], [3.0, 2.8]]).tolist()
    ['left', 'right']
    """

    def fit(self, X: Any, y: Any, groups: ArrayLike | None = None) -> Self:
        """``y``: (n,), mostly unknown if need be. ``groups``: records that folds must not part, (n,)."""
        target = self._target(y)
        records = self._records(X)
        check_consistent_length(target, records.ids)
        known = _known(target)
        values = _classes(target[known])
        self.classes_, codes = np.unique(values, return_inverse=True)
        numbers = np.full(len(target), -1, dtype=np.int64)
        numbers[known] = codes
        self._learn(X, records, Exact(numbers, [str(c) for c in self.classes_.tolist()]), groups)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, C) probabilities, columns in the order of ``classes_``."""
        prediction = self._predicted(X)
        assert isinstance(prediction, Categorical)
        p = prediction.p.double().numpy()
        normalised: NDArray[np.float64] = p / p.sum(axis=1, keepdims=True)
        return normalised

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) the most probable classes."""
        p = self.predict_proba(X)
        chosen: NDArray[Any] = self.classes_[p.argmax(axis=1)]
        return chosen


class TacitRegressor(RegressorMixin, _TacitEstimator):  # type: ignore[misc]
    """Numbers from few labels and the rest of the data.

    As `TacitClassifier`, but for the target: an unknown ``y`` is NaN or None, and every number is a number.

    Attributes
    ----------
    run_ : the `tacit.Run`, with leaderboard and plan. verdict_ : what the unlabelled data was worth.
    n_features_in_, feature_names_in_ : for tables.

    Examples
    --------
    >>> import numpy as np
    >>> from tacit import TacitRegressor
    >>> X = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> y = np.where(np.arange(50) % 3 == 0, 2 * X[:, 0], np.nan)
    >>> model = TacitRegressor(methods=["boosted-trees"], random_state=0).fit(X, y)
    >>> bool(abs(model.predict([[0.5]])[0] - 1.0) < 0.2)
    True
    """

    def fit(self, X: Any, y: Any, groups: ArrayLike | None = None) -> Self:
        """``y``: (n,), mostly unknown if need be. ``groups``: records that folds must not part, (n,)."""
        target = self._target(y)
        records = self._records(X)
        check_consistent_length(target, records.ids)
        self._learn(X, records, Values.from_values(target.tolist()), groups)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) expected numbers."""
        prediction = self._predicted(X)
        assert isinstance(prediction, Normal)
        mean: NDArray[np.float64] = prediction.mean.double().numpy()
        return mean


def _known(y: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) where ``y`` is known: not NaN, None or blank, nor -1 unless the known classes are exactly -1 and 1."""
    known = np.array([not is_unknown(value) for value in y.tolist()], dtype=bool)
    numbers = {v for v in y[known].tolist() if isinstance(v, int | float) and not isinstance(v, bool)}
    if -1 in numbers and numbers != {-1, 1}:
        known &= np.array([isinstance(v, str) or v != -1 for v in y.tolist()], dtype=bool)
    return known


def _classes(known: NDArray[Any]) -> NDArray[Any]:
    """Known labels in one type: text, numbers or bools."""
    if known.dtype == object:
        kinds = sorted({"text" if isinstance(v, str) else "numbers" for v in known.tolist()})
        if len(kinds) > 1:
            raise InputError("y mixes numbers and text: Unknown label type; give classes of one type")
        known = np.array(known.tolist())
    if known.dtype.kind == "f" and np.isinf(known).any():
        raise InputError("Input y contains infinity; give classes, NaN where unknown")
    if len(known):
        check_classification_targets(known)
    return known


def _modality(X: Any) -> Known:
    """What ``X`` looks like; whatever is odd is called a table, where scikit-learn's checks name what is wrong."""
    if _is_frame(X) or hasattr(X, "toarray") or not hasattr(X, "__getitem__") or len(X) == 0:
        return "table"
    first = X.iloc[0] if hasattr(X, "iloc") else X[0]
    if isinstance(first, str):
        return "text"
    dimensions = first.ndim + 1 if isinstance(first, np.ndarray) else np.ndim(X)
    return "image" if dimensions in (3, 4) else "table"


def _is_frame(X: Any) -> bool:
    """Whether ``X`` is a data frame of pandas, polars, pyarrow or the like."""
    return hasattr(X, "columns") and hasattr(X, "shape")


def _listed(X: Any) -> Any:
    """Images as an array, or as they are where their sizes differ; texts as a list."""
    if isinstance(X, np.ndarray) and X.ndim > 1:
        return X
    items = list(X)
    return items if items and isinstance(items[0], str | np.ndarray) else np.asarray(X)


def _named(array: NDArray[Any], columns: Sequence[str], estimator: Any) -> Any:
    """An array's columns under the names of the data frame that the model was fitted on."""
    import pyarrow as pa

    names = [str(name) for name in getattr(estimator, "feature_names_in_", columns)]
    return pa.table({name: pa.array(array[:, i].tolist(), from_pandas=True) for i, name in enumerate(names)})


def _require_cells(array: NDArray[Any]) -> None:
    """A `TypeError`, worded as NumPy's, for cells that are neither numbers nor text."""
    for cell in array.reshape(-1).tolist():
        if not isinstance(cell, str | int | float | np.generic) and not is_unknown(cell):
            raise TypeError(f"a cell's argument must be a string or a real number, not {type(cell).__name__!r}")


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _packed(model: Model) -> bytes:
    """The files of a saved model as one archive: JSON, tensors and skops, no pickle."""
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(stream, "w") as archive:
        model.save(Path(name))
        for path in sorted(Path(name).iterdir()):
            archive.write(path, path.name)
    return stream.getvalue()


def _unpacked(data: bytes) -> Model:
    """The inverse of `_packed`."""
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(name)
        return Model.load(Path(name))
