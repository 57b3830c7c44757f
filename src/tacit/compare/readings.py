"""Rung 1 beyond the pooled embedding: several readings of the features, the best of them self-trained, or a blend.

A sentence encoder's mean over all tokens is made for topics; how a text begins, or what its middle layers say, often
tells the class better. Which reading does is chosen by the held-out likelihood of the user's own labels, and the head
on it is self-trained. Without weights a head is too weak to teach itself from few labels: there the unlabelled texts
are what the readings were counted on, and heads that err differently are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.compare.baselines import FeatureCandidate, TfidfLogistic, require_exact
from tacit.compare.blend import Blend
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.folds import NEVER, inner_folds
from tacit.compare.predictors import LinearPredictor, Reader, side_by_side
from tacit.compare.workbench import Workbench
from tacit.data.records import Records
from tacit.data.task import Classes, Task
from tacit.engines.features import Linear, fit_soft, in_own_span, self_trained, standardisation
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.modalities.base import Readable

PENALTY = {"encoder": 100.0, "dense": 300.0}
"""Penalties on weights over scaled columns, for embeddings and for features without a network."""

TERMS_SCALE = 1.6
"""Singular vectors of word counts keep their own proportions, with this spread in all."""

INNER = 4
INNER_PASSES = 15
"""Iterations of an inner fit; under penalties this strong more of them change no choice."""

Names = tuple[str, ...]

PRETRAINED: tuple[Names, ...] = (
    ("pooled",),
    ("mean",),
    ("first",),
    ("mean", "first"),
    ("mean", "terms"),
    ("mean", "first", "terms"),
)
"""What is chosen from with pretrained weights."""

DENSE: tuple[Names, ...] = (("terms",), ("terms", "order"))
"""What is blended without."""


class Scaled:
    """Readings of all records, to be laid side by side in columns of unit scale; scaled once for all folds."""

    def __init__(self, readings: Mapping[str, NDArray[np.float32]]) -> None:
        self._readings = readings
        self._scaling = {name: scaling(name, values) for name, values in readings.items()}

    def scaling(self, names: Names) -> tuple[torch.Tensor, torch.Tensor]:
        """Centre and scale (D,) of the columns of the named readings."""
        parts = [self._scaling[name] for name in names]
        return torch.cat([centre for centre, _ in parts]), torch.cat([scale for _, scale in parts])

    def rows(self, names: Names, index: NDArray[np.int64] | slice = slice(None)) -> torch.Tensor:
        """(rows, D) scaled columns of the records at ``index``."""
        centre, scale = self.scaling(names)
        values = side_by_side({name: self._readings[name][index] for name in names}, names)
        return (torch.from_numpy(values) - centre) / scale


class Readings(FeatureCandidate):
    """With pretrained weights a self-trained linear head on the reading that inner folds choose.

    Without weights the blend of a linear head on each of `DENSE` and of the baseline on TF-IDF, from the labels alone.
    """

    name = "readings"
    title = "Readings of the features, chosen or blended"
    baseline = False

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> Scaled:
        """The scaled readings."""
        return Scaled(self.bench.readings(records))

    def fit(
        self, records: Records, labels: Labels, shared: Scaled, plan: FitPlan, rng: np.random.Generator
    ) -> Predictor:
        exact = require_exact(labels, self.name)
        if self.bench.prepared.weights.pretrained:
            names = chosen(shared, exact, rng, self.bench.groups)
            weight = self_trained(shared.rows(names), exact.y, exact.task.outputs, PENALTY["encoder"])
            return self._predictor(shared, names, exact.task, weight)
        heads = [self._predictor(shared, names, exact.task, fit_labelled(shared, names, exact)) for names in DENSE]
        return Blend([*heads, TfidfLogistic(self.bench).fit(records, labels, None, plan, rng)])

    def _predictor(self, shared: Scaled, names: Names, task: Task, weight: torch.Tensor) -> LinearPredictor:
        head = Linear(*shared.scaling(names), weight[:-1].contiguous(), weight[-1].contiguous())
        return LinearPredictor(Reader(self.bench.prepared, "readings", self.bench, names), task, head)


def fit_labelled(shared: Scaled, names: Names, labels: Exact) -> torch.Tensor:
    """(D + 1, C) weights of a linear head on the named readings of the labelled records, the bias in the last row."""
    known = labels.labelled()
    x, basis = in_own_span(shared.rows(names, known))
    one_hot = torch.eye(labels.task.outputs)[torch.from_numpy(labels.y[known])]
    weight = fit_soft(x, one_hot, torch.ones(len(known)), PENALTY["dense"] / len(known))
    return torch.cat([basis @ weight[:-1], weight[-1:]])


def chosen(shared: Scaled, labels: Exact, rng: np.random.Generator, groups: NDArray[np.object_] | None = None) -> Names:
    """The one of `PRETRAINED` under which inner folds are the least surprised by the labels that they hold out.

    ``groups``: of each record, which no fold parts.
    """
    known = labels.labelled()
    y = torch.from_numpy(labels.y[known])
    fold = inner_folds(labels.y[known].astype(np.float64), INNER, rng, None if groups is None else groups[known])
    if (fold == NEVER).all():
        return PRETRAINED[0]
    one_hot = torch.eye(labels.task.outputs)
    surprise = {}
    for names in PRETRAINED:
        x, _ = in_own_span(shared.rows(names, known))
        total = 0.0
        for number in range(INNER):
            train, held = torch.from_numpy(fold != number), torch.from_numpy(fold == number)
            count = int(train.sum())
            penalty = PENALTY["encoder"] / count
            w = fit_soft(x[train], one_hot[y[train]], torch.ones(count), penalty, iterations=INNER_PASSES)
            log_q = torch.log_softmax(x[held] @ w[:-1] + w[-1], dim=1)
            total -= float(log_q.gather(1, y[held][:, None]).clamp_min(-20.0).sum())
        surprise[names] = total
    return min(surprise, key=lambda names: surprise[names])


def scaling(name: str, values: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and scale of each column of a reading; "terms" keep one scale for all."""
    centre, scale = standardisation(values)
    if name == "terms":
        scale = torch.full_like(scale, max(float(values.std()), 1e-6) / TERMS_SCALE)
    return centre, scale


def reading_candidates(bench: Workbench) -> list[FeatureCandidate]:
    """The candidate, where the modality can be read in several ways and the task is one class a record."""
    suits = isinstance(bench.prepared, Readable) and isinstance(bench.task, Classes)
    return [Readings(bench)] if suits else []
