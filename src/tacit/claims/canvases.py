"""Generated images of several digits, a label for every digit that is on one, and draws of what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tacit.claims.sets import SUBSET_SEED, LabelSplit, Numbers, Split, digits
from tacit.data.read import read
from tacit.labels.exact import Exact
from tacit.labels.positives import Positives

Floats = NDArray[np.float64]

SIDE, DIGIT = 20, 8
"""Pixels of a canvas and of a digit. A canvas has 2 x 2 cells; a digit lies anywhere within its own."""

POOL, TEST = 1500, 1000
TAIL_RATIO = 50.0
THIRDS = {"head": (0, 1, 2), "middle": (3, 4, 5, 6), "tail": (7, 8, 9)}


def canvases() -> LabelSplit:
    """1,500 canvases for the pool and 1,000 for the test, with 2 to 4 of scikit-learn's digits each.

    Digits of the pool and of the test come from the two halves of `digits`.
    """
    return generated("digits on canvases", np.full(10, 0.1))


def tailed_canvases() -> LabelSplit:
    """As `canvases`, but digits of the pool are drawn with shares that fall from 0 to 9, 50:1; the test is even.

    A canvas that shows a digit twice has its label once, so labels fall by less: about 35:1.
    """
    falling = TAIL_RATIO ** (-np.arange(10) / 9)
    return generated("digits on canvases, 50:1 in the pool", falling / falling.sum(), THIRDS)


def generated(name: str, shares: Floats, groups: dict[str, tuple[int, ...]] | None = None) -> LabelSplit:
    """A fixed set whose pool draws digits with these ``shares`` (10,), and whose test draws them evenly."""
    rng = np.random.default_rng(SUBSET_SEED)
    split = digits()
    inner, truth = drawn(np.stack(split.pool.gather())[..., 0], split.truth, POOL, shares, rng)
    outer, test_truth = drawn(np.stack(split.test.gather())[..., 0], split.test_truth, TEST, np.full(10, 0.1), rng)
    pool, test = (read(images, modality="image") for images in (inner, outer))
    return LabelSplit(name, pool, truth, test, test_truth, split.classes, groups or {})


def drawn(
    images: NDArray[np.uint8], target: Numbers, count: int, shares: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Numbers]:
    """(count, 20, 20) canvases of 8 x 8 ``images`` (n,) with these classes, and (count, 10) what is on each."""
    canvas = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    present = np.zeros((count, 10), dtype=np.int64)
    cell = SIDE // 2
    for i in range(count):
        for place in rng.permutation(4)[: rng.integers(2, 5)].tolist():
            label = rng.choice(10, p=shares)
            row, column = cell * np.array(divmod(place, 2)) + rng.integers(0, cell - DIGIT + 1, 2)
            chosen = rng.choice(np.flatnonzero(target == label))
            canvas[i, row : row + DIGIT, column : column + DIGIT] = images[chosen]
            present[i, label] = 1
    return canvas, present


@dataclass(frozen=True)
class MissedPositives:
    """Every positive of the pool is missed with a probability drawn for its label from ``low`` to ``high``.

    What is missed looks like what is absent. The class priors are left to be estimated, where somebody asks for them.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"positives alone, {100 * self.low:g} to {100 * self.high:g} % of them missed"

    def __call__(self, split: Split, rng: np.random.Generator) -> Positives:
        """Labelled or unlabelled for every label of every record."""
        rate = rng.uniform(self.low, self.high, split.truth.shape[1])
        missed = rng.random(split.truth.shape) < rate
        return Positives(np.where(missed, 0, split.truth), "estimate", split.classes)


@dataclass(frozen=True)
class HiddenLabels:
    """Of every record a ``share`` of its labels, present or absent, is unknown."""

    share: float

    def __str__(self) -> str:
        return f"{100 * self.share:g} % of the labels hidden"

    def __call__(self, split: Split, rng: np.random.Generator) -> Exact:
        """What is left; a label is hidden whatever it says."""
        return Exact(np.where(rng.random(split.truth.shape) < self.share, -1, split.truth), split.classes)
