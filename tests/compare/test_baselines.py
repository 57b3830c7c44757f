"""Baselines on features against scikit-learn's own estimators on the same features."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

from tacit.compare.baselines import Spreading, TfidfLogistic
from tacit.compare.candidate import FitPlan
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.prediction import Categorical
from tacit.data.read import read
from tacit.data.records import Records
from tacit.labels.exact import Exact
from tacit.modalities.base import Modality
from tacit.modalities.table import MODALITY as TABLE
from tacit.modalities.text import MODALITY as TEXT
from tacit.train.watch import Watch


def bench_of(records: Records, labels: Exact, modality: type[Modality]) -> Workbench:
    prepared = modality().fit(records, "small" if modality is TEXT else "auto")
    return Workbench(records, prepared, labels.task, make_fabric("cpu"), Watch())


def test_spreading_over_a_graph_made_once_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    records = read(rng.normal(size=(90, 4)) + y[:, None])
    labels = Exact(np.where(np.arange(90) < 12, y, -1), list("abc"))
    bench = bench_of(records, labels, TABLE)
    candidate = Spreading(bench)
    graph = candidate.prepare(records, FitPlan(), rng)
    reference = LabelSpreading(kernel="knn", n_neighbors=7, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference.fit(graph.points, labels.y)
    found = candidate.fit(records, labels, graph, FitPlan(), rng)
    assert_array_equal(found.head.distributions.argmax(axis=1), reference.transduction_)  # type: ignore[attr-defined]
    assert_allclose(found.head.distributions, reference.label_distributions_, atol=1e-6)  # type: ignore[attr-defined]


def test_tfidf_logistic_regression_is_scikit_learns_on_the_sparse_matrix() -> None:
    rng = np.random.default_rng(1)
    words = np.array([f"word{i}" for i in range(60)])
    y = np.arange(40) % 2
    texts = [" ".join(rng.choice(words[20 * c : 20 * c + 40], size=6)) for c in y]
    records = read(texts)
    labels = Exact(np.where(np.arange(40) < 2, y, -1), ["a", "b"])  # one a class: no inner folds, C is 10
    bench = bench_of(records, labels, TEXT)
    prediction = TfidfLogistic(bench).fit(records, labels, None, FitPlan(), rng)(records)
    assert isinstance(prediction, Categorical)
    x = bench.prepared.tfidf(texts)  # type: ignore[attr-defined]
    reference = LogisticRegression(C=10.0, tol=1e-8, max_iter=1000).fit(x[:2], y[:2])
    assert_allclose(prediction.p, reference.predict_proba(x), atol=1e-3)


def test_features_of_some_of_the_runs_records_are_rows_of_the_whole() -> None:
    records = read(np.random.default_rng(2).normal(size=(30, 3)))
    bench = bench_of(records, Exact(np.arange(30) % 2), TABLE)
    some = np.array([7, 3, 7])
    assert_array_equal(bench.features(records.take(some)), bench.features(records)[some])
    (batch,) = bench.batches(records.take(some))
    assert_array_equal(batch["numeric"], next(bench.batches(records))["numeric"][some])
