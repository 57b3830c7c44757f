"""The choice among readings: the one that says the class, whatever the others hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from tacit.compare.candidate import FitPlan
from tacit.compare.readings import TERMS_SCALE, Readings, Scaled
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
        prepared=SimpleNamespace(weights=SimpleNamespace(pretrained=True)), readings=lambda records: readings
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
