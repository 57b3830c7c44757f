"""Co-training against the same recipe written out with scikit-learn, and at the limits of its labels and pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import tacit
from tacit.compare import cotraining
from tacit.compare.candidate import FitPlan
from tacit.compare.cotraining import CoTraining, Sample, affordable, cotraining_candidates, rounded
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.prediction import Categorical
from tacit.data.read import read
from tacit.data.task import Classes, MultiLabel, Number
from tacit.errors import InputError
from tacit.labels import Exact
from tacit.modalities.table import MODALITY
from tacit.train.watch import Watch


class Table:
    """Normal columns around the centre of each row's class, and the label of some rows."""

    def __init__(self, rows: int, labelled: int, classes: int = 3) -> None:
        rng = np.random.default_rng(5)
        self.y = rng.integers(0, classes, rows)
        self.records = read(rng.normal(size=(rows, 4)) + np.eye(classes, 4)[self.y] * 2)
        known = np.where(np.arange(rows) < labelled, self.y, -1)
        self.labels = Exact(known, [f"class {c}" for c in range(classes)])
        prepared = MODALITY().fit(self.records)
        self.bench = Workbench(self.records, prepared, self.labels.task, make_fabric("cpu"), Watch())

    def fit(self, labels: Exact | None = None, seed: int = 0) -> Any:
        """(rows, C) probabilities of all rows and the predictor."""
        candidate, rng = CoTraining(self.bench), np.random.default_rng(seed)
        shared = candidate.prepare(self.records, FitPlan(), rng)
        predictor = candidate.fit(self.records, labels or self.labels, shared, FitPlan(), rng)
        prediction = predictor(self.records)
        assert isinstance(prediction, Categorical)
        return prediction.p.double().numpy(), predictor


def by_hand(x: np.ndarray, y: np.ndarray, rounds: int) -> np.ndarray:
    """The recipe with weighted rows for both learners. ``y``: -1 unknown. Returns (n, C) probabilities."""
    known, pool = np.flatnonzero(y >= 0), np.flatnonzero(y < 0)

    def trained(model: Any, other: np.ndarray | None) -> Any:
        rows, targets, weights = [known], [y[known]], [np.ones(len(known))]
        if other is not None:
            sure = pool[other[pool].max(axis=1) >= np.median(other[pool].max(axis=1))]
            for c in range(other.shape[1]):
                rows.append(sure)
                targets.append(np.full(len(sure), c))
                weights.append(other[sure, c] * len(known) / len(sure))
        return model.fit(x[np.concatenate(rows)], np.concatenate(targets), sample_weight=np.concatenate(weights))

    def linear(other: np.ndarray | None = None) -> np.ndarray:
        return np.asarray(trained(LogisticRegression(C=0.3, tol=1e-6, max_iter=500), other).predict_proba(x))

    def trees(other: np.ndarray | None = None) -> np.ndarray:
        few = min(10, len(known) // 10)
        model = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=4, min_samples_leaf=few, early_stopping=False
        )
        return np.asarray(trained(model, other).predict_proba(x))

    p, q = linear(), trees()
    for _ in range(rounds):
        p, q = linear(q), trees(p)
    product = np.sqrt(p * q)
    return np.asarray(product / product.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("classes", "rounds"), [(2, 0), (2, 2), (3, 1)])
def test_it_is_the_recipe_written_out(classes: int, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CoTraining, "rounds", rounds)
    table = Table(200, 60, classes)
    found, _ = table.fit()
    x = table.bench.features(table.records)
    # With more rounds and classes trees split elsewhere where a probability differs in its fifth digit.
    assert np.abs(found - by_hand(x, table.labels.y, rounds)).mean() < 0.001
    assert np.abs(found - by_hand(x, table.labels.y, rounds + 1)).mean() > 0.005, "and the rounds do matter"
    assert (found.argmax(axis=1) == table.y)[60:].mean() > 0.75


def test_pseudo_labels_are_the_surer_half_and_weigh_as_much_as_the_labels() -> None:
    given = Sample(np.zeros((3, 2), np.float32), np.eye(3, dtype=np.float32), np.ones(3, np.float32))
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    p = np.array([[0.4, 0.3, 0.3], [0, 0, 1], [0.1, 0.8, 0.1], [0.5, 0.5, 0], [0.34, 0.33, 0.33]], np.float32)
    both = given.with_pseudo_labels(x, p)
    assert_array_equal(both.x[3:], x[[1, 2, 3]])
    assert_array_equal(both.targets[3:], p[[1, 2, 3]])
    assert_allclose(both.weights, [1, 1, 1, 1, 1, 1])
    assert both.with_pseudo_labels(x, p).weights[6:].sum() == pytest.approx(6.0)


def test_classes_without_a_label_are_never_predicted() -> None:
    table = Table(60, 60, 4)
    hidden = np.where((table.y == 2) | (np.arange(60) > 20), -1, table.y)
    p, _ = table.fit(Exact(hidden, table.labels.task.names))
    assert np.isfinite(p).all()
    assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert p[:, 2].max() < 1e-4
    assert (p.argmax(axis=1) == table.y)[table.y != 2].mean() > 0.6


def test_one_label_a_class_is_enough() -> None:
    table = Table(60, 0)
    known = np.full(60, -1)
    for c in range(3):
        known[np.flatnonzero(table.y == c)[0]] = c
    p, _ = table.fit(Exact(known, table.labels.task.names))
    assert (p.argmax(axis=1) == table.y).mean() > 0.45, "chance is 0.33"


def test_without_unlabelled_rows_it_is_the_blend_of_both_learners() -> None:
    table = Table(60, 60)
    found, _ = table.fit()
    assert_allclose(found, by_hand(table.bench.features(table.records), table.y, 0), atol=0.01)


def test_one_class_is_no_task() -> None:
    table = Table(30, 10)
    with pytest.raises(InputError, match="labels of two classes at least"):
        table.fit(Exact(np.where(table.labels.y == 1, 1, -1), table.labels.task.names))


def test_a_large_pool_is_read_in_part_and_by_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(400, 30)
    read_rows = []
    original = Sample.with_pseudo_labels

    def counted(self: Sample, x: Any, p: Any) -> Sample:
        read_rows.append(len(x))
        return original(self, x, p)

    monkeypatch.setattr(Sample, "with_pseudo_labels", counted)
    monkeypatch.setattr(cotraining, "LEAST", 50)
    whole, _ = table.fit()
    monkeypatch.setattr(cotraining, "COST", 1)
    first, again, other = (table.fit(seed=seed)[0] for seed in (1, 1, 2))
    assert read_rows == [370] * 4 + [50] * 12
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - whole).max() > 1e-3


def test_what_is_affordable_falls_with_columns_and_classes() -> None:
    rows = [affordable(110, 2), affordable(230, 2), affordable(110, 4), affordable(110, 1000)]
    assert rows == [15_625, 7_812, 3_906, cotraining.LEAST]


def test_columns_are_rounded_to_the_nearest_of_their_quantiles() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=500), rng.integers(0, 3, 500), rng.exponential(size=500)], axis=1)
    x = x.astype(np.float32)
    found = rounded(x, 40)
    assert_array_equal(found[:, 1], x[:, 1])
    assert_array_equal(rounded(x, 500), x)
    for j in (0, 2):
        ordered = np.sort(x[:, j])
        levels = ordered[np.round(np.linspace(0, 499, 40)).astype(int)]
        nearest = np.abs(x[:, j, None] - levels).min(axis=1)
        assert_allclose(np.abs(found[:, j] - x[:, j]), nearest, atol=1e-6)
        assert set(found[:, j]) <= set(levels)


def test_it_is_offered_for_tables_with_one_class_a_row() -> None:
    table = Table(30, 10)
    for task, offered in ((Classes(("a", "b")), True), (MultiLabel(("a", "b")), False), (Number(), False)):
        bench = Workbench(table.records, table.bench.prepared, task, table.bench.fabric, Watch())
        assert [c.name for c in cotraining_candidates(bench)] == ["linear-and-trees", "co-training"] * offered


def test_it_is_compared_in_every_run_of_a_table_and_can_be_asked_for_by_name() -> None:
    table = Table(90, 45)
    labels = [table.labels.task.names[c] if c >= 0 else None for c in table.labels.y]
    run = tacit.fit(table.records, labels, methods=["co-training"], budget="20steps")
    lines = {line["candidate"]: line for line in run.info["leaderboard"]}
    assert {"co-training", "logistic", "boosted-trees"} <= set(lines)
    assert lines["co-training"]["family"] == "features"
    assert not lines["co-training"]["baseline"]
    assert torch.isfinite(torch.tensor(lines["co-training"]["score"]))
