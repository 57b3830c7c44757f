"""A blend against the formula of the logarithmic opinion pool, and on its way to disk and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from tacit.compare.baselines import feature_candidates
from tacit.compare.blend import PARTS, Blend
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.model import KINDS, Model
from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.records import Records
from tacit.labels import Exact


class Fixed:
    """Predicts what it is given."""

    kind: ClassVar[str] = "linear"

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction

    def __call__(self, records: Records) -> Prediction:
        return self.prediction

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path, prepared: Any, task: Any) -> Any:
        raise NotImplementedError


def shares(*rows: list[float]) -> Fixed:
    return Fixed(Categorical(torch.tensor(rows, dtype=torch.float64).log()))


def fitted(data: Any, labels: Exact) -> list[Predictor]:
    bench = data.bench(labels.task)
    rng = np.random.default_rng(0)
    return [
        candidate.fit(data.records, labels, candidate.prepare(data.records, FitPlan(), rng), FitPlan(), rng)
        for candidate in feature_candidates(bench)
    ]


def test_a_blend_is_the_normalised_geometric_mean(toy: Callable[[str], Any]) -> None:
    a, b = np.array([[0.9, 0.1, 0.0001], [0.2, 0.3, 0.5]]), np.array([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]])
    records = toy("table").records.take([0, 1])
    found = Blend([shares(*a.tolist()), shares(*b.tolist())])(records)
    assert isinstance(found, Categorical)
    product = np.sqrt(a * b)
    assert_allclose(found.p.numpy(), product / product.sum(axis=1, keepdims=True), atol=1e-12)


def test_every_part_comes_back_from_a_folder_of_its_own(toy: Callable[[str], Any], tmp_path: Path) -> None:
    data = toy("table")
    labels = Exact(data.some(24), ["a", "b", "c"])
    parts = fitted(data, labels)
    assert {part.kind for part in parts} == {"linear", "neighbours", "estimator"}
    blend = Blend(parts)
    Model("blend", blend, data.prepared, labels.task, data.records.schema).save(tmp_path)
    loaded = Model.load(tmp_path)
    assert isinstance(loaded.predictor, Blend)
    assert [part.kind for part in loaded.predictor.parts] == [part.kind for part in parts]
    torch.testing.assert_close(loaded.predict(data.records).p, blend(data.records).p)  # type: ignore[union-attr]


def test_a_model_lets_go_of_the_workbench_of_every_part(toy: Callable[[str], Any]) -> None:
    data = toy("table")
    labels = Exact(data.some(24), ["a", "b", "c"])
    parts: list[Any] = fitted(data, labels)
    assert all(part.reader.bench is not None for part in parts)
    Model("blend", Blend(parts), data.prepared, labels.task, data.records.schema).release()
    assert all(part.reader.bench is None for part in parts)


def test_what_cannot_be_blended_is_refused(toy: Callable[[str], Any]) -> None:
    part = shares([0.5, 0.5])
    assert set(KINDS) - set(PARTS) == {"blend"}
    for parts in ([], [Blend([part])]):
        with pytest.raises(ValueError, match="a blend is of one or more predictors of the kinds network, linear"):
            Blend(parts)
    numbers = Fixed(Normal(torch.zeros(1), torch.zeros(1)))
    with pytest.raises(TypeError, match="only predictions of classes"):
        Blend([part, numbers])(toy("table").records.take([0]))
