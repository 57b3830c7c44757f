"""The comparison itself: every candidate on the same folds, then the verdict, then one final fit.

Each unit of work (a candidate's label-free stages, one of its folds, the final fit) is a function of (data, seed,
plan) and is written once it is done, so a run that was killed goes on where it stopped and ends the same.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save

from tacit.compare.candidate import Candidate, FitPlan, Predictor, Shared, StagePlan
from tacit.compare.folds import NEVER
from tacit.compare.judges import judge_for, without
from tacit.compare.plan import CandidatePlan, Plan
from tacit.compare.prior import reference_order
from tacit.compare.recipe import Pretrained, Recipe
from tacit.compare.scores import Metric, values_of
from tacit.compare.store import Held, Store, read_prediction, write_prediction
from tacit.compare.verdict import Entry, Verdict, Wording, entries, judge
from tacit.compare.workbench import Workbench
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Prediction
from tacit.errors import InputError, Interrupted, TacitError
from tacit.labels.base import Labels
from tacit.train.watch import Deadline

SLACK = 1.3
GRACE = 3.0
"""A fit may take its planned seconds times SLACK and GRACE seconds more before the clock cuts it."""

Curve = list[tuple[int, str, float]]


@dataclass
class Outcome:
    """What the comparison found. ``failures``: candidates that could not be compared, and why."""

    store: Store
    reference: str
    lines: list[Entry]
    verdict: Verdict
    failures: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    cuts: list[str] = field(default_factory=list)


class Comparison:
    """Runs a plan. ``folder`` keeps finished units for a resume; ``clock``: cut fits that run late."""

    def __init__(
        self,
        bench: Workbench,
        labels: Labels,
        candidates: Sequence[Candidate],
        plan: Plan,
        folder: Path | None = None,
        groups: NDArray[np.object_] | None = None,
        clock: bool = False,
    ) -> None:
        self.bench, self.labels, self.plan, self.folder = bench, labels, plan, folder
        # those that are not trained in steps come first: what they take is then known before steps are planned
        self.candidates = {c.name: c for c in sorted(candidates, key=lambda c: isinstance(c, Recipe))}
        self.judge = judge_for(labels, plan.metric)
        self.metric: Metric = self.judge.metric
        self.groups = bench.groups = groups
        self.clock = clock
        self.known = self.judge.known
        rng = np.random.default_rng([plan.seed, zlib.crc32(b"folds")])
        self.fold_of = self.judge.folds(plan.folds, rng, groups)
        self.store = Store(bench.task, plan.seed)
        self.failures: dict[str, str] = {}
        self._kept: dict[int, Labels] = {}
        self._shared: dict[str, Shared] = {}
        self._outcome_seconds: dict[str, float] = {}
        self._curves: dict[str, Curve] = {}
        self._cuts: list[str] = []

    @property
    def recipes(self) -> list[Recipe]:
        """The candidates that are trained in steps."""
        return [c for c in self.candidates.values() if isinstance(c, Recipe)]

    @property
    def held_out(self) -> int:
        """How many records, or observations of weaker evidence, some fold holds out."""
        return self.judge.count(self.fold_of)

    def compare(self, name: str) -> None:
        """All folds of one candidate, unless that is done already. One that fails is noted, and the rest goes on."""
        if name in self.store.candidates or name in self.failures:
            return
        if skipped := self._of(name).skipped:
            self.failures[name] = skipped
        if skipped or self.held_out == 0:
            return
        candidate = self.candidates[name]
        try:
            parts = [(fold, self._fold(candidate, fold)) for fold in self._fold_numbers()]
        except Interrupted:
            raise
        except (TacitError, ValueError, RuntimeError) as error:
            self.failures[name] = str(error)
            self.bench.watch.say(f"{name} failed: {error}")
            return
        for fold, prediction in parts:
            self.store.add(name, self.known[self.fold_of == fold], fold, prediction)
        self._tell(name)

    def run(self) -> Outcome:
        """All folds of all candidates, and the verdict. Raises `TacitError` where no baseline survives."""
        for name in self.candidates:
            self.compare(name)
        return self._judged()

    def final(self, name: str) -> Predictor:
        """The candidate refit on all labels."""
        candidate = self.candidates[name]
        plan = self._fit_plan(name, "final", self._of(name).final)
        begun = time.monotonic()
        rng = self._rng(name, "final")
        predictor = candidate.fit(
            self.bench.records, told(candidate, self.labels), self._prepared(candidate), plan, rng
        )
        self._note(name, plan, time.monotonic() - begun, keep_curve=True)
        return predictor

    def _fold_numbers(self) -> list[int]:
        return sorted(int(f) for f in np.unique(self.fold_of) if f != NEVER)

    def _of(self, name: str) -> CandidatePlan:
        return self.plan.candidates.get(name, CandidatePlan())

    def _rng(self, name: str, unit: str) -> np.random.Generator:
        return np.random.default_rng([self.plan.seed, zlib.crc32(name.encode()), zlib.crc32(unit.encode())])

    def _fit_plan(self, name: str, unit: str, stages: Sequence[StagePlan]) -> FitPlan:
        folder = None if self.folder is None else self.folder / "checkpoints" / f"{name}-{unit}"
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        expected = sum(stage.seconds for stage in stages)
        deadline = Deadline(expected * SLACK + GRACE) if self.clock and expected > 0 else None
        return FitPlan(stages, folder, deadline, f"{name} {unit}")

    def _fold(self, candidate: Candidate, fold: int) -> Prediction:
        path = None if self.folder is None else self.folder / "units" / f"{candidate.name}-{fold}.safetensors"
        shared = self._prepared(candidate)
        if path is not None and path.exists():
            prediction, meta = read_prediction(path)
            self._note_again(candidate.name, meta)
            return prediction
        if self.bench.watch.interrupted:
            raise Interrupted(f"interrupted before {candidate.name}, fold {fold}")
        held = self.known[self.fold_of == fold]
        plan = self._fit_plan(candidate.name, f"fold {fold}", self._of(candidate.name).fold)
        begun = time.monotonic()
        rng = self._rng(candidate.name, f"fold {fold}")
        left = told(candidate, self._left(fold))
        predictor = candidate.fit(self.bench.records, left, shared, plan, rng)
        prediction = predictor(self.bench.records.take(held))
        if np.isnan(values_of(prediction)).any():
            raise TacitError("its predictions are not numbers (NaN)")
        seconds = time.monotonic() - begun
        self._note(candidate.name, plan, seconds)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_prediction(path, prediction, {"seconds": seconds, "curve": plan.curve, "cuts": plan.cuts})
        return prediction

    def _left(self, fold: int) -> Labels:
        """The labels that a fold does not hold out: one object, by which what is estimated of them is found again."""
        if fold not in self._kept:
            self._kept[fold] = without(self.labels, self.known[self.fold_of == fold])
        return self._kept[fold]

    def _prepared(self, candidate: Candidate) -> Shared:
        if candidate.name not in self._shared:
            self._shared[candidate.name] = self._prepare(candidate)
        return self._shared[candidate.name]

    def _prepare(self, candidate: Candidate) -> Shared:
        stages = self._of(candidate.name).prepare
        path = None if self.folder is None else self.folder / "units" / f"{candidate.name}-shared.safetensors"
        if path is not None and path.exists():
            with safe_open(path, framework="pt") as file:
                self._note_again(candidate.name, json.loads(file.metadata()["meta"]), keep_curve=True)
            return Pretrained(load_file(path))
        plan = self._fit_plan(candidate.name, "label-free", stages)
        begun = time.monotonic()
        shared = candidate.prepare(self.bench.records, plan, self._rng(candidate.name, "label-free"))
        seconds = time.monotonic() - begun
        self._note(candidate.name, plan, seconds, keep_curve=True)
        if path is not None and isinstance(shared, Pretrained) and shared.weights is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            meta = json.dumps({"seconds": seconds, "curve": plan.curve, "cuts": plan.cuts})
            atomic_write(path, save({k: v.contiguous() for k, v in shared.weights.items()}, metadata={"meta": meta}))
        return shared

    def _note(self, name: str, plan: FitPlan, seconds: float, keep_curve: bool = False) -> None:
        self._add_seconds(name, seconds)
        self._cuts += plan.cuts
        if plan.curve and (keep_curve or name not in self._curves):
            kept = self._curves.get(name, []) if keep_curve else []
            self._curves[name] = kept + plan.curve

    def _note_again(self, name: str, meta: dict[str, Any], keep_curve: bool = False) -> None:
        """What was noted when the unit was done, before the run was resumed."""
        curve = [(int(step), str(term), float(value)) for step, term, value in meta["curve"]]
        self._note(name, FitPlan(curve=curve, cuts=list(meta["cuts"])), float(meta["seconds"]), keep_curve)

    def _add_seconds(self, name: str, seconds: float) -> None:
        self._outcome_seconds[name] = self._outcome_seconds.get(name, 0.0) + seconds

    def _tell(self, name: str) -> None:
        score = self.metric.score(*self.judge.values(self.store.held(name)))
        self.bench.watch.compared(name, score, self.metric.name, self._outcome_seconds.get(name, 0.0))

    def _judged(self) -> Outcome:
        store, failures = self.store, self.failures
        usable = [n for n in self.candidates if n not in failures]
        baselines = {n for n in usable if self.candidates[n].baseline}
        if not baselines:
            reasons = "; ".join(f"{n}: {why}" for n, why in failures.items())
            raise InputError(f"no baseline could be fitted, so there is nothing to compare with ({reasons})")
        modality = self.bench.prepared.name
        priors = {n: self.judge.prior(self.candidates[n].family, modality) for n in usable if n not in baselines}
        unsaved = {n for n in usable if self.folder is not None and not self.candidates[n].saves}
        if self.held_out == 0:
            order = reference_order(modality, self.bench.prepared.weights.pretrained)
            reference = min(baselines, key=lambda n: order.index(n) if n in order else len(order))
            lines = [Entry.unmeasured(n, n in baselines, priors.get(n)) for n in usable]
            expected = priors if self.judge.experienced else {}
            verdict = judge(lines, reference, self.metric, 0, expected, unsaved)
        else:
            both = {n: self.judge.values(store.held(n)) for n in usable}
            truth, values = both[usable[0]][0], {n: v for n, (_, v) in both.items()}
            rng = np.random.default_rng([self.plan.seed, zlib.crc32(b"bootstrap")])
            groups = self._together(store.held(usable[0]))
            reference, lines = entries(values, truth, self.metric, baselines, priors, rng, groups)
            verdict = judge(lines, reference, self.metric, self.held_out, priors, unsaved, self._wording)
        return Outcome(store, reference, lines, verdict, failures, self._outcome_seconds, self._curves, self._cuts)

    @property
    def _wording(self) -> Wording:
        plain = self.labels.exact() is self.labels
        subject = "The unlabelled data" if plain else "Using the evidence as it is"
        return Wording(subject, self.judge.noun, self.judge.basis, self.judge.limits)

    def _together(self, held: Sequence[Held]) -> NDArray[np.int64] | None:
        """What the bootstrap draws as one: groups, or records of several sites; None where each is by itself."""
        owner = self.judge.owner(held)
        if self.groups is not None:
            return np.unique(self.groups[owner].astype(str), return_inverse=True)[1].astype(np.int64)
        return owner if self.bench.task.sites_per_record > 1 else None


def told(candidate: Candidate, labels: Labels) -> Labels:
    """What a candidate is trained on: the evidence as it is, or what is naively made of it."""
    return labels.naive() if candidate.naive else labels
