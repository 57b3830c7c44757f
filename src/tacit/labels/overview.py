"""What labels say by themselves, before any model: for people who want to know what was understood."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tacit.data.prediction import Prediction
from tacit.data.task import Classes
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.parts import Parts
from tacit.labels.soft import Soft, shares_of

ENOUGH = 20
"""Exact labels from which on they judge candidates; with fewer, held-out evidence of all kinds does."""


def ignorance(labels: Labels) -> Prediction:
    """A prediction that knows nothing: all classes alike, or numbers as the labels are spread."""
    outputs = torch.zeros(len(labels), labels.task.outputs, dtype=torch.float64)
    return labels.task.prediction(outputs)


def overview(labels: Labels) -> dict[str, Any]:
    """As JSON: what each part says, what is naively made of it, what was learned of it, and how it will be judged."""
    parts = labels.parts if isinstance(labels, Parts) else (labels,)
    model = labels.model()
    posterior = model.posterior(ignorance(labels))
    exact = labels.exact()
    plain = exact is labels
    count = 0 if exact is None else len(exact.labelled())
    return {
        "records": len(labels),
        "labelled": len(labels.labelled()),
        "task": labels.task.to_json(),
        "classes": naive_counts(labels),
        "parts": [
            {"kind": type(part).__name__, "said": part.describe()}
            | ({} if part.exact() is part else {"naively": part.naively, "caveat": part.caveat})
            for part in parts
        ],
        "findings": model.findings(posterior),
        "judged_by": "truth" if plain or count >= ENOUGH else "evidence",
        "exact": count,
    }


def naive_counts(labels: Labels) -> dict[str, float] | None:
    """How many records each class is naively given, shares of a record counted in part; None for other tasks."""
    naive = labels.naive()
    if not isinstance(labels.task, Classes) or not isinstance(naive, Exact | Soft):
        return None
    counts = shares_of(naive)[naive.observed()].sum(axis=0)
    return dict(zip(labels.task.names, counts.tolist(), strict=True))


def agreement(pairs: list[dict[str, Any]]) -> float | None:
    """Mean kappa over pairs of sources, weighted by the records that they share; None where none share any."""
    common = np.array([pair["common"] for pair in pairs], dtype=np.float64)
    if not common.sum():
        return None
    return float(common @ [pair["kappa"] for pair in pairs] / common.sum())
