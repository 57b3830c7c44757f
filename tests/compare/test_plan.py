"""Budgets, plans and how a budget is dealt out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.compare.candidate import StagePlan
from tacit.compare.plan import (
    BASELINE_WEIGHT,
    FEWEST_STEPS,
    FINAL_SHARE,
    FOLD_SHARE,
    Budget,
    CandidatePlan,
    Plan,
    allot,
    fold_times,
)
from tacit.compare.recipe import Recipe
from tacit.compare.speed import estimated, measured
from tacit.data.task import Classes
from tacit.engines.settings import Settings
from tacit.errors import InputError
from tacit.labels import Exact
from tacit.systems.base import systems

NAMES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "seconds", "steps"),
    [
        ("90s", 90, None),
        ("90", 90, None),
        (90, 90, None),
        (7.5, 7.5, None),
        ("2m", 120, None),
        ("1.5h", 5400, None),
        ("1h30m", 5400, None),
        ("1h 5m 10s", 3910, None),
        (" 2M ", 120, None),
        ("300steps", None, 300),
        ("1 step", None, 1),
    ],
)
def test_budgets_that_can_be_read(text: Any, seconds: float | None, steps: int | None) -> None:
    assert Budget.parse(text) == Budget(seconds, steps)


@pytest.mark.parametrize("text", ["", "  ", "two minutes", "2 x", "-5m", "5m2h", "1e3s", "m", "nan", "inf", "3.5steps"])
def test_budgets_that_cannot_be_read_name_the_forms(text: str) -> None:
    with pytest.raises(InputError, match=r"write 90s, 2m, 1h30m or 300steps|too short"):
        Budget.parse(text)


@pytest.mark.parametrize("text", ["4.9s", "0", 0, "0m", 1])
def test_a_budget_for_nothing_is_too_short(text: Any) -> None:
    with pytest.raises(InputError, match="too short for one candidate; give at least 5s"):
        Budget.parse(text)
    with pytest.raises(InputError, match="has no step"):
        Budget.parse("0steps")


@given(st.one_of(st.integers(5, 10**8).map(float), st.floats(5, 1e6).map(lambda x: round(x, 3))))
@settings(max_examples=80, deadline=None)
def test_a_budget_is_read_as_it_is_written(seconds: float) -> None:
    assert Budget.parse(str(Budget(seconds=seconds))) == Budget(seconds=seconds)


def test_time_that_was_spent_is_taken_off() -> None:
    assert Budget(seconds=60).without(20) == Budget(seconds=40)
    assert Budget(seconds=60).without(70) == Budget(seconds=0)
    assert Budget(steps=60).without(70) == Budget(steps=60)


def example() -> Plan:
    stage = StagePlan("train", 40, Settings(rate=0.123, schedule="constant"), 1.5)
    return Plan(
        seed=3,
        budget="40steps",
        metric="accuracy",
        folds=3,
        encoder="auto",
        candidates={
            "new": CandidatePlan([stage], [stage], [stage, stage], ""),
            "late": CandidatePlan(skipped="too slow"),
        },
        data="abc",
        options={"temperature": 0.5, "release": False},
        views={"flip": True},
        cuts=["new fold 1: train stopped after step 3 of 40"],
    )


def test_plans_survive_json(tmp_path: Path) -> None:
    plan = example()
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.to_json()), encoding="utf-8")
    assert Plan.read(path).to_json() == plan.to_json()
    assert Plan.read(path).candidates["new"] == plan.candidates["new"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        ("[]", "holds no plan, but a list"),
        ("{}", "no plan of tacit: KeyError\\('format'\\)"),
        (json.dumps({**example().to_json(), "format": 99}), "format 99"),
        (json.dumps({**example().to_json(), "seed": "many"}), "no plan of tacit"),
        (json.dumps({**example().to_json(), "candidates": []}), "no plan of tacit"),
        (json.dumps({**example().to_json(), "candidates": {"x": {}}}), "no plan of tacit"),
        (json.dumps(example().to_json()).replace('"rate"', '"pace"'), "no plan of tacit"),
    ],
)
def test_files_that_are_no_plan_are_told(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        Plan.read(path)
    with pytest.raises(InputError, match="no plan at"):
        Plan.read(tmp_path / "absent.json")


@pytest.fixture
def recipes(toy: Callable[[str], Any]) -> Callable[..., list[Recipe]]:
    return lambda *names: [Recipe(systems()[n], toy("table").bench(Classes(NAMES))) for n in names]


def planned(stages: Any) -> int:
    return sum(stage.steps for stage in stages)


@pytest.mark.parametrize("folds", [0, 3, 5])
@pytest.mark.parametrize("names", [("fixmatch",), ("supervised", "fixmatch", "simclr", "simclrv2")])
def test_steps_add_up_to_the_budget(recipes: Callable[..., list[Recipe]], names: tuple[str, ...], folds: int) -> None:
    """Steps times their seconds: folds and label-free stages use the share of folds, a final fit that of finals."""
    made = recipes(*names)
    speed = {r.name: [0.001 * (i + 1) for i, _ in enumerate(r.system.stages)] for r in made}
    seconds = 40.0
    plans = allot(made, Budget(seconds=seconds), folds, lambda recipe: speed[recipe.name])
    weights = {r.name: BASELINE_WEIGHT if r.baseline else 1.0 for r in made}
    for recipe in made:
        plan, times = plans[recipe.name], speed[recipe.name]
        free = len(recipe.label_free)

        def cost(stages: Any, each: list[float]) -> float:
            return sum(s.steps * t for s, t in zip(stages, each, strict=len(stages) > 0))

        capped = any(s.steps == s.settings.most_steps for s in [*plan.prepare, *plan.fold, *plan.final])
        in_folds = cost(plan.prepare, times[:free]) + folds * cost(plan.fold, times[free:])
        final = cost(plan.final, times[free:])
        if folds:
            share = seconds * FOLD_SHARE * weights[recipe.name] / sum(weights.values())
            pairs = [(in_folds, share), (final, seconds * FINAL_SHARE)]
        else:
            assert not plan.fold
            pairs = [(in_folds + final, seconds * (FOLD_SHARE + FINAL_SHARE))]
        for spent, allowed in pairs:
            assert spent <= allowed + 1e-9
            if not capped:
                assert spent == pytest.approx(allowed, rel=0.02)
        expected = [s.steps * t for s, t in zip(plan.final, times[free:], strict=True)]
        assert [s.seconds for s in plan.final] == pytest.approx(expected)
    assert FOLD_SHARE <= 0.6 and FOLD_SHARE + FINAL_SHARE < 1


def test_a_candidate_that_is_too_slow_is_skipped_and_says_so(recipes: Callable[..., list[Recipe]]) -> None:
    made = recipes("supervised", "fixmatch")
    plans = allot(made, Budget(seconds=10), 3, lambda r: [100.0] if r.name == "fixmatch" else [0.001])
    assert plans["fixmatch"].skipped == f"the budget leaves fewer than {FEWEST_STEPS} steps of 1e+02 s each"
    assert not plans["supervised"].skipped
    assert not plans["fixmatch"].final


def test_a_baseline_is_trained_wherever_a_system_could_be(recipes: Callable[..., list[Recipe]]) -> None:
    """Whatever the speeds: no system without the baselines, and no second of the folds given twice."""
    made = recipes("supervised", "supervised-augmented", "fixmatch")
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        speed = {r.name: [float(10 ** rng.uniform(-3, 0))] for r in made}
        seconds = float(10 ** rng.uniform(0.7, 2.5))
        plans = allot(made, Budget(seconds=seconds), 3, lambda r, speed=speed: speed[r.name])  # type: ignore[misc]
        trained = tuple(name for name, plan in plans.items() if not plan.skipped)
        outcomes.add(trained)
        if "fixmatch" in trained and speed["fixmatch"][0] >= max(s[0] for s in speed.values()):
            assert len(trained) == 3
        in_folds = sum(3 * planned(plans[name].fold) * speed[name][0] for name in trained)
        assert in_folds <= seconds * FOLD_SHARE + 1e-9
        assert all(planned(part) >= FEWEST_STEPS for n in trained for part in (plans[n].fold, plans[n].final))
    assert {(), ("supervised",), ("supervised", "supervised-augmented"), tuple(r.name for r in made)} <= outcomes


def test_systems_give_baselines_the_steps_they_lack(recipes: Callable[..., list[Recipe]]) -> None:
    made = recipes("supervised", "fixmatch")
    seconds = {"supervised": [0.1], "fixmatch": [0.1]}
    scarce = fold_times(made, 30.0, 3, seconds)
    assert scarce["supervised"] == pytest.approx(3 * FEWEST_STEPS * 0.1, rel=0.02)
    assert sum(scarce.values()) == pytest.approx(30.0)
    ample = fold_times(made, 600.0, 3, seconds)
    assert ample["supervised"] == pytest.approx(BASELINE_WEIGHT * ample["fixmatch"])
    too_little = fold_times(made, 6.0, 3, seconds)
    assert too_little["supervised"] == pytest.approx(BASELINE_WEIGHT * too_little["fixmatch"]), "nobody has so much"


def test_a_fast_baseline_gives_to_a_slow_one_like_the_systems(recipes: Callable[..., list[Recipe]]) -> None:
    """Of 14 s a baseline's share is 2 and the system's 10: the slow baseline lacks more than the system has."""
    least = 1.01 * 3 * FEWEST_STEPS
    seconds = {"supervised": [0.2 / least], "supervised-augmented": [12.9 / least], "fixmatch": [0.1]}
    times = fold_times(recipes(*seconds), 14.0, 3, seconds)
    assert times["supervised-augmented"] == pytest.approx(12.9)
    # 10.9 s are lacking and 1.8 + 10 s to spare
    assert times["supervised"] == pytest.approx(0.2 + 1.8 * (1 - 10.9 / 11.8))
    assert times["fixmatch"] == pytest.approx(10 * (1 - 10.9 / 11.8))
    alone = fold_times(recipes("supervised", "supervised-augmented"), 14.0, 3, seconds)
    assert alone == pytest.approx({"supervised": 1.1, "supervised-augmented": 12.9})


def test_the_time_of_what_is_skipped_goes_to_the_others(recipes: Callable[..., list[Recipe]]) -> None:
    speed = {"supervised": [0.05], "fixmatch": [0.05], "uda": [50.0]}
    budget = Budget(seconds=100)
    beside = allot(recipes("supervised", "fixmatch", "uda"), budget, 3, lambda r: speed[r.name])
    alone = allot(recipes("supervised", "fixmatch"), budget, 3, lambda r: speed[r.name])
    assert beside["uda"].skipped
    assert {n: p for n, p in beside.items() if n != "uda"} == alone


def test_a_budget_in_steps_is_that_of_the_final_fit(recipes: Callable[..., list[Recipe]]) -> None:
    plans = allot(recipes("fixmatch", "simclrv2"), Budget(steps=100), 3, lambda r: [])
    assert planned(plans["fixmatch"].final) == 100
    assert planned(plans["fixmatch"].fold) == 50
    assert planned(plans["simclrv2"].prepare) + planned(plans["simclrv2"].final) == 100
    assert not allot(recipes("fixmatch"), Budget(steps=100), 0, lambda r: [])["fixmatch"].fold


def test_settings_end_what_would_only_overfit(recipes: Callable[..., list[Recipe]]) -> None:
    plan = allot(recipes("supervised"), Budget(steps=10**7), 3, lambda r: [])["supervised"]
    assert plan.final[0].steps == plan.final[0].settings.most_steps < 10**5


def test_speed_is_told_for_every_stage_and_by_shapes_alone_is_exact(
    recipes: Callable[..., list[Recipe]], toy: Callable[[str], Any], global_randomness: None
) -> None:
    (recipe,) = recipes("simclrv2")
    labels = Exact(toy("table").some(9), NAMES)
    first, again = estimated(recipe, labels, 0), estimated(recipe, labels, 0)
    assert first == again
    assert len(first) == len(measured(recipe, labels, 0)) == 3
    assert all(0 < s < 5 for s in first)
    assert np.isfinite(first).all()
