"""The plan: steps of every stage, fold and candidate, made once from a budget, then followed whatever the clock says.

A run's results are a function of (data, seed, plan).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tacit.compare.budget import Budget
from tacit.compare.candidate import StagePlan
from tacit.compare.recipe import Recipe
from tacit.engines.settings import Settings
from tacit.errors import InputError
from tacit.systems.base import Stage

FOLD_SHARE = 0.5
FINAL_SHARE = 0.38
BASELINE_WEIGHT = 0.2
FEWEST_STEPS = 20
PAGE_SECONDS = 4.0
"""What the map and the page of a run take on one ordinary core, whatever was deployed."""

SecondsPerStep = Callable[[Recipe], list[float]]


@dataclass(frozen=True)
class CandidatePlan:
    """Stages of a candidate: without labels once, then in each fold, then for the final fit."""

    prepare: Sequence[StagePlan] = ()
    fold: Sequence[StagePlan] = ()
    final: Sequence[StagePlan] = ()
    skipped: str = ""

    def to_json(self) -> dict[str, Any]:
        parts = {"prepare": self.prepare, "fold": self.fold, "final": self.final}
        return {name: [s.to_json() for s in stages] for name, stages in parts.items()} | {"skipped": self.skipped}

    @staticmethod
    def from_json(state: dict[str, Any]) -> CandidatePlan:
        """The inverse of `to_json`."""
        parts = {k: [StagePlan.from_json(s) for s in state[k]] for k in ("prepare", "fold", "final")}
        return CandidatePlan(**parts, skipped=state.get("skipped", ""))


@dataclass
class Plan:
    """All that decides a run's results beside data and seed. ``cuts`` logs where a clock ended a stage early."""

    seed: int
    budget: str
    metric: str
    folds: int
    encoder: str
    candidates: dict[str, CandidatePlan]
    data: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    views: dict[str, Any] = field(default_factory=dict)
    cuts: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        names = ("seed", "budget", "metric", "folds", "encoder", "data", "options", "views", "cuts")
        state = {name: getattr(self, name) for name in names}
        return {"format": 1} | state | {"candidates": {n: c.to_json() for n, c in self.candidates.items()}}

    @staticmethod
    def from_json(state: Mapping[str, Any]) -> Plan:
        """The inverse of `to_json`; a file that is no plan is an `InputError`."""
        try:
            if state["format"] != 1:
                raise InputError(f"the plan has format {state['format']!r}; this version of tacit reads format 1")
            candidates = {n: CandidatePlan.from_json(c) for n, c in state["candidates"].items()}
            return Plan(
                seed=int(state["seed"]),
                budget=str(state["budget"]),
                metric=str(state["metric"]),
                folds=int(state["folds"]),
                encoder=str(state["encoder"]),
                data=str(state.get("data", "")),
                options=dict(state.get("options", {})),
                views=dict(state.get("views", {})),
                cuts=list(state.get("cuts", [])),
                candidates=candidates,
            )
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is no plan of tacit: {error!r} is missing or malformed") from error

    @staticmethod
    def read(path: Path) -> Plan:
        """A plan from a JSON file."""
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"no plan at {path}") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is no JSON: {error}") from None
        if not isinstance(state, dict):
            raise InputError(f"{path} holds no plan, but a {type(state).__name__}")
        return Plan.from_json(state)


def allot(
    recipes: Sequence[Recipe], budget: Budget, folds: int, seconds_per_step: SecondsPerStep
) -> dict[str, CandidatePlan]:
    """Steps for every stage, fold and trained candidate.

    Folds get ``FOLD_SHARE`` of a budget in seconds, split over candidates by `fold_times`; the final fit gets
    ``FINAL_SHARE``; the rest is for what no step counts: networks are built, held-out records predicted. Without folds
    the final fit gets both. A candidate left with fewer than ``FEWEST_STEPS`` is skipped and says so, and its time goes
    to the others; systems are skipped before baselines, slower ones before faster ones.
    """
    if budget.steps is not None:
        return {r.name: _by_steps(r, budget.steps, folds) for r in recipes}
    assert budget.seconds is not None
    for_folds = budget.seconds * FOLD_SHARE if folds else 0.0
    final_time = budget.seconds * (FINAL_SHARE if folds else FOLD_SHARE + FINAL_SHARE)
    seconds = {r.name: seconds_per_step(r) for r in recipes}
    plans: dict[str, CandidatePlan] = {}
    left = list(recipes)
    while left:
        fold_time = fold_times(left, for_folds, folds, seconds)
        plans |= {r.name: _by_seconds(r, fold_time[r.name], final_time, folds, seconds[r.name]) for r in left}
        skipped = [r for r in left if plans[r.name].skipped]
        if not skipped:
            break
        left.remove(max(skipped, key=lambda r: (not r.baseline, sum(seconds[r.name]))))
    return plans


def fold_times(
    recipes: Sequence[Recipe], total: float, folds: int, seconds: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """``total`` seconds split over candidates, baselines at ``BASELINE_WEIGHT`` of a system.

    A baseline gets at least what ``FEWEST_STEPS`` in every fold need, where the others have so much to give: systems
    all that they have, baselines what they have beyond that themselves, all in proportion. A system is worth nothing
    without baselines to be compared with.
    """
    weights = {r.name: BASELINE_WEIGHT if r.baseline else 1.0 for r in recipes}
    times = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    least = {r.name: 1.01 * folds * FEWEST_STEPS * sum(seconds[r.name]) if r.baseline else 0.0 for r in recipes}
    lacking = sum(max(least[name] - time, 0.0) for name, time in times.items())
    spare = sum(max(time - least[name], 0.0) for name, time in times.items())
    if lacking < spare:
        kept = 1 - lacking / spare
        times = {name: least[name] + kept * max(time - least[name], 0.0) for name, time in times.items()}
    return times


def stage_plans(
    recipe: Recipe, steps: Sequence[int], stages: Sequence[Stage], seconds: Sequence[float] | None = None
) -> list[StagePlan]:
    """Settings of each stage with its steps, no more than the settings allow, and the time they should take."""
    context = recipe.context(0)
    result = []
    for stage, count, each in zip(stages, steps, seconds or [0.0] * len(stages), strict=True):
        settings: Settings = stage.settings(context)
        allowed = min(max(count, 1), settings.most_steps)
        result.append(StagePlan(stage.name, allowed, settings, allowed * each))
    return result


def _by_steps(recipe: Recipe, steps: int, folds: int) -> CandidatePlan:
    free = len(recipe.label_free)
    counts = [max(1, round(steps * stage.share)) for stage in recipe.system.stages]
    final = stage_plans(recipe, counts[free:], recipe.system.stages[free:])
    half = [max(1, count // 2) for count in counts[free:]]
    fold = stage_plans(recipe, half, recipe.system.stages[free:]) if folds else []
    return CandidatePlan(stage_plans(recipe, counts[:free], recipe.label_free), fold, final)


def _by_seconds(
    recipe: Recipe, fold_time: float, final_time: float, folds: int, seconds: Sequence[float]
) -> CandidatePlan:
    stages, free = recipe.system.stages, len(recipe.label_free)
    shares = [stage.share for stage in stages]
    free_share, rest = sum(shares[:free]), max(sum(shares[free:]), 1e-9)
    # the label-free stages run once, so their time is taken from folds and final fit together
    prepare_time = free_share * (fold_time if folds else final_time)
    fold_left = (fold_time - prepare_time) / folds if folds else 0.0
    final_left = final_time if folds else final_time - prepare_time

    def steps(time: float, which: range, total: float) -> list[int]:
        return [int(time * shares[i] / total / seconds[i]) for i in which]

    labelled = range(free, len(stages))
    prepare = steps(prepare_time, range(free), max(free_share, 1e-9))
    fold = steps(fold_left, labelled, rest) if folds else []
    final = steps(final_left, labelled, rest)
    if min([*prepare, *fold, *final]) < FEWEST_STEPS:
        slowest = max(seconds)
        return CandidatePlan(skipped=f"the budget leaves fewer than {FEWEST_STEPS} steps of {slowest:.2g} s each")
    return CandidatePlan(
        stage_plans(recipe, prepare, recipe.label_free, seconds[:free]),
        stage_plans(recipe, fold, stages[free:], seconds[free:]) if folds else [],
        stage_plans(recipe, final, stages[free:], seconds[free:]),
    )
