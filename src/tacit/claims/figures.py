"""What an arm is judged by: a figure in [0, 1] for each test record, or bag of these, and measures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """How well an arm did on each test unit, (test,) in [0, 1] and bool for hits, and other figures by name."""

    figures: NDArray[np.bool_] | Floats
    measures: dict[str, float] = field(default_factory=dict)


def hits(scores: Floats, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether the best of the (n, C) scores is that of the true class, (n,)."""
    return np.asarray(scores.argmax(axis=1) == truth)


def ranking_precision(scores: Floats, truth: NDArray[np.int64]) -> Floats:
    """(n,) the average precision of each record's ranking of its K labels, from (n, K) scores and 0 or 1.

    Of every label that is present, how many of those ranked as high or higher are present too, averaged (Schapire
    and Singer 2000); 1 where all labels are present, or none. Its mean is the label ranking average precision.
    """
    present = truth == 1
    above = scores[:, None, :] >= scores[:, :, None]
    precision = (above & present[:, None, :]).sum(axis=2) / above.sum(axis=2)
    count = present.sum(axis=1)
    mean = (precision * present).sum(axis=1) / np.maximum(count, 1)
    return np.where((count == 0) | (count == truth.shape[1]), 1.0, mean)


def mean_average_precision(
    scores: Floats, truth: NDArray[np.int64], groups: Mapping[str, Sequence[int]] | None = None
) -> dict[str, float]:
    """ "mAP", the average precision of every label over the records, (n, K), averaged; also of ``groups`` of labels."""
    from sklearn.metrics import average_precision_score

    each = np.array([average_precision_score(truth[:, k], scores[:, k]) for k in range(truth.shape[1])])
    parts = {f"mAP of the {name}": float(each[list(labels)].mean()) for name, labels in (groups or {}).items()}
    return {"mAP": float(each.mean()), **parts}
