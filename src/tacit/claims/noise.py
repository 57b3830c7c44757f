"""Draws of wrong labels: symmetric, pair and instance-dependent flips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import truncnorm

from tacit.claims.sets import Draw, Numbers, Split
from tacit.labels.noisy import Noisy

Kind = Literal["symmetric", "pair", "instance"]
SPREAD = 0.1
"""Standard deviation of the rates of single records about the rate of an instance-dependent draw."""
HOW = {
    "symmetric": "to any other class",
    "pair": "to the next class",
    "instance": "to a class that depends on the image",
}


@dataclass(frozen=True)
class Flipped:
    """Labels of which each is wrong with probability ``rate``.

    ``kind``: "symmetric" flips to each other class alike; "pair" to the next class (Han et al. 2018, figure 1);
    "instance" to a class drawn from the softmax of a random linear map of the image, one map a class, at a rate of
    the record's own from a normal truncated to [0, 1] (Xia et al. 2020, "Part-dependent Label Noise", algorithm 2).
    ``total``: how many records are labelled, stratified; all where None.
    """

    rate: float
    kind: Kind = "symmetric"
    total: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ValueError(f"a rate of {self.rate} is no share of labels below 1")

    def __str__(self) -> str:
        labels = "all labels" if self.total is None else f"{self.total:,} labels, stratified"
        return f"{labels}, {self.rate:.0%} of them flipped {HOW[self.kind]}"

    def __call__(self, split: Split, rng: np.random.Generator) -> Noisy:
        """Labels that say nothing of how they came about: their transition has to be estimated."""
        known = split.truth if self.total is None else Draw(total=self.total)(split, rng).y
        rows = np.flatnonzero(known >= 0)
        given = known.copy()
        given[rows] = self.flipped(split, rows, rng)
        return Noisy(given, "estimate", split.classes)

    def flipped(self, split: Split, rows: Numbers, rng: np.random.Generator) -> Numbers:
        """(rows,) given classes of the records at ``rows``."""
        truth, classes = split.truth[rows], len(split.classes)
        if self.kind == "instance":
            rate = truncnorm.rvs(-self.rate / SPREAD, (1 - self.rate) / SPREAD, size=len(rows), random_state=rng)
            wrong = _likely_errors(_pixels(split, rows), truth, classes, rng)
            return np.where(rng.random(len(rows)) < self.rate + SPREAD * rate, wrong, truth)
        step = np.ones(len(rows), dtype=np.int64) if self.kind == "pair" else rng.integers(1, classes, len(rows))
        return np.where(rng.random(len(rows)) < self.rate, (truth + step) % classes, truth)


def _likely_errors(x: NDArray[np.float64], truth: Numbers, classes: int, rng: np.random.Generator) -> Numbers:
    """(n,) classes other than ``truth`` from the softmax of ``x`` (n, D) times a random (D, C) of the true class."""
    maps = rng.normal(size=(classes, x.shape[1], classes))
    scores = np.stack([x[i] @ maps[c] for i, c in enumerate(truth)])
    scores[np.arange(len(truth)), truth] = -np.inf
    # the largest of scores with Gumbel noise is a draw from their softmax
    return np.asarray((scores + rng.gumbel(size=scores.shape)).argmax(axis=1), dtype=np.int64)


def _pixels(split: Split, rows: Numbers) -> NDArray[np.float64]:
    """(rows, D) pixels, standardised and scaled by 1 / sqrt(D), so that scores have unit variance."""
    samples = split.pool.gather(rows)
    if isinstance(samples, pa.Table) or split.pool.modality != "image":
        raise TypeError("flips that depend on the record are for images")
    flat = np.stack([np.asarray(image, dtype=np.float64).reshape(-1) for image in samples])
    standard = (flat - flat.mean(axis=0)) / np.maximum(flat.std(axis=0), 1e-6 + 0.05 * flat.std())
    return np.asarray(standard / np.sqrt(flat.shape[1]))
