"""Bags of digits as records: which digits are in a bag decides its class. The instances are rows of 64 pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tacit.claims.sets import SUBSET_SEED, Numbers, Split, digits
from tacit.data.read import read
from tacit.data.records import Records

SIZE = 20
"""Instances of a bag of `subtype_bags`."""

KEYS = (3, 8)
"""The digit that each of its classes is known by."""

SHARE = 0.1
"""How much of such a bag is that digit."""

KEY = 9
"""The digit that makes a bag of `key_bags` positive, as in Ilse et al. 2018, section 4.2."""

Choose = Callable[[Numbers, int, np.random.Generator], Numbers]
"""From the digits (n,) to choose from and a class: the instances of a bag of it, as positions."""


def subtype_bags() -> Split:
    """600 bags for the pool and 600 for the test, half of each class: 20 digits, two of which are the class's own.

    Bags of the pool are made of one half of scikit-learn's digits, those of the test of the other.
    """
    return bags_of_digits("bags of 20 digits, two of them a 3 or an 8", subtype, ("3", "8"), 600, 600)


def key_bags() -> Split:
    """400 bags for the pool and 600 for the test, half of them with a 9 among about ten digits, halves as above."""
    return bags_of_digits("bags of about 10 digits, with or without a 9", with_key, ("without", "with"), 400, 600)


def subtype(truth: Numbers, c: int, rng: np.random.Generator) -> Numbers:
    """Two instances of the class's own digit, all others of digits that no class has."""
    own = np.flatnonzero(truth == KEYS[c])
    others = np.flatnonzero(~np.isin(truth, KEYS))
    keys = round(SHARE * SIZE)
    return rng.permutation(np.concatenate([rng.choice(own, keys), rng.choice(others, SIZE - keys)]))


def with_key(truth: Numbers, c: int, rng: np.random.Generator) -> Numbers:
    """Any digits, as many as a normal of mean 10 and deviation 2 says, drawn until a 9 is among them or none is."""
    size = max(1, round(rng.normal(10, 2)))
    while True:
        chosen = rng.integers(0, len(truth), size)
        if (truth[chosen] == KEY).any() == bool(c):
            return chosen


def bags_of_digits(name: str, choose: Choose, classes: tuple[str, ...], pool: int, test: int) -> Split:
    """So many bags, equally many of each class, from either half of scikit-learn's digits."""
    source = digits()
    rng = np.random.default_rng(SUBSET_SEED)
    inner, truth = _bags(source.pool, source.truth, choose, np.arange(pool) % len(classes), rng)
    outer, test_truth = _bags(source.test, source.test_truth, choose, np.arange(test) % len(classes), rng)
    return Split(name, inner, truth, outer, test_truth, classes)


def noisy(bags: Records, amount: float = 0.5) -> Records:
    """The bags with normal noise of ``amount`` deviations of all their numbers: the same for all seeds."""
    each = [np.asarray(bag) for bag in bags.gather()]
    rng, spread = np.random.default_rng(SUBSET_SEED), np.concatenate(each).std()
    return read([bag + rng.normal(0, amount * spread, bag.shape) for bag in each], modality="set")


def _bags(
    images: Records, digit: Numbers, choose: Choose, classes: Numbers, rng: np.random.Generator
) -> tuple[Records, Numbers]:
    pixels: NDArray[np.float64] = np.stack([np.asarray(image, dtype=np.float64).ravel() for image in images.gather()])
    return read([pixels[choose(digit, int(c), rng)] for c in classes], modality="set"), classes
