"""Rung 1 beyond the pooled embedding: the best of several readings of the features, then self-training on it.

A sentence encoder's mean over all tokens is made for topics; how a text begins, or what its middle layers say, often
tells the class better. Which reading does is chosen by the held-out likelihood of the user's own labels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.compare.baselines import FeatureCandidate, require_exact
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.folds import NEVER, make_folds
from tacit.compare.predictors import LinearPredictor, Reader, side_by_side
from tacit.compare.workbench import Workbench
from tacit.data.records import Records
from tacit.data.task import Classes
from tacit.engines.features import Linear, fit_soft, self_trained, standardisation
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.modalities.base import Readable

PENALTY = {"encoder": 100.0, "dense": 50.0}
"""Penalties on weights over columns of unit scale, for embeddings and for features without a network."""

TERMS_SCALE = 1.6
"""Singular vectors of word counts keep their own proportions, with this spread in all."""

INNER = 4


class Readings(FeatureCandidate):
    """Chooses among readings by inner folds, and self-trains a linear head on the chosen one."""

    name = "readings"
    title = "Best reading of the features, self-trained"
    baseline = False

    @property
    def views(self) -> list[tuple[str, ...]]:
        """What is chosen from: without weights only all together, because choosing cost more than it gained."""
        if not self.bench.prepared.weights.pretrained:
            return [("terms", "order")]
        return [("pooled",), ("mean",), ("first",), ("mean", "first"), ("mean", "terms"), ("mean", "first", "terms")]

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        exact = require_exact(labels, self.name)
        readings = self.bench.readings(records)
        scaled = {names: scaling(readings, names) for names in self.views}
        penalty = PENALTY["encoder" if self.bench.prepared.weights.pretrained else "dense"]
        chosen = self._choice(readings, scaled, exact, penalty, rng)
        centre, scale = scaled[chosen]
        x = (torch.from_numpy(side_by_side(readings, chosen)) - centre) / scale
        weight = self_trained(x, exact.y, exact.task.outputs, penalty)
        head = Linear(centre, scale, weight[:-1].contiguous(), weight[-1].contiguous())
        return LinearPredictor(Reader(self.bench.prepared, "readings", self.bench, chosen), exact.task, head)

    def _choice(
        self,
        readings: dict[str, NDArray[np.float32]],
        scaled: dict[tuple[str, ...], tuple[torch.Tensor, torch.Tensor]],
        labels: Exact,
        penalty: float,
        rng: np.random.Generator,
    ) -> tuple[str, ...]:
        known = labels.labelled()
        y = torch.from_numpy(labels.y[known])
        fold = make_folds(labels.y[known].astype(np.float64), INNER, rng)
        if (fold == NEVER).all():
            return self.views[0]
        one_hot = torch.eye(labels.task.outputs)
        surprise = {}
        for names, (centre, scale) in scaled.items():
            x = (torch.from_numpy(side_by_side(readings, names)[known]) - centre) / scale
            total = 0.0
            for number in range(INNER):
                train, held = torch.from_numpy(fold != number), torch.from_numpy(fold == number)
                count = int(train.sum())
                w = fit_soft(x[train], one_hot[y[train]], torch.ones(count), penalty / count)
                log_q = torch.log_softmax(x[held] @ w[:-1] + w[-1], dim=1)
                total -= float(log_q.gather(1, y[held][:, None]).clamp_min(-20.0).sum())
            surprise[names] = total
        return min(surprise, key=lambda names: surprise[names])


def scaling(readings: dict[str, NDArray[np.float32]], names: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and scale of each column of the readings side by side; "terms" keep one scale for all."""
    parts = [standardisation(readings[name]) for name in names]
    scales = [
        torch.full_like(scale, max(float(readings[name].std()), 1e-6) / TERMS_SCALE) if name == "terms" else scale
        for name, (_, scale) in zip(names, parts, strict=True)
    ]
    return torch.cat([centre for centre, _ in parts]), torch.cat(scales)


def reading_candidates(bench: Workbench) -> list[FeatureCandidate]:
    """The candidate, where the modality can be read in several ways and the task is one class a record."""
    suits = isinstance(bench.prepared, Readable) and isinstance(bench.task, Classes)
    return [Readings(bench)] if suits else []
