"""What candidates are judged by: labels that say the truth, or where there are too few, evidence that was held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.compare.folds import NEVER, make_folds
from tacit.compare.prior import Expectation, expectation
from tacit.compare.scores import EVIDENCE, Floats, Metric, metric_for, values_of
from tacit.compare.store import Held, in_order
from tacit.data.prediction import Prediction
from tacit.labels.base import EvidenceModel, Labels
from tacit.labels.exact import Exact
from tacit.labels.overview import ENOUGH
from tacit.labels.parts import Parts
from tacit.labels.values import Values
from tacit.train.predict import of_all

FLOOR = -20.0
"""The least log-likelihood in nats that a held-out observation counts with, for each site that it speaks of."""

Ints = NDArray[np.int64]


class Judge(ABC):
    """Which records are held out, in which fold, and what their predictions are worth."""

    noun: ClassVar[str]
    """What is held out, for people."""
    alone: ClassVar[str]
    """Why nothing could be held out, for people."""
    basis: ClassVar[str]
    """What else an expected gain rests on, for people; empty where on nothing."""
    limits: str = ""
    """What a difference that was judged so does not say, for people; empty where it goes without saying."""

    def __init__(self, labels: Labels, metric: Metric) -> None:
        self.labels, self.metric = labels, metric
        self.known = self._judging().labelled()

    @abstractmethod
    def _judging(self) -> Labels:
        """The evidence that is judged by."""

    @abstractmethod
    def folds(self, k: int, rng: np.random.Generator, groups: NDArray[np.object_] | None) -> Ints:
        """(known,) the fold of each record that is judged by, or ``NEVER``; fewer than 2 hold nothing out."""

    @abstractmethod
    def values(self, held: Sequence[Held]) -> tuple[Floats, Floats]:
        """Truth and predicted values as the metric reads them, and in this order for every candidate."""

    @abstractmethod
    def owner(self, held: Sequence[Held]) -> Ints:
        """The record of each of ``values``, or the first of several."""

    @property
    @abstractmethod
    def remark(self) -> str:
        """What people have to know of how it was judged; empty where it goes without saying."""

    @abstractmethod
    def prior(self, family: str, modality: str) -> Expectation:
        """What is expected of a method family before it is judged."""

    @property
    @abstractmethod
    def experienced(self) -> bool:
        """Whether other data say anything of what to expect, so that it may choose where nothing is held out."""

    def count(self, fold: Ints) -> int:
        """How many of ``noun`` the folds (known,) hold out."""
        return int((fold != NEVER).sum())


class TruthJudge(Judge):
    """By labels that say the truth: the metric on records whose label was hidden, with all evidence about them."""

    noun = "records"
    alone = "no class has two labels, so none can be held out to judge by"
    basis = "with what its kind gained on other data, "

    def _judging(self) -> Exact | Values:
        found = self.labels.exact()
        assert isinstance(found, Exact | Values)
        return found

    def folds(self, k: int, rng: np.random.Generator, groups: NDArray[np.object_] | None) -> Ints:
        if k < 2:
            return np.full(len(self.known), NEVER, dtype=np.int64)
        truth = self._judging()
        groups = None if groups is None else groups[self.known]
        if isinstance(truth, Values):
            return make_folds(truth.v[self.known], k, rng, groups, numeric=True)
        y = truth.y[self.known]
        strata = y if y.ndim == 1 else np.zeros(len(y))
        return make_folds(strata.astype(np.float64), k, rng, groups, numeric=y.ndim == 2)

    def values(self, held: Sequence[Held]) -> tuple[Floats, Floats]:
        index, prediction = in_order(held, self.labels.task.sites_per_record)
        return judged(self._judging().take(index), prediction)

    def owner(self, held: Sequence[Held]) -> Ints:
        each = self.labels.task.sites_per_record
        index = np.sort(np.concatenate([records for records, _, _ in held]))
        return index[self._judging().take(index).units().sites // each]

    @property
    def remark(self) -> str:
        if self.labels.exact() is self.labels:
            return ""
        return (
            f"Candidates are compared by the {len(self.known):,} exact labels; what else is known of a record is "
            f"hidden with its label. Baselines take evidence naively: {self.labels.naively}."
        )

    @property
    def experienced(self) -> bool:
        return True

    def prior(self, family: str, modality: str) -> Expectation:
        truth = self._judging()
        classes = truth.task.outputs if isinstance(truth, Exact) else 10
        return expectation(family, modality, len(self.known) / max(classes, 1))


class EvidenceJudge(Judge):
    """By evidence that was held out: how probable a candidate makes it, in nats an observation.

    What estimated evidence has learned (a confusion, a class prior) is fitted for each fold to the predictions in the
    others, so that a candidate is judged with the parameters that suit it, and never by what it was fitted to.
    """

    noun = "observations"
    alone = "all evidence hangs together, so none can be held out to judge by; add some exact labels"
    basis = ""

    def __init__(self, labels: Labels) -> None:
        super().__init__(labels.scored() if isinstance(labels, Parts) else labels, EVIDENCE)
        self._blind = f" What it cannot see: {self.labels.caveat}." if self.labels.caveat else ""
        self.limits = (
            "An observation is all that is known of one record, or of records that are tied together; it was hidden "
            "from the model that is judged by it. Too few labels are exact to say how often predictions are right."
            f"{self._blind}"
        )

    def _judging(self) -> Labels:
        return self.labels

    def folds(self, k: int, rng: np.random.Generator, groups: NDArray[np.object_] | None) -> Ints:
        if k < 2:
            return np.full(len(self.known), NEVER, dtype=np.int64)
        together = self._together()[self.known] if groups is None else groups[self.known]
        _, first, member = np.unique(together.astype(str), return_index=True, return_inverse=True)
        home = make_folds(naive_strata(self.labels, self.known[first]), k, rng)
        return home[member]

    def _together(self) -> Ints:
        """(n,) a number for each record; those of one component share it, unless it ties most of them together."""
        units = self.labels.units()
        each = self.labels.task.sites_per_record
        owner = np.repeat(self.labels.components(), np.diff(units.offsets))
        number = np.arange(len(self.labels))
        records = units.sites // each
        if len(owner) == 0 or np.bincount(owner).max() > len(records) / 2:
            return number
        first = np.full(int(owner.max()) + 1, len(self.labels))
        np.minimum.at(first, owner, records)
        number[records] = first[owner]
        return number

    def values(self, held: Sequence[Held]) -> tuple[Floats, Floats]:
        parts = []
        for index, fold, prediction in held:
            evidence = self._model(fold, held).take(index)
            sites = np.diff(evidence.labels.units().offsets)
            with torch.no_grad():
                found = evidence.log_likelihood(prediction).double().cpu().numpy()
            parts.append(np.maximum(found, FLOOR * sites))
        scores = np.concatenate(parts)
        return np.zeros(len(scores)), scores

    def _model(self, fold: int, held: Sequence[Held]) -> EvidenceModel:
        """The evidence with what the other folds' predictions teach of it."""
        model = self.labels.model()
        if not model.refits:
            return model
        away = np.concatenate([index for index, number, _ in held if number == fold])
        seen = without(self.labels, away).model()
        index, prediction = in_order([h for h in held if h[1] != fold], self.labels.task.sites_per_record)
        seen.fit(of_all(prediction, index, len(self.labels), self.labels.task))
        return seen.on(self.labels)

    def owner(self, held: Sequence[Held]) -> Ints:
        each = self.labels.task.sites_per_record
        found = []
        for index, _, _ in held:
            units = self.labels.take(index).units()
            found.append(index[units.sites[units.offsets[:-1]] // each])
        return np.concatenate(found)

    @property
    def remark(self) -> str:
        return (
            "There are not enough exact labels to judge by, so candidates are compared by how probable they make "
            f"evidence that was held out.{self._blind} Baselines take evidence naively: {self.labels.naively}."
        )

    @property
    def experienced(self) -> bool:
        return False

    def prior(self, family: str, modality: str) -> Expectation:
        """Nothing is known of gains in nats, so nothing is expected."""
        return Expectation(0.0, 1.0)

    def count(self, fold: Ints) -> int:
        return sum(len(self.labels.take(self.known[fold == f]).units()) for f in np.unique(fold) if f != NEVER)


def judge_for(labels: Labels, metric: str | None) -> Judge:
    """By the truth where ``labels`` say it often enough, or say nothing else; by held-out evidence otherwise."""
    truth = labels.exact()
    if truth is labels or (truth is not None and len(truth.labelled()) >= ENOUGH):
        return TruthJudge(labels, metric_for(labels.task, metric))
    return EvidenceJudge(labels)


def folds_for(judge: Judge, seconds: float | None) -> int:
    """How many folds: 3 for a short budget, 5 for one of ten minutes and more; 0 where no class has two labels."""
    truth = judge.labels.exact()
    alone = truth is judge.labels and isinstance(truth, Exact) and truth.y.ndim == 1
    if alone and isinstance(truth, Exact) and truth.counts().max(initial=0) < 2:
        return 0
    most = int(min(5, len(judge.known)))
    wanted = 5 if seconds is not None and seconds >= 600 else 3
    return min(wanted, most) if most >= 2 else 0


def without(labels: Labels, records: Ints) -> Labels:
    """The labels with every unit hidden that speaks of one of these records."""
    units = labels.units()
    owner = np.repeat(np.arange(len(units)), np.diff(units.offsets))
    touched = np.isin(units.sites // labels.task.sites_per_record, records)
    return labels.hide(np.unique(owner[touched]))


def naive_strata(labels: Labels, records: Ints) -> Floats:
    """(records,) what each of these is naively taken for, where that is one class each; else 0."""
    naive = labels.naive()
    if isinstance(naive, Exact) and naive.y.ndim == 1:
        return naive.y[records].astype(np.float64)
    return np.zeros(len(records))


def truth_of(labels: Labels) -> Floats:
    """(sites,) the exact truth that labels hold, for metrics."""
    if isinstance(labels, Values):
        return labels.v
    if isinstance(labels, Exact):
        return labels.y.reshape(-1).astype(np.float64)
    raise TypeError(f"{type(labels).__name__} holds no exact truth to score against")


def judged(labels: Labels, prediction: Prediction) -> tuple[Floats, Floats]:
    """Truth and predicted values at the sites whose truth ``labels`` hold, in their order, for metrics."""
    sites = labels.units().sites
    return truth_of(labels)[sites], values_of(prediction)[sites]
