"""Draws of weak labels from known truth: what claims on evidence other than a few exact labels are told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tacit.claims.sets import Numbers, Split, digits, mnist
from tacit.labels.base import Labels
from tacit.labels.candidates import Candidates
from tacit.labels.exact import Exact
from tacit.labels.noisy import Noisy
from tacit.labels.positives import Positives
from tacit.labels.proportions import Proportions


@dataclass(frozen=True)
class LongTailed:
    """Exact labels whose counts fall from class to class by one factor, ``ratio`` from the first to the last.

    The first class has ``most`` labels (Cui et al. 2019); a class has at least one, and no more than there are.
    """

    ratio: float
    most: int

    def __str__(self) -> str:
        return f"long-tailed labels, {self.ratio:g}:1 from {self.most} of the first class"

    def __call__(self, split: Split, rng: np.random.Generator) -> Exact:
        """Labels on a random part of each class; the rest of the pool is unknown."""
        known = np.full(len(split.truth), -1, dtype=np.int64)
        for c, wanted in enumerate(self.counts(len(split.classes))):
            known[rng.permutation(np.flatnonzero(split.truth == c))[:wanted]] = c
        return Exact(known, split.classes)

    def counts(self, classes: int) -> Numbers:
        """(C,) labels wanted of each class."""
        falling = self.most * self.ratio ** (-np.arange(classes) / (classes - 1))
        return np.maximum(np.round(falling), 1).astype(np.int64)


@dataclass(frozen=True)
class CandidateSets:
    """The truth among candidates on ``total`` records: every wrong class joins with probability ``rate``.

    Where none joined, one that is drawn does (Lv et al. 2020, section 5).
    """

    rate: float
    total: int

    def __str__(self) -> str:
        return f"candidate sets on {self.total} records, wrong classes at a rate of {self.rate:g}"

    def __call__(self, split: Split, rng: np.random.Generator) -> Candidates:
        """Candidate sets on a random part of the pool; elsewhere any class is possible."""
        n, classes = len(split.truth), len(split.classes)
        chosen = rng.permutation(n)[: self.total]
        possible = np.ones((n, classes), dtype=bool)
        possible[chosen] = rng.random((len(chosen), classes)) < self.rate
        possible[chosen, split.truth[chosen]] = True
        alone = chosen[possible[chosen].sum(axis=1) == 1]
        possible[alone, (split.truth[alone] + rng.integers(1, classes, len(alone))) % classes] = True
        return Candidates(possible, split.classes)


@dataclass(frozen=True)
class LabelledPositives:
    """``labelled`` records of the second class are known to be of it, all others of the pool are unlabelled.

    The class prior is given: the share of the second class in the pool.
    """

    labelled: int

    def __str__(self) -> str:
        return f"{self.labelled} labelled positives, all else unlabelled, the class prior given"

    def __call__(self, split: Split, rng: np.random.Generator) -> Positives:
        """Positives labelled completely at random."""
        positives = np.flatnonzero(split.truth == 1)
        state = np.zeros(len(split.truth), dtype=np.int64)
        state[rng.permutation(positives)[: self.labelled]] = 1
        return Positives(state, len(positives) / len(state), split.classes)


@dataclass(frozen=True)
class LabelBags:
    """The whole pool in random bags of ``size``, with the count of each class in every bag."""

    size: int

    def __str__(self) -> str:
        return f"class counts in bags of {self.size}"

    def __call__(self, split: Split, rng: np.random.Generator) -> Proportions:
        """Counts of random bags; records that fill no bag are in none."""
        n, classes = len(split.truth), len(split.classes)
        bags = n // self.size
        bag = np.full(n, -1, dtype=np.int64)
        bag[rng.permutation(n)[: bags * self.size]] = np.repeat(np.arange(bags), self.size)
        counts = np.zeros((bags, classes), dtype=np.int64)
        np.add.at(counts, (bag[bag >= 0], split.truth[bag >= 0]), 1)
        return Proportions(bag, counts, n, split.classes)


@dataclass(frozen=True)
class QueryLabels:
    """A given class on every record, at a rate ``wrong`` another one, and ``clean`` true labels beside them.

    The errors have structure: of each class they go to two others, drawn for the seed, two to one. Every class has
    clean / C true labels, at least one.
    """

    wrong: float
    clean: int

    def __str__(self) -> str:
        return f"query labels, {100 * self.wrong:g} % of them confused by class, and {self.clean} clean labels"

    def __call__(self, split: Split, rng: np.random.Generator) -> Labels:
        """Noisy labels of unknown transition on all records, exact ones on a few."""
        classes, truth = len(split.classes), split.truth
        confused = np.stack([rng.permutation(np.delete(np.arange(classes), c))[:2] for c in range(classes)])
        which = (rng.random(len(truth)) < 1 / 3).astype(np.int64)
        query = np.where(rng.random(len(truth)) < self.wrong, confused[truth, which], truth)
        known = np.full(len(truth), -1, dtype=np.int64)
        for c in range(classes):
            known[rng.permutation(np.flatnonzero(truth == c))[: max(1, self.clean // classes)]] = c
        return Labels.combine(Noisy(query, "estimate", split.classes), Exact(known, split.classes))


def even_mnist() -> Split:
    """MNIST with two classes: odd, and even as the positive one, as in Kiryo et al. 2017."""
    return two_classes(mnist(), np.arange(10) % 2 == 0, ("odd", "even"))


def large_digits() -> Split:
    """scikit-learn's digits with two classes: below 5, and from 5 on."""
    return two_classes(digits(), np.arange(10) >= 5, ("below 5", "from 5 on"))


def two_classes(split: Split, second: NDArray[np.bool_], classes: tuple[str, str]) -> Split:
    """The same records; ``second`` (C,) says which of the old classes make up the second one."""
    truth, test = second[split.truth].astype(np.int64), second[split.test_truth].astype(np.int64)
    name = f"{split.name}, {classes[0]} or {classes[1]}"
    return replace(split, name=name, truth=truth, test_truth=test, classes=classes)
