"""Classes that a grade lies behind, and what five annotators with errors of their own say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from torch import nn

from tacit.claims.arms import Trial
from tacit.claims.sets import Numbers, Split, data_file
from tacit.compare.candidate import Predictor
from tacit.compare.scores import values_of
from tacit.data.read import read
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.preferences import Preferences
from tacit.labels.soft import Soft

HOUSES, PRICE = "california_housing/california_housing.csv.gz", "median_house_value"
CLASSES = ("cheap", "dear")
ANNOTATORS = 5
ERROR, LEANING = 0.5, 0.3
"""Standard deviations of a judgement's error and of an annotator's bound, in those of the grade."""

Kind = Literal["classes", "preferences", "shares", "more"]
SAID = {
    "classes": "majority labels of {items} records",
    "preferences": "majority labels of {items} records and {asked} comparisons of two of one label",
    "shares": "shares of the votes on {items} records",
    "more": "majority labels of {items} records and of {more} more",
}


@dataclass(frozen=True)
class Judged:
    """What five annotators say of ``items`` records, and what ``asked`` more judgements buy.

    A judgement sees the grade, a column of the pool, as a normal score with an error. A vote says whether it is above
    the annotator's bound, a comparison which of two is larger. ``kind``: the majority "classes" of all votes; with
    "preferences" by ``asked`` comparisons, each between two of the records that have one label, by one annotator; the
    "shares" of the votes; or "more" classes, of as many further records as ``asked`` votes are enough for. All kinds
    agree on records and votes where the generator starts alike.
    """

    items: int
    asked: int
    kind: Kind = "preferences"
    column: str = PRICE

    def __str__(self) -> str:
        said = SAID[self.kind].format(items=self.items, asked=self.asked, more=self.asked // ANNOTATORS)
        return f"{said}, by {ANNOTATORS} annotators"

    def __call__(self, split: Split, rng: np.random.Generator) -> Labels:
        """The evidence of a seed, aligned to the pool."""
        grade = normal_scores(np.asarray(split.pool.column(self.column), dtype=np.float64))
        bounds = LEANING * rng.standard_normal(ANNOTATORS)
        order = rng.permutation(len(grade))
        rows, spare = order[: self.items], order[self.items : self.items + self.asked // ANNOTATORS]
        votes = judged(grade[rows], bounds, rng)
        if self.kind == "shares":
            q = np.full((len(grade), 2), np.nan)
            q[rows] = np.stack([1 - votes, votes], axis=1)
            return Soft(q, split.classes)
        if self.kind == "more":
            rows, votes = np.concatenate([rows, spare]), np.concatenate([votes, judged(grade[spare], bounds, rng)])
        y = np.full(len(grade), -1, dtype=np.int64)
        y[rows] = votes > 0.5
        known = Exact(y, split.classes)
        if self.kind != "preferences":
            return known
        winner, loser = compared(rows, y, grade, self.asked, rng)
        return Labels.combine(known, Preferences(winner, loser, len(grade), split.classes[1], split.classes))


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) standard normal quantiles of the ranks of ``values`` (n,); equal values share the mean of their ranks."""
    return np.asarray(norm.ppf((rankdata(values) - 0.5) / len(values)))


def judged(grade: NDArray[np.float64], bounds: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(n,) the share of annotators, one a bound, who see ``grade`` (n,) above theirs."""
    seen = grade[:, None] + ERROR * rng.standard_normal((len(grade), len(bounds)))
    return np.asarray((seen > bounds).mean(axis=1))


def compared(
    rows: Numbers, y: Numbers, grade: NDArray[np.float64], asked: int, rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """(asked,) winners and losers: the one seen as larger of two of ``rows`` that have one label, drawn at random."""
    first = rng.choice(rows, asked)
    alike = {c: rows[y[rows] == c] for c in (0, 1)}
    partners = [alike[int(y[i])] for i in first]
    enough = np.array([len(p) > 1 for p in partners])
    first = first[enough]
    second = np.array([rng.choice(p[p != i]) for i, p in zip(first, (p for p in partners if len(p) > 1), strict=True)])
    seen = grade[np.stack([first, second.astype(np.int64)])] + ERROR * rng.standard_normal((2, len(first)))
    return np.where(seen[0] > seen[1], first, second), np.where(seen[0] > seen[1], second, first)


def calibration(trial: Trial, predictor: Predictor, encoder: nn.Module | None) -> dict[str, float]:
    """Of the test records the mean log loss, and how far confidence is from accuracy on average over tenths of it."""
    p, truth = values_of(predictor(trial.desk.split.test)), trial.desk.split.test_truth
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    tenth = np.minimum((10 * confidence).astype(np.int64), 9)
    off = [abs((confidence - right)[tenth == t].sum()) for t in range(10)]
    losses = -np.log(np.maximum(p[np.arange(len(p)), truth], 1e-12))
    return {"log loss": float(losses.mean()), "calibration error": float(np.sum(off) / len(p))}


def dear_houses() -> Split:
    """Census blocks of California whose median house value is below or above the pool's median: 5,000 and 4,128.

    The value stays a side column, which no candidate reads.
    """
    records = read(data_file(HOUSES), modality="table", exclude=("split", PRICE))
    part = np.array([v == "train" for v in records.column("split")])
    value = np.asarray(records.column(PRICE), dtype=np.float64)
    above = (value > np.median(value[part])).astype(np.int64)
    inner, outer = np.flatnonzero(part), np.flatnonzero(~part)
    name = "California housing, above the median value"
    split = Split(name, records.take(inner), above[inner], records.take(outer), above[outer], CLASSES)
    return split.subset(pool=5000)
