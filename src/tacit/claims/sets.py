"""The data sets that claims are measured on, and how a few of their labels are drawn.

Real sets are read from the folder that ``TACIT_DATA`` names; scikit-learn's digits need none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from tacit.claims.figures import Floats, Outcome, hits, mean_average_precision, ranking_precision
from tacit.compare.scores import values_of
from tacit.data.prediction import Categorical, Prediction
from tacit.data.read import read
from tacit.data.records import Records
from tacit.data.task import Classes, MultiLabel, Task
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact

Numbers = NDArray[np.int64]
SUBSET_SEED = 0
"""Seed of every fixed subset and split: the same for all seeds of a claim."""


@dataclass(frozen=True)
class Split:
    """A pool whose labels are drawn from ``truth`` (pool,), and test records that are only predicted.

    A subclass with another kind of truth says what is predicted, and by which figure a prediction is judged.
    """

    name: str
    pool: Records
    truth: Numbers
    test: Records
    test_truth: Numbers
    classes: tuple[str, ...]

    metric: ClassVar[str] = "accuracy"

    @property
    def task(self) -> Task:
        """What a network predicts of a record."""
        return Classes(self.classes)

    def scores(self, prediction: Prediction) -> Floats:
        """What `judge` reads of the prediction of all test records."""
        return values_of(prediction)

    def judge(self, scores: Floats) -> Outcome:
        """How good (test, C) scores of the classes are: hits of the most probable one."""
        return Outcome(hits(scores, self.test_truth))

    def fingerprint(self) -> bytes:
        """All that outcomes depend on beside the records."""
        return self.truth.tobytes() + self.test_truth.tobytes()

    def subset(self, pool: int | None = None, test: int | None = None) -> Self:
        """A fixed random part of the pool and of the test records, in their old order."""
        return self.parts(some(len(self.pool), pool), some(len(self.test), test))

    def parts(self, inner: Numbers, outer: Numbers) -> Self:
        """These records of the pool and of the test."""
        return replace(
            self,
            pool=self.pool.take(inner),
            truth=self.truth[inner],
            test=self.test.take(outer),
            test_truth=self.test_truth[outer],
        )


@dataclass(frozen=True)
class LabelSplit(Split):
    """Several labels a record: ``truth`` and ``test_truth`` are (n, K), 1 where a label is present.

    ``groups`` of labels, by number, have a mean average precision of their own.
    """

    groups: Mapping[str, Sequence[int]] = field(default_factory=dict)

    metric: ClassVar[str] = "average precision of a record's ranking of labels"

    @property
    def task(self) -> Task:
        return MultiLabel(self.classes)

    def scores(self, prediction: Prediction) -> Floats:
        """(test, K) log-odds of every label: probabilities near 1 would be ties."""
        return log_odds(prediction).reshape(-1, len(self.classes))

    def judge(self, scores: Floats) -> Outcome:
        """How (test, K) scores rank the labels of a record, and records for a label."""
        measures = mean_average_precision(scores, self.test_truth, self.groups)
        return Outcome(ranking_precision(scores, self.test_truth), measures)


class AnyDraw(Protocol):
    """What is known of the pool in one seed; its text says it for people."""

    def __call__(self, split: Split, rng: np.random.Generator) -> Labels:
        """The labels of a seed, aligned to the pool."""

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Draw:
    """Which labels are known: ``per_class`` of every class, or ``total`` in proportion to the classes."""

    per_class: int | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        if (self.per_class is None) == (self.total is None):
            raise ValueError("say either how many labels per class or how many in all")

    def __str__(self) -> str:
        return f"{self.per_class} labels per class" if self.total is None else f"{self.total} labels, stratified"

    def __call__(self, split: Split, rng: np.random.Generator) -> Exact:
        """Labels on a random part of the pool, every class among them; the rest is unknown."""
        counts = np.bincount(split.truth, minlength=len(split.classes))
        known = np.full(len(split.truth), -1, dtype=np.int64)
        for c, wanted in enumerate(self.counts(counts)):
            members = rng.permutation(np.flatnonzero(split.truth == c))[:wanted]
            known[members] = c
        return Exact(known, split.classes)

    def counts(self, available: Numbers) -> Numbers:
        """(C,) labels of each class, at least one: the largest remainders make up a ``total``."""
        if self.per_class is not None:
            return np.asarray(np.minimum(available, self.per_class), dtype=np.int64)
        assert self.total is not None
        exact = self.total * available / available.sum()
        counts = np.maximum(np.floor(exact).astype(np.int64), 1)
        order = np.argsort(np.floor(exact) - exact, kind="stable")
        missing = self.total - int(counts.sum())
        counts[order[: max(0, missing)]] += 1
        # where every small class got its one label, the largest class pays for them
        counts[np.argmax(counts)] += min(0, missing)
        return np.asarray(np.minimum(available, counts), dtype=np.int64)


def digits() -> Split:
    """scikit-learn's 1,797 digits as 8 × 8 images of 8 bits; a fixed half is the test."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.round(data.images * (255 / 16)).astype(np.uint8)
    target = data.target.astype(np.int64)
    order = np.random.default_rng(SUBSET_SEED).permutation(len(target))
    inner, outer = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    records = read(images, modality="image")
    names = tuple(str(c) for c in range(10))
    return Split("digits 8×8", records.take(inner), target[inner], records.take(outer), target[outer], names)


def mnist() -> Split:
    """10,000 training and 5,000 test images of MNIST."""
    path = data_file("mnist/mnist.npz")
    with np.load(path, allow_pickle=False) as file:
        images = {part: file[f"{part}_x"] for part in ("train", "test")}
        truth = {part: file[f"{part}_y"].astype(np.int64) for part in ("train", "test")}
    pool, test = (read(images[part], modality="image") for part in ("train", "test"))
    return Split("MNIST", pool, truth["train"], test, truth["test"], tuple(str(c) for c in range(10)))


def trec() -> Split:
    """TREC questions, 6 coarse classes: 5,452 for the pool and the official 500 test questions."""
    records = read(data_file("text_trec/trec.csv.gz"), modality="text", text="text")
    return _by_column("TREC", records, "label_abbr")


def adult() -> Split:
    """Census income: 32,561 rows for the pool and 16,281 test rows."""
    records = read(data_file("adult/adult.csv.gz"), modality="table", exclude=("split", "label"))
    return _by_column("Adult", records, "label")


def data_file(name: str) -> Path:
    """A file below ``TACIT_DATA``; an `InputError` where the variable or the file is missing."""
    folder = os.environ.get("TACIT_DATA")
    if not folder:
        raise InputError(f"this claim needs {name}: set TACIT_DATA to the folder of real data sets.")
    path = Path(folder) / name
    if not path.is_file():
        raise InputError(f"there is no {name} in {folder} (TACIT_DATA).")
    return path


def _by_column(name: str, records: Records, target: str) -> Split:
    """Split by the column ``split``, classes sorted by name."""
    part, raw = records.column("split"), [str(v) for v in records.column(target)]
    classes = tuple(sorted(set(raw)))
    truth = np.array([classes.index(v) for v in raw], dtype=np.int64)
    inner, outer = _where(part, "train"), _where(part, "test")
    return Split(name, records.take(inner), truth[inner], records.take(outer), truth[outer], classes)


def _where(part: Sequence[object] | NDArray[np.object_], name: str) -> Numbers:
    return np.flatnonzero(np.array([v == name for v in part]))


def log_odds(prediction: Prediction) -> Floats:
    """(sites,) of the second of two classes."""
    assert isinstance(prediction, Categorical)
    log_p = prediction.log_p.double().cpu().numpy()
    return np.asarray(log_p[:, 1] - log_p[:, 0])


def some(available: int, wanted: int | None) -> Numbers:
    """(wanted,) positions, fixed and random, ascending; all where none are said."""
    if wanted is None or wanted >= available:
        return np.arange(available)
    return np.sort(np.random.default_rng(SUBSET_SEED).permutation(available)[:wanted])
