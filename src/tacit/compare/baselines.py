"""Honest baselines on fixed features, as candidates: what anyone would try first, with the same labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.folds import NEVER, inner_folds
from tacit.compare.judges import naive_strata, without
from tacit.compare.predictors import (
    EstimatorPredictor,
    Kind,
    LinearPredictor,
    NeighboursPredictor,
    Reader,
    SparseLinearPredictor,
)
from tacit.compare.workbench import Workbench
from tacit.data.records import Records
from tacit.data.task import Classes, MultiLabel
from tacit.engines.features import Linear, Neighbours, fit_linear, in_own_span, standardisation
from tacit.errors import InputError
from tacit.labels.base import EvidenceModel, Labels
from tacit.labels.exact import Exact
from tacit.labels.soft import Soft, shares_of
from tacit.labels.values import Values

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


class FeatureCandidate:
    """A candidate on fixed features: no label-free stage, seconds to fit."""

    family: ClassVar[str] = "features"
    baseline: ClassVar[bool] = True
    naive: ClassVar[bool] = True
    soft: ClassVar[bool] = False
    """Whether it also reads shares of the classes, and not only exact labels."""
    saves: ClassVar[bool] = True
    name: str
    title: str

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    @property
    def rung_one(self) -> Kind:
        """The features of rung 1 for the run's encoder."""
        return "frozen" if self.bench.prepared.weights.pretrained else "plain"

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> Any:
        """Nothing, where none is said: the features are the workbench's."""

    def fit(self, records: Records, labels: Labels, shared: Any, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        raise NotImplementedError


class Logistic(FeatureCandidate):
    """Frozen features and a penalised linear head; the penalty chosen by inner folds where there are enough labels."""

    name = "logistic"
    title = "Features + logistic regression"
    soft = True

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        features = self.bench.features(records)
        # the plain features of texts are singular vectors, whose proportions say which matter
        one_scale = self.bench.prepared.name == "text" and self.rung_one == "plain"

        def fitted(penalty: float, part: Labels) -> Linear:
            return fit_linear(features, part, penalty, one_scale=one_scale)

        penalty = inner_choice(PENALTIES, labels, rng, fitted, features, groups=self.bench.groups)
        return LinearPredictor(
            Reader(self.bench.prepared, self.rung_one, self.bench), labels.task, fitted(penalty, labels)
        )


class TfidfLogistic(FeatureCandidate):
    """TF-IDF of words and word pairs with logistic regression, for texts."""

    name = "tfidf-logistic"
    title = "TF-IDF + logistic regression"
    soft = True

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV

        reader = Reader(self.bench.prepared, "tfidf", self.bench)
        known = labels.labelled()
        told = class_weights(labels, self.name)
        x, basis = in_own_span(torch.from_numpy(reader(records.take(known)).toarray()))
        model: Any = LogisticRegression(C=10.0, max_iter=1000)
        groups = None if self.bench.groups is None else self.bench.groups[known[told.row]]
        folds = penalty_folds(told, groups, rng)
        if folds:
            scoring = "neg_log_loss" if groups is None else mean_log_likelihood
            model = GridSearchCV(model, {"C": [1.0, 10.0, 100.0]}, cv=folds, scoring=scoring)
        model.fit(x.numpy()[told.row], told.y, sample_weight=told.weight)
        best = model.best_estimator_ if folds else model
        weight, bias = multiclass_coefficients(best, labels.task.outputs)
        return SparseLinearPredictor(reader, labels.task, basis.numpy() @ weight, bias)


@dataclass(frozen=True)
class Graph:
    """Scaled features (n, D) of all records and the sparse (n, n) matrix of their nearest neighbours."""

    points: NDArray[np.float32]
    neighbours: Any
    centre: torch.Tensor
    scale: torch.Tensor


class Spreading(FeatureCandidate):
    """Label spreading (Zhou et al. 2004) over the nearest neighbours of all records, labelled or not."""

    name = "label-spreading"
    title = "Label spreading on features"
    neighbours: ClassVar[int] = 7

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> Graph:
        """The graph of nearest neighbours, which costs far more than spreading over it."""
        from sklearn.neighbors import NearestNeighbors

        features = self.bench.features(records)
        centre, scale = common_scale(features)
        points = ((torch.from_numpy(features) - centre) / scale).numpy()
        nearest = NearestNeighbors(n_neighbors=min(self.neighbours, len(points) - 1)).fit(points)
        return Graph(points, nearest.kneighbors_graph(points), centre, scale)

    def fit(
        self, records: Records, labels: Labels, shared: Graph, plan: FitPlan, rng: np.random.Generator
    ) -> Predictor:
        from sklearn.semi_supervised import LabelSpreading

        exact = require_exact(labels, self.name)
        points = shared.points
        model = LabelSpreading(kernel=lambda a, b: shared.neighbours, max_iter=100)
        with np.errstate(invalid="ignore", divide="ignore"):
            quiet_fit(model, points, exact.y)
        spread = np.zeros((len(points), exact.task.outputs), dtype=np.float32)
        spread[:, model.classes_] = np.nan_to_num(model.label_distributions_)
        head = Neighbours(points, spread, self.neighbours)
        return NeighboursPredictor(
            Reader(self.bench.prepared, self.rung_one, self.bench), exact.task, head, shared.centre, shared.scale
        )


class SelfTraining(FeatureCandidate):
    """scikit-learn's self-training around logistic regression on features (Yarowsky 1995)."""

    name = "self-training"
    title = "Self-training on features"

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        from sklearn.linear_model import LogisticRegression
        from sklearn.semi_supervised import SelfTrainingClassifier

        exact = require_exact(labels, self.name)
        features = self.bench.features(records)
        centre, scale = standardisation(features)
        x = ((torch.from_numpy(features) - centre) / scale).numpy()
        if len(np.unique(exact.y[exact.y >= 0])) < 2:
            raise InputError("self-training needs labels of two classes at least")
        # each round goes on from the weights of the one before: the same optimum in half the time
        regression = LogisticRegression(C=1.0, max_iter=300, warm_start=True)
        model = SelfTrainingClassifier(regression, threshold=0.9, max_iter=5)
        quiet_fit(model, x, exact.y)
        weight, bias = multiclass_coefficients(model.estimator_, exact.task.outputs)
        head = Linear(centre, scale, torch.from_numpy(weight), torch.from_numpy(bias))
        return LinearPredictor(Reader(self.bench.prepared, self.rung_one, self.bench), exact.task, head)


class Trees(FeatureCandidate):
    """Histogram gradient-boosted trees on plain features, for tables (Friedman 2001; scikit-learn's)."""

    name = "boosted-trees"
    title = "Gradient-boosted trees"
    soft = True

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        reader = Reader(self.bench.prepared, "plain", self.bench)
        known = labels.labelled()
        x = reader(records.take(known))
        seed = int(rng.integers(2**31))
        few = max(2, min(20, len(known) // 10))
        if isinstance(labels, Values):
            numbers = labels.v[known]
            model: Any = HistGradientBoostingRegressor(random_state=seed, min_samples_leaf=few).fit(x, numbers)
            spread = float(np.std(numbers - model.predict(x)))
            return EstimatorPredictor(reader, labels.task, model, np.arange(1), spread)
        told = class_weights(labels, self.name)
        if len(np.unique(told.y)) < 2:
            raise InputError("boosted trees need labels of two classes at least")
        model = HistGradientBoostingClassifier(random_state=seed, min_samples_leaf=few)
        model.fit(x[told.row], told.y, sample_weight=told.weight)
        return EstimatorPredictor(reader, labels.task, model, model.classes_.astype(np.int64), 0.0)


def feature_candidates(bench: Workbench) -> list[FeatureCandidate]:
    """The baselines on features that suit the run's modality and task."""
    kinds: list[type[FeatureCandidate]] = [Logistic]
    if isinstance(bench.task, Classes):
        kinds += [Spreading, SelfTraining]
    if bench.prepared.name == "text" and isinstance(bench.task, Classes):
        kinds.append(TfidfLogistic)
    if bench.prepared.name == "table" and not isinstance(bench.task, MultiLabel):
        kinds.append(Trees)
    return [kind(bench) for kind in kinds]


def require_exact(labels: Labels, name: str) -> Exact:
    """The labels as exact classes, or an error that names the candidate."""
    if not isinstance(labels, Exact) or labels.y.ndim != 1:
        raise InputError(f"{name} needs one exact class per labelled record")
    return labels


@dataclass(frozen=True)
class ClassWeights:
    """Classes ``y`` with ``weight`` for rows of the labelled records: one each, or one for every share of a class."""

    row: NDArray[np.int64]
    y: NDArray[np.int64]
    weight: NDArray[np.float64]

    @property
    def one_each(self) -> bool:
        """Whether no record has shares of several classes."""
        return len(np.unique(self.row)) == len(self.row)


def class_weights(labels: Labels, name: str) -> ClassWeights:
    """What an estimator that knows weights and no shares is told, or an error that names the candidate."""
    given = labels if isinstance(labels, Soft) else require_exact(labels, name)
    shares = shares_of(given)[labels.labelled()]
    row, y = np.nonzero(shares)
    return ClassWeights(row.astype(np.int64), y.astype(np.int64), shares[row, y])


def inner_choice(
    choices: tuple[float, ...],
    labels: Labels,
    rng: np.random.Generator,
    fit: Callable[[float, Labels], Linear],
    features: NDArray[np.float32],
    model: EvidenceModel | None = None,
    groups: NDArray[np.object_] | None = None,
) -> float:
    """The choice with the best held-out evidence log-likelihood over two inner folds; 1.0 with few labels.

    ``model``: what has been learned of the evidence, where anything is. ``groups``: of each record, which no fold
    parts; 1.0 too where nothing can be held out then.
    """
    model = labels.model() if model is None else model
    halves = [] if len(labels.units()) < 20 else inner_halves(labels, rng, groups)
    if not halves:
        return 1.0
    totals = np.zeros(len(choices))
    for train, judge in halves:
        rows = judge.labelled()
        evidence = model.on(judge).take(rows)
        for k, choice in enumerate(choices):
            prediction = labels.task.prediction(fit(choice, train)(features[rows]))
            totals[k] += float(evidence.log_likelihood(prediction).clamp_min(-20.0).sum())
    return choices[int(np.argmax(totals))]


def inner_halves(
    labels: Labels, rng: np.random.Generator, groups: NDArray[np.object_] | None
) -> list[tuple[Labels, Labels]]:
    """Evidence to train on and evidence to judge by, twice, with their parts exchanged.

    With ``groups`` of records, units that speak of both halves are in neither; none where a half would be empty.
    """
    if groups is None:
        fold = rng.permutation(len(labels.units())) % 2
        return [(labels.hide(np.flatnonzero(fold == k)), labels.hide(np.flatnonzero(fold != k))) for k in (0, 1)]
    known = labels.labelled()
    home = inner_folds(naive_strata(labels, known), 2, rng, groups[known])
    halves = [(without(labels, known[home == k]), without(labels, known[home != k])) for k in (0, 1)]
    return [(train, judge) for train, judge in halves if len(train.units()) and len(judge.units())]


def penalty_folds(
    told: ClassWeights, groups: NDArray[np.object_] | None, rng: np.random.Generator
) -> int | list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """How many folds, or with ``groups`` of the rows told those to train on and those held out; empty for none."""
    # a record with shares of several classes would be on both sides of a fold
    most = int(min(3, np.bincount(told.y)[np.unique(told.y)].min())) if told.one_each else 0
    if groups is None or most < 2:
        return most if most >= 2 else 0
    fold = inner_folds(told.y.astype(np.float64), most, rng, groups)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold) if k != NEVER]


def mean_log_likelihood(
    model: Any, x: NDArray[np.float32], y: NDArray[np.int64], sample_weight: NDArray[np.float64] | None = None
) -> float:
    """What scikit-learn scores as ``neg_log_loss``, also where ``y`` has not all classes of the model."""
    from sklearn.metrics import log_loss

    return -float(log_loss(y, model.predict_proba(x), labels=model.classes_, sample_weight=sample_weight))


def multiclass_coefficients(model: Any, classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (D, C) and bias (C,) of a fitted logistic regression; absent classes get a bias of -20."""
    coef, intercept, present = np.asarray(model.coef_), np.asarray(model.intercept_), np.asarray(model.classes_)
    if len(coef) == 1:
        coef, intercept = np.concatenate([-coef / 2, coef / 2]), np.concatenate([-intercept / 2, intercept / 2])
    weight = np.zeros((coef.shape[1], classes), dtype=np.float32)
    bias = np.full(classes, -20.0, dtype=np.float32)
    weight[:, present], bias[present] = coef.T, intercept
    return weight, bias


def common_scale(features: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre of each column and one scale for all, so that distances keep the features' own geometry."""
    centre = torch.from_numpy(features.mean(axis=0))
    spread = float(features.std()) or 1.0
    return centre, torch.full_like(centre, spread)


def quiet_fit(model: Any, x: NDArray[np.float32], y: NDArray[np.int64]) -> None:
    """Fit without the warnings on convergence and empty rounds that a user of tacit cannot act on."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
