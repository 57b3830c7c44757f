"""Rung 1 for evidence of any kind: a linear head on features that makes what was observed most probable."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tacit.compare.baselines import FeatureCandidate
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.estimate import estimated, likeliest_penalty
from tacit.compare.predictors import LinearPredictor, Reader
from tacit.compare.workbench import Workbench
from tacit.data.records import Records
from tacit.engines.features import fit_linear
from tacit.labels.base import Labels


class EvidenceLinear(FeatureCandidate):
    """A penalised linear head fitted by maximum likelihood of all evidence (`fit_linear`).

    Where something of the evidence is estimated, that is done beforehand and out of sample (`estimated`), which
    keeps a head from confirming what it has learned by heart.
    """

    name = "evidence-linear"
    title = "Features + linear head on the evidence's likelihood"
    baseline: ClassVar[bool] = False
    naive: ClassVar[bool] = False

    def fit(self, records: Records, labels: Labels, shared: None, plan: FitPlan, rng: np.random.Generator) -> Predictor:
        features = self.bench.features(records)
        model = estimated(self.bench, records, labels)
        penalty = likeliest_penalty(features, model, rng)
        reader = Reader(self.bench.prepared, self.rung_one, self.bench)
        return LinearPredictor(reader, labels.task, fit_linear(features, model, penalty))


def evidence_candidates(bench: Workbench) -> list[FeatureCandidate]:
    """The candidate, which reads whatever there is."""
    return [EvidenceLinear(bench)]
