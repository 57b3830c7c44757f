"""The predictions to look at first: those the model doubts most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tacit.figures import share, significant
from tacit.report.embedding import written
from tacit.report.folder import Absent, RunFolder, floats, strings
from tacit.report.previews import Album, Preview
from tacit.report.text import finite, visible

_CARDS = 24
_CHOICES = 3
_SIDE = 96


@dataclass(frozen=True)
class Card:
    """One record: ``choices`` are class, probability in percent, the same in words; ``doubt`` may be empty."""

    id: str
    label: str
    doubt: str
    choices: list[tuple[str, float, str]]
    preview: Preview | None


@dataclass(frozen=True)
class Doubtful:
    """The most doubtful predictions, how to lay them out, whether of unlabelled records, and whether all are alike."""

    cards: list[Card]
    kind: str
    unlabelled: bool
    alike: bool


def doubtful(folder: RunFolder, album: Album) -> Doubtful | Absent:
    """At most 24 records without a label, most doubtful first; labelled ones only where all are labelled."""
    table = folder.predictions
    if table is None:
        return Absent("The run folder holds no predictions (predictions.parquet).")
    if "doubt" not in table.column_names:
        return Absent("The predictions come without doubt, so none can be called the most doubtful.")
    doubt = floats(table["doubt"])
    split = strings(table["split"]) if "split" in table.column_names else [None] * len(doubt)
    known = np.isfinite(doubt)
    candidates = np.flatnonzero(known & np.array([s == "unlabelled" for s in split], dtype=bool))
    unlabelled = len(candidates) > 0
    if not unlabelled:
        candidates = np.flatnonzero(known)
    if not len(candidates):
        return Absent("No prediction comes with a finite doubt.")
    rows = candidates[np.argsort(-doubt[candidates], kind="stable")][:_CARDS]
    taken = table.take(rows)
    ids = [i or "" for i in strings(taken["id"])]
    labels = [label or "" for label in strings(taken["label"])]
    alike = len(candidates) > 1 and bool(np.ptp(doubt[candidates]) <= 1e-6 * abs(doubt[candidates].max()))
    scale = floats(taken["scale"]).tolist() if "scale" in taken.column_names else [None] * len(rows)
    p = folder.probabilities(rows)
    cards = []
    for k, preview in enumerate(album.show(ids, _SIDE)):
        label, unsure = visible(labels[k], 60), significant(float(doubt[rows[k]]), 2)
        if folder.kind == "number":
            label = written(labels[k])
            if (deviation := finite(scale[k])) is not None:
                label, unsure = f"{label} ± {significant(deviation)}", ""
        choices = [] if p is None or np.isnan(p[k]).any() else _choices(folder, p[k].tolist())
        cards.append(Card(visible(ids[k], 80), label, unsure, choices, preview))
    return Doubtful(cards, _kind(cards), unlabelled, alike)


def _choices(folder: RunFolder, p: list[float]) -> list[tuple[str, float, str]]:
    order = sorted(range(len(p)), key=lambda c: -p[c])[:_CHOICES]
    return [(visible(folder.names[c], 40), round(100 * p[c], 1), share(p[c])) for c in order]


def _kind(cards: list[Card]) -> str:
    """``image``, ``text``, ``cells`` or ``none``: how the cards are laid out."""
    for card in cards:
        for kind in ("image", "text", "cells"):
            if card.preview is not None and getattr(card.preview, kind):
                return kind
    return "none"
