"""Readings: with weights the one that says the class, whatever the others hold; without weights a blend of heads."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from tacit.compare.baselines import TfidfLogistic
from tacit.compare.candidate import FitPlan
from tacit.compare.readings import PENALTY, TERMS_SCALE, Readings, Scaled, chosen, fit_labelled
from tacit.labels.exact import Exact


def readings_of(telling: str, count: int = 120) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Readings of noise, but for one whose columns have the class as their mean, and the classes."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    noise = {name: rng.normal(size=(count, 6)).astype(np.float32) for name in ("pooled", "mean", "first", "terms")}
    noise[telling][:, :3] += 3 * np.eye(3, dtype=np.float32)[y]
    return noise, y


def candidate_on(readings: dict[str, np.ndarray]) -> Readings:
    bench: Any = SimpleNamespace(
        prepared=SimpleNamespace(weights=SimpleNamespace(pretrained=True)),
        readings=lambda records: readings,
        groups=None,
    )
    return Readings(bench)


@pytest.mark.parametrize("telling", ["pooled", "mean", "first"])
def test_the_reading_that_says_the_class_is_chosen_and_self_trained_on(telling: str) -> None:
    readings, y = readings_of(telling)
    candidate, records = candidate_on(readings), SimpleNamespace()
    labels = Exact(np.where(np.arange(len(y)) < 24, y, -1), list("abc"))
    rng = np.random.default_rng(0)
    shared = candidate.prepare(records, FitPlan(), rng)  # type: ignore[arg-type]
    predictor: Any = candidate.fit(records, labels, shared, FitPlan(), rng)  # type: ignore[arg-type]
    assert predictor.reader.names == (telling,)
    assert (predictor(records).log_p.argmax(1).numpy() == y).mean() > 0.9


def test_a_reading_that_knows_groups_by_heart_is_not_chosen_where_groups_are_told() -> None:
    """Groups of one class each: a column for every group says all of known groups, and nothing of new ones."""
    rng, group = np.random.default_rng(0), np.arange(120) // 6
    y = group % 3
    readings = {name: rng.normal(size=(120, 6)).astype(np.float32) for name in ("pooled", "mean", "terms")}
    readings["mean"][:, :3] += np.eye(3, dtype=np.float32)[y]
    readings["first"] = np.eye(20, dtype=np.float32)[group]
    shared, labels = Scaled(readings), Exact(y, list("abc"))
    assert "first" in chosen(shared, labels, np.random.default_rng(0))
    assert "first" not in chosen(shared, labels, np.random.default_rng(0), group.astype(object))
    assert chosen(shared, labels, np.random.default_rng(0), np.full(120, "one", dtype=object)) == ("pooled",)


def test_without_weights_heads_and_tfidf_are_averaged_and_learn_from_the_labels_alone(
    toy: Callable[[str], Any],
) -> None:
    """scikit-learn's logistic regression on the same columns, and the baseline, pooled by hand."""
    data = toy("text")
    labels = Exact(data.some(24), list("abc"))
    bench, records, known = data.bench(labels.task), data.records, labels.labelled()
    rng = np.random.default_rng(0)
    candidate = Readings(bench)
    shared = candidate.prepare(records, FitPlan(), rng)
    blend: Any = candidate.fit(records, labels, shared, FitPlan(), rng)
    tfidf: Any = TfidfLogistic(bench).fit(records, labels, None, FitPlan(), rng)
    log_p = [tfidf(records).log_p.numpy()]
    for names in (("terms",), ("terms", "order")):
        head = LogisticRegression(C=1 / PENALTY["dense"], tol=1e-8, max_iter=5000)
        head.fit(shared.rows(names, known).numpy(), labels.y[known])
        log_p.append(head.predict_log_proba(shared.rows(names).numpy()))
    assert_allclose(blend(records).log_p.numpy(), log_softmax(np.mean(log_p, axis=0), axis=1), atol=2e-3)


@pytest.mark.parametrize("each", [2, 40])
def test_a_head_on_the_labels_is_logistic_regression_with_fewer_and_more_rows_than_columns(each: int) -> None:
    readings, y = readings_of("first")
    shared, names = Scaled(readings), ("first", "terms")
    labels = Exact(np.where(np.arange(len(y)) < 3 * each, y, -1), list("abc"))
    weight = fit_labelled(shared, names, labels).numpy()
    known = labels.labelled()
    head = LogisticRegression(C=1 / PENALTY["dense"], tol=1e-8, max_iter=5000)
    head.fit(shared.rows(names, known).numpy(), y[known])
    outputs = shared.rows(names).numpy() @ weight[:-1] + weight[-1]
    assert_allclose(
        log_softmax(outputs, axis=1), head.predict_log_proba(shared.rows(names).numpy()), atol=1e-3, rtol=1e-3
    )


def test_rows_have_columns_of_unit_scale_and_terms_keep_their_proportions() -> None:
    readings, _ = readings_of("first")
    readings["terms"] *= np.arange(1, 7, dtype=np.float32)
    shared = Scaled(readings)
    rows = shared.rows(("mean", "terms")).numpy()
    assert_allclose(rows[:, :6].std(axis=0), np.ones(6), rtol=1e-5)
    assert_allclose(rows.mean(axis=0), np.zeros(12), atol=1e-5)
    proportions = readings["terms"].std(axis=0) / readings["terms"].std()
    assert_allclose(rows[:, 6:].std(axis=0), TERMS_SCALE * proportions, rtol=1e-5)
    some = np.array([5, 2])
    assert torch.equal(shared.rows(("mean", "terms"), some), torch.from_numpy(rows[some]))
    centre, scale = shared.scaling(("mean", "terms"))
    plain = np.concatenate([readings["mean"], readings["terms"]], axis=1)
    assert_allclose(rows, (plain - centre.numpy()) / scale.numpy(), rtol=1e-6)
