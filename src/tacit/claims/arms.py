"""The arms of a claim: a trained recipe, a linear head on features of its label-free stages, a plain baseline.

All arms of a seed share labels, initial weights and streams, as far as they have them in common, and label-free
stages that several arms agree on are trained once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from tacit.claims.figures import Outcome
from tacit.claims.sets import AnyDraw, Split
from tacit.compare.baselines import PENALTIES, feature_candidates, inner_choice
from tacit.compare.candidate import FitPlan, Predictor, StagePlan
from tacit.compare.model import modalities
from tacit.compare.protocol import told
from tacit.compare.recipe import Pretrained, Recipe, built
from tacit.compare.workbench import Workbench
from tacit.engines.features import fit_linear
from tacit.engines.method import Context, Method
from tacit.labels.base import Labels
from tacit.modalities.base import Prepared
from tacit.systems.base import System
from tacit.train.predict import embed, pool_batches, record_batches
from tacit.train.streams import derive
from tacit.train.watch import Watch

Options = Mapping[str, float | int | str | bool]
Change = Callable[[Prepared], Prepared]
Matrix = NDArray[np.float32]


class Desk:
    """The data of a claim with the modality fitted to its pool, and a workbench per set of views."""

    def __init__(
        self, split: Split, encoder: str, fabric: Fabric, watch: Watch, views: dict[str, float] | None = None
    ) -> None:
        """``views``: options of the modality's views."""
        self.split, self.fabric, self.watch = split, fabric, watch
        modality = modalities()[split.pool.modality]
        self.prepared: Prepared = modality().fit(split.pool, encoder, options=views)
        self._benches: dict[Change | None, Workbench] = {}

    def bench(self, change: Change | None = None) -> Workbench:
        """The workbench whose views ``change`` has changed."""
        if change not in self._benches:
            prepared = self.prepared if change is None else change(self.prepared)
            split = self.split
            self._benches[change] = Workbench(split.pool, prepared, split.task, self.fabric, self.watch)
        return self._benches[change]


class Trial:
    """One seed: the labels it drew, and the label-free stages trained so far."""

    def __init__(self, desk: Desk, labels: Labels, seed: int) -> None:
        self.desk, self.labels, self.seed = desk, labels, seed
        self._pretrained: dict[str, Pretrained] = {}

    def rng(self, purpose: str) -> np.random.Generator:
        """The same draws for all arms."""
        return np.random.default_rng(derive(self.seed, purpose))

    def pretrained(self, recipe: Recipe, plans: list[StagePlan]) -> Pretrained:
        """The label-free stages of ``recipe``, from an arm before where that one had the same."""
        free = len(recipe.label_free)
        builders = [f"{s.build.__module__}.{s.build.__qualname__}" for s in recipe.label_free]
        key = json.dumps([builders, [p.to_json() for p in plans[:free]], recipe.options], sort_keys=True)
        if key not in self._pretrained:
            plan = FitPlan(plans[:free], name=f"seed {self.seed}, {recipe.name}")
            self._pretrained[key] = recipe.prepare(recipe.bench.records, plan, self.rng("prepare"))
        return self._pretrained[key]

    def judge(self, predictor: Predictor) -> Outcome:
        """How well the test records are predicted, by the split's own figure."""
        split = self.desk.split
        return split.judge(split.scores(predictor(split.test)))


class Arm(Protocol):
    """One way to a predictor. ``trained`` says whether its steps have to equal those of the arm it is held against."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def steps(self) -> int: ...

    @property
    def trained(self) -> bool: ...

    def run(self, trial: Trial) -> Outcome:
        """Fit on the trial's labels and judge on the test records."""

    def describe(self, desk: Desk) -> dict[str, Any]:
        """All settings as JSON: results of other settings are not mixed with these."""


@dataclass(frozen=True)
class Trained:
    """A system with the committed settings; ``steps`` are shared out over its stages.

    ``views`` changes the fitted modality, so that a view, or the encoder, can be all in which two arms differ.
    ``measure`` reads the trained predictor, and the encoder of the label-free stages, for other figures. ``draw``:
    other labels than the claim's, drawn with the same seed.
    """

    name: str
    title: str
    system: System
    steps: int
    options: Options = field(default_factory=dict)
    views: Change | None = None
    measure: Callable[[Trial, Predictor, nn.Module | None], dict[str, float]] | None = None
    draw: AnyDraw | None = None

    @property
    def trained(self) -> bool:
        """Always."""
        return True

    def run(self, trial: Trial) -> Outcome:
        predictor = self.fitted(trial)
        found = trial.judge(predictor)
        if self.measure is None:
            return found
        shared = trial.pretrained(recipe := self._recipe(trial.desk), shared_out(recipe, self.steps))
        encoder = None if shared.weights is None else restored(recipe, shared).encoder()
        return Outcome(found.figures, found.measures | self.measure(trial, predictor, encoder))

    def fitted(self, trial: Trial) -> Predictor:
        """Trained on the trial's labels."""
        recipe = self._recipe(trial.desk)
        plans = shared_out(recipe, self.steps)
        shared = trial.pretrained(recipe, plans)
        plan = FitPlan(plans[len(recipe.label_free) :], name=f"seed {trial.seed}, {self.name}")
        labels = trial.labels if self.draw is None else self.draw(trial.desk.split, trial.rng("labels"))
        return recipe.fit(recipe.bench.records, told(recipe, labels), shared, plan, trial.rng("fit"))

    def describe(self, desk: Desk) -> dict[str, Any]:
        other = {} if self.draw is None else {"labels": str(self.draw)}
        return described(self._recipe(desk), self.steps) | other

    def _recipe(self, desk: Desk) -> Recipe:
        return Recipe(self.system, desk.bench(self.views), self.options)


@dataclass(frozen=True)
class Frozen:
    """Logistic regression on the frozen features of a system's label-free stages; 0 steps are random features.

    ``reads`` makes of the encoder what is read, ``measure`` reads the (test, D) features. The head's penalty is
    chosen as the baseline's on plain features is.
    """

    name: str
    title: str
    system: System
    steps: int
    options: Options = field(default_factory=dict)
    measure: Callable[[Matrix], dict[str, float]] | None = None
    reads: Callable[[Context, nn.Module], nn.Module] | None = None

    @property
    def trained(self) -> bool:
        """Random features take no step."""
        return self.steps > 0

    def run(self, trial: Trial) -> Outcome:
        recipe = Recipe(self.system, trial.desk.bench(), self.options)
        bench, split = recipe.bench, trial.desk.split
        encoder = restored(recipe, trial.pretrained(recipe, shared_out(recipe, self.steps))).encoder()
        if self.reads is not None:
            encoder = self.reads(recipe.context(0), encoder)
        features = embed(encoder, pool_batches(bench.pool), bench.prepared)
        penalty = inner_choice(
            PENALTIES, trial.labels, trial.rng("fit"), lambda p, part: fit_linear(features, part, p), features
        )
        head = fit_linear(features, trial.labels, penalty)
        seen = embed(encoder, record_batches(split.test, bench.prepared), bench.prepared)
        outcome = split.judge(head(seen).numpy().astype(np.float64))
        more = self.measure(seen) if self.measure is not None else {}
        return replace(outcome, measures={**outcome.measures, **more})

    def describe(self, desk: Desk) -> dict[str, Any]:
        reads = None if self.reads is None else self.reads.__qualname__
        return {"frozen": True, "reads": reads} | described(Recipe(self.system, desk.bench(), self.options), self.steps)


@dataclass(frozen=True)
class Plain:
    """A baseline on fixed features, by its name."""

    name: str
    title: str

    @property
    def steps(self) -> int:
        """None."""
        return 0

    @property
    def trained(self) -> bool:
        """Never by steps."""
        return False

    def run(self, trial: Trial) -> Outcome:
        bench = trial.desk.bench()
        candidate = next(c for c in feature_candidates(bench) if c.name == self.name)
        shared = candidate.prepare(bench.records, FitPlan(), trial.rng("prepare"))
        labels = told(candidate, trial.labels)
        return trial.judge(candidate.fit(bench.records, labels, shared, FitPlan(), trial.rng("fit")))

    def describe(self, desk: Desk) -> dict[str, Any]:
        return {"baseline": self.name}


def shared_out(recipe: Recipe, steps: int) -> list[StagePlan]:
    """The steps split over the stages by their shares, to ``steps`` in all; no stage stops early."""
    context = recipe.context(0)
    stages = recipe.system.stages
    edges = np.round(steps * np.cumsum([s.share for s in stages]) / sum(s.share for s in stages)).astype(int)
    counts = np.diff(edges, prepend=0)
    return [StagePlan(s.name, int(n), s.settings(context)) for s, n in zip(stages, counts, strict=True)]


def described(recipe: Recipe, steps: int) -> dict[str, Any]:
    """System, options, every stage's steps and settings, and the state of the modality, as JSON."""
    meta, _ = recipe.bench.prepared.state()
    views = {k: v for k, v in meta.items() if k in ("weak", "strong", "settings", "weights", "encoder")}
    stages = [plan.to_json() for plan in shared_out(recipe, steps)]
    return {"system": recipe.name, "options": recipe.options, "stages": stages, "modality": views}


def restored(recipe: Recipe, shared: Pretrained) -> Method:
    """The last label-free method with its trained weights."""
    method: Method | None = None
    for stage in recipe.label_free:
        method = built(stage, recipe.context(0), method, 0)
    if method is None or shared.weights is None:
        raise ValueError(f"{recipe.name} has no stage without labels")
    method.load_state_dict(shared.weights)
    return method.to(recipe.bench.fabric.device)
