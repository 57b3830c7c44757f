"""Several fitted predictors as one: the mean of their log-probabilities, saved with a folder for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from tacit.compare.candidate import Predictor
from tacit.compare.predictors import (
    EstimatorPredictor,
    LinearPredictor,
    NeighboursPredictor,
    SparseLinearPredictor,
)
from tacit.compare.recipe import NetworkPredictor
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Categorical, Prediction
from tacit.data.records import Records
from tacit.data.task import Task
from tacit.modalities.base import Prepared

PARTS: dict[str, Any] = {
    kind.kind: kind
    for kind in (NetworkPredictor, LinearPredictor, SparseLinearPredictor, NeighboursPredictor, EstimatorPredictor)
}
"""The kinds of predictor that a blend may be made of."""


class Blend:
    """The normalised geometric mean of class probabilities (a logarithmic opinion pool with equal weights)."""

    kind: ClassVar[str] = "blend"

    def __init__(self, parts: Sequence[Predictor]) -> None:
        """``parts``: predictors of classes over the same sites, each of a kind in `PARTS`."""
        if not parts or any(part.kind not in PARTS for part in parts):
            raise ValueError(f"a blend is of one or more predictors of the kinds {', '.join(PARTS)}")
        self.parts = tuple(parts)

    def __call__(self, records: Records) -> Prediction:
        log_p = []
        for part in self.parts:
            prediction = part(records)
            if not isinstance(prediction, Categorical):
                raise TypeError("only predictions of classes can be blended")
            log_p.append(prediction.log_p)
        return Categorical(torch.log_softmax(torch.stack(log_p).mean(dim=0), dim=1))

    def save(self, folder: Path) -> None:
        """The kinds in order, and ``part-0``, ``part-1`` and so on, each a whole predictor."""
        for number, part in enumerate(self.parts):
            inner = folder / f"part-{number}"
            inner.mkdir(exist_ok=True)
            part.save(inner)
        atomic_write(folder / "blend.json", json.dumps({"kinds": [part.kind for part in self.parts]}))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        """The inverse of `save`."""
        kinds = json.loads((folder / "blend.json").read_text())["kinds"]
        return cls([PARTS[kind].load(folder / f"part-{i}", prepared, task) for i, kind in enumerate(kinds)])
