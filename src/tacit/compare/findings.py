"""What a run learned of its evidence beside a model: how sources err, and which records contradict their label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tacit.compare.store import Held, in_order
from tacit.data.prediction import Categorical, Prediction, sites_of
from tacit.data.task import Classes
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.parts import Parts
from tacit.labels.soft import Soft, shares_of

MOST = 200
"""Contradictions that are kept."""

SURE = 0.5
"""A label that is naively given less, or a class that is believed less, contradicts nothing."""


def findings(labels: Labels, prediction: Prediction, held: Sequence[Held], ids: Sequence[str]) -> dict[str, Any]:
    """The content of ``evidence.json``. ``prediction``: of all sites; ``held``: what each fold predicted of its own.

    Records are judged by predictions of models that had not seen the evidence about them, where there are any.
    """
    belief = unseen(prediction, held, labels.task.sites_per_record)
    model = labels.model()
    if model.refits:
        model.fit(belief)
    posterior = model.posterior(belief)
    parts = labels.parts if isinstance(labels, Parts) else (labels,)
    return {
        "parts": [{"kind": type(p).__name__, "said": p.describe(), "naively": p.naively} for p in parts],
        "findings": model.findings(posterior),
        "contradictions": contradictions(labels, posterior, ids),
    }


def unseen(prediction: Prediction, held: Sequence[Held], sites_per_record: int) -> Prediction:
    """The prediction, at records that were held out replaced by what was predicted then."""
    if not held or not isinstance(prediction, Categorical):
        return prediction
    index, found = in_order(held, sites_per_record)
    assert isinstance(found, Categorical)
    sites = sites_of(index, sites_per_record)
    return Categorical(prediction.log_p.index_copy(0, sites, found.log_p.to(prediction.log_p)))


def contradictions(labels: Labels, posterior: Prediction, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Records whose label, naively read, is not what is believed of them; the surest beliefs first."""
    naive = labels.naive()
    if not isinstance(labels.task, Classes) or not isinstance(posterior, Categorical):
        return []
    assert isinstance(naive, Exact | Soft)
    shares = np.nan_to_num(shares_of(naive))
    p = posterior.p.double().cpu().numpy()
    sure = shares.max(axis=1) > SURE
    given, likeliest = shares.argmax(axis=1), p.argmax(axis=1)
    wrong = np.flatnonzero(sure & (given != likeliest) & (p.max(axis=1) > SURE))
    order = wrong[np.argsort(-(p[wrong, likeliest[wrong]] - p[wrong, given[wrong]]), kind="stable")][:MOST]
    names = labels.task.names
    return [
        {
            "id": ids[i],
            "given": names[given[i]],
            "believed": names[likeliest[i]],
            "p": float(p[i, likeliest[i]]),
            "p_given": float(p[i, given[i]]),
        }
        for i in order.tolist()
    ]
