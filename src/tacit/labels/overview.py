"""What labels say by themselves, before any model: for people who want to know what was understood."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tacit.data.prediction import Prediction
from tacit.data.task import Classes
from tacit.labels.alike import alike
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.grid import pixels
from tacit.labels.parts import Parts
from tacit.labels.soft import Soft, shares_of
from tacit.labels.votes import Votes

ENOUGH = 20
"""Exact labels from which on they judge candidates; with fewer, held-out evidence of all kinds does."""

SLIP = (
    "if these are slips, rename them in the file; tacit.read_labels(..., classes=[...]) refuses every name that is not "
    "listed"
)
"""What to do about classes that look like others."""


def ignorance(labels: Labels) -> Prediction:
    """A prediction that knows nothing: all classes alike, or numbers as the labels are spread."""
    outputs = torch.zeros(len(labels), labels.task.outputs, *pixels(labels.task), dtype=torch.float64)
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
        "findings": [*model.findings(posterior), *_alike(labels)],
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


def said_counts(labels: Labels) -> dict[str, float] | None:
    """How often each class is named: by votes, else by records as they are naively read; None for other tasks."""
    if isinstance(labels, Votes):
        said = np.bincount(labels.ballots.vote, minlength=len(labels.task.names))
        return dict(zip(labels.task.names, said.tolist(), strict=True))
    if isinstance(labels, Parts):
        parts = [counts for part in labels.parts if (counts := said_counts(part)) is not None]
        return {name: sum(counts[name] for counts in parts) for name in parts[0]} if parts else None
    return naive_counts(labels)


def _alike(labels: Labels) -> list[dict[str, Any]]:
    """A finding on classes that look like slips of others, if there are any."""
    counts = said_counts(labels) or {}
    pairs = [{"name": name, "count": counts[name], "like": like, "of": counts[like]} for name, like in alike(counts)]
    return [{"about": "classes", "alike": pairs, "hint": SLIP}] if pairs else []


def agreement(pairs: list[dict[str, Any]]) -> float | None:
    """Mean kappa over pairs of sources, weighted by the records that they share; None where none share any."""
    common = np.array([pair["common"] for pair in pairs], dtype=np.float64)
    if not common.sum():
        return None
    return float(common @ [pair["kappa"] for pair in pairs] / common.sum())
