"""Rung 1 for evidence of any kind: a linear head on features that makes what was observed most probable."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.compare.baselines import FeatureCandidate, inner_choice
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.folds import make_folds
from tacit.compare.judges import without
from tacit.compare.predictors import LinearPredictor, Reader
from tacit.compare.workbench import Workbench
from tacit.data.prediction import Prediction, concatenate
from tacit.data.records import Records
from tacit.engines.features import Linear, fit_linear
from tacit.labels.base import EvidenceModel, Labels
from tacit.train.predict import of_all

ROUNDS = 3
"""How often what is estimated of the evidence and the head are fitted to each other."""

INNER = 3
INNER_PENALTIES = (0.1, 1.0, 10.0)
INNER_ITERATIONS = 25
"""Of the fits that choose a penalty: some evidence is costly to evaluate, and more iterations change no choice."""


class EvidenceLinear(FeatureCandidate):
    """A penalised linear head fitted by maximum likelihood of all evidence (`fit_linear`).

    Where something of the evidence is estimated (how sources err, a noise transition, a class prior), it is fitted to
    predictions of records that the head was not trained on, and the head again to the evidence so understood: an
    expectation-maximisation with cross-fitting, which keeps a head from confirming what it has learned by heart.
    """

    name = "evidence-linear"
    title = "Features + linear head on the evidence's likelihood"
    baseline: ClassVar[bool] = False
    naive: ClassVar[bool] = False

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        features = self.bench.features(records)

        def tried(penalty: float, part: Labels) -> Linear:
            return fit_linear(features, model.on(part), penalty, INNER_ITERATIONS)

        model = labels.model()
        penalty = inner_choice(INNER_PENALTIES, labels, rng, tried, features, model)
        if model.refits:
            for _ in range(ROUNDS):
                model.fit(cross_fitted(features, model, penalty, rng))
            penalty = inner_choice(INNER_PENALTIES, labels, rng, tried, features, model)
        reader = Reader(self.bench.prepared, self.rung_one, self.bench)
        return LinearPredictor(reader, labels.task, fit_linear(features, model, penalty))


def cross_fitted(
    features: NDArray[np.float32], model: EvidenceModel, penalty: float, rng: np.random.Generator
) -> Prediction:
    """Predictions of all records, each by a head that was fitted without the evidence about it."""
    labels = model.labels
    known = labels.labelled()
    fold = make_folds(np.zeros(len(known)), INNER, rng)
    parts = []
    for number in range(INNER):
        away = known[fold == number]
        head = fit_linear(features, model.on(without(labels, away)), penalty)
        parts.append(labels.task.prediction(head(features[away])))
    order = np.concatenate([known[fold == number] for number in range(INNER)])
    return of_all(concatenate(parts), order, len(labels), labels.task)


def evidence_candidates(bench: Workbench) -> list[FeatureCandidate]:
    """The candidate, which reads whatever there is."""
    return [EvidenceLinear(bench)]
