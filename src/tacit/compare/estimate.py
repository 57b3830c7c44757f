"""What is estimated of evidence (how sources err, a noise transition, a class prior), by heads that did not see it.

A network soon predicts the labels that it was trained on, errors and all, so that by its own predictions there are
no errors. Linear heads on fixed features are fitted in seconds, so they are cross-fitted, and networks are told.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from numpy.typing import NDArray

from tacit.compare.baselines import inner_choice
from tacit.compare.folds import make_folds
from tacit.compare.judges import naive_strata, without
from tacit.compare.workbench import Workbench
from tacit.data.prediction import Prediction, concatenate
from tacit.data.records import Records
from tacit.engines.features import Linear, fit_linear
from tacit.labels.base import EvidenceModel, Labels
from tacit.train.predict import of_all

ROUNDS = 3
"""How often what is estimated of the evidence and the heads are fitted to each other."""

FOLDS = 3
PENALTIES = (0.1, 1.0, 10.0, 100.0)
ITERATIONS = 25
"""Of the fits that choose a penalty: some evidence is costly to evaluate, and more iterations change no choice."""

SEED = 0
"""Of the folds, which are the same for every candidate that asks."""

Matrix = NDArray[np.float32]


def estimated(bench: Workbench, records: Records, labels: Labels) -> EvidenceModel:
    """The labels' model with all that is estimated of it; worked out once for all who ask.

    Expectation-maximisation with cross-fitting: what is estimated is fitted to predictions of records whose evidence
    the heads were not fitted to, and the heads again to the evidence so understood.
    """
    model = labels.model()
    if not model.refits:
        return model
    if labels not in bench.estimates:
        rng = np.random.default_rng(SEED)
        features = bench.features(records)
        model.doubt()
        penalty = likeliest_penalty(features, model, rng, bench.groups)
        known = labels.labelled()
        strata = naive_strata(labels, known)
        groups = None if bench.groups is None else bench.groups[known]
        for _ in range(ROUNDS):
            model.fit(cross_fitted(features, model, penalty, make_folds(strata, FOLDS, rng, groups)))
        bench.estimates[labels] = deepcopy(model.state_dict())
    model.load_state_dict(bench.estimates[labels])
    return model


def likeliest_penalty(
    features: Matrix, model: EvidenceModel, rng: np.random.Generator, groups: NDArray[np.object_] | None = None
) -> float:
    """The penalty of a linear head that makes held-out evidence most probable."""

    def tried(penalty: float, part: Labels) -> Linear:
        return fit_linear(features, model.on(part), penalty, ITERATIONS)

    return inner_choice(PENALTIES, model.labels, rng, tried, features, model, groups)


def cross_fitted(features: Matrix, model: EvidenceModel, penalty: float, fold: NDArray[np.int64]) -> Prediction:
    """Predictions of all records, each by a head that was fitted without the evidence about it and its fold.

    ``fold``: of each record that is spoken of. Of those in none of the ``FOLDS``, because no other has their class,
    nothing is predicted.
    """
    labels = model.labels
    known = labels.labelled()
    parts = []
    for number in range(FOLDS):
        away = known[fold == number]
        head = fit_linear(features, model.on(without(labels, away)), penalty)
        parts.append(labels.task.prediction(head(features[away])))
    order = np.concatenate([known[fold == number] for number in range(FOLDS)])
    return of_all(concatenate(parts), order, len(labels), labels.task)
