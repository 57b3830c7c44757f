"""Metrics against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics

from tacit.compare.scores import CLASS_METRICS, NUMBER_METRICS, metric_for, values_of
from tacit.data.prediction import Categorical, Normal
from tacit.data.task import Classes, MultiLabel, Number
from tacit.errors import InputError

CLASSES = {
    "accuracy": lambda y, p: metrics.accuracy_score(y, p.argmax(1)),
    "log_loss": lambda y, p: metrics.log_loss(y, p, labels=range(p.shape[1])),
    "balanced_accuracy": lambda y, p: metrics.balanced_accuracy_score(y, p.argmax(1)),
    "macro_f1": lambda y, p: metrics.f1_score(y, p.argmax(1), average="macro"),
    "auc": lambda y, p: (
        metrics.roc_auc_score(y, p[:, 1])
        if p.shape[1] == 2
        else metrics.roc_auc_score(y, p, multi_class="ovr", average="macro")
    ),
}
NUMBERS = {"r2": metrics.r2_score, "mse": metrics.mean_squared_error, "mae": metrics.mean_absolute_error}


def predictions(classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities rounded so that there are ties; every class occurs."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, 50)])
    p = np.round(rng.dirichlet(np.ones(classes), size=len(y)) + np.eye(classes)[y] * 0.3, 1) + 1e-3
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", CLASS_METRICS)
def test_class_metrics_are_scikit_learns(name: str, classes: int, seed: int) -> None:
    y, p = predictions(classes, seed)
    metric = CLASS_METRICS[name]
    assert metric.score(y.astype(float), p) == pytest.approx(CLASSES[name](y, p), rel=1e-9)


@pytest.mark.parametrize("name", NUMBER_METRICS)
def test_number_metrics_are_scikit_learns(name: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=40) * 3 + 1
    guess = y + rng.normal(size=40)
    assert NUMBER_METRICS[name].score(y, guess) == pytest.approx(NUMBERS[name](y, guess), rel=1e-12)


@pytest.mark.parametrize("metric", [*CLASS_METRICS.values(), *NUMBER_METRICS.values()], ids=lambda m: m.name)
def test_direction_and_shares_of_records(metric: Any) -> None:
    numbers = metric.name in NUMBER_METRICS
    y, p = predictions(3, 0)
    truth = y.astype(float)
    perfect: Any = truth if numbers else np.eye(3)[y]
    poor: Any = truth + 5 if numbers else np.roll(np.eye(3)[y], 1, axis=1)
    good, bad = metric.score(truth, perfect), metric.score(truth, poor)
    assert metric.better(good, bad) > 0 > metric.better(bad, good)
    if metric.per_record is not None:
        values: Any = truth + 0.5 if numbers else p
        assert metric.per_record(truth, values).mean() == pytest.approx(metric.score(truth, values))


def test_a_mistake_made_with_certainty_costs_a_finite_log_loss() -> None:
    wrong = CLASS_METRICS["log_loss"].score(np.array([0.0]), np.array([[0.0, 1.0]]))
    assert 15 < wrong < 25


def test_resamples_that_lost_a_class_still_have_scores() -> None:
    y, p = np.zeros(5), np.full((5, 2), 0.5)
    assert CLASS_METRICS["auc"].score(y, p) == 0.5
    three = np.full((4, 3), 1 / 3)
    assert CLASS_METRICS["auc"].score(np.array([0.0, 0, 1, 1]), three) == 0.5
    assert NUMBER_METRICS["r2"].score(np.ones(3), np.zeros(3)) == 0.0


def test_an_error_of_one_standard_deviation_is_a_unit_of_the_prior() -> None:
    truth = np.array([0.0, 20.0])
    assert NUMBER_METRICS["mse"].unit(truth) == 100.0
    assert NUMBER_METRICS["mae"].unit(truth) == 10.0
    assert NUMBER_METRICS["mse"].unit(np.ones(3)) == 1.0
    for name in CLASS_METRICS:
        assert CLASS_METRICS[name].unit(truth) == 1.0


def test_defaults_and_unknown_names() -> None:
    assert metric_for(Classes(("a", "b"))).name == "accuracy"
    assert metric_for(MultiLabel(("a",))).name == "accuracy"
    assert metric_for(Number()).name == "r2"
    with pytest.raises(InputError, match=r"unknown metric 'acuracy'. Did you mean 'accuracy'"):
        metric_for(Classes(("a", "b")), "acuracy")
    with pytest.raises(InputError, match=r"'mse' does not judge classes. Known for classes are: accuracy"):
        metric_for(Classes(("a", "b")), "mse")
    with pytest.raises(InputError, match="'auc' does not judge numbers"):
        metric_for(Number(), "auc")


def test_values_are_probabilities_or_means() -> None:
    p = torch.tensor([[0.25, 0.75]])
    np.testing.assert_allclose(values_of(Categorical(p.log())), p, rtol=1e-6)
    np.testing.assert_allclose(values_of(Normal(torch.tensor([2.0]), torch.zeros(1))), [2.0])
