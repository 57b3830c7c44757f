"""The speed probe on a clock of its own: what is done once is no part of a step, and slow steps are probed less."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tacit.compare import speed
from tacit.compare.recipe import Recipe
from tacit.compare.speed import PROBE_RECORDS, PROBE_SECONDS, PROBE_STEPS, measured, prediction
from tacit.data.task import Classes
from tacit.labels import Exact
from tacit.systems.base import systems

NAMES = ("a", "b", "c")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that work moves forward: ``seconds``."""
    hand = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: hand.seconds))
    return hand


@pytest.fixture
def recipe(toy: Callable[[str], Any]) -> Recipe:
    return Recipe(systems()["supervised"], toy("table").bench(Classes(NAMES)))


@pytest.mark.parametrize(("once", "step"), [(0.01, 0.002), (0.3, 0.05), (0.2, 2.0), (0.0, 30.0)])
def test_a_step_is_what_more_steps_add(
    monkeypatch: pytest.MonkeyPatch,
    toy: Callable[[str], Any],
    clock: SimpleNamespace,
    recipe: Recipe,
    once: float,
    step: float,
) -> None:
    done = []

    def train(method: Any, work: Any, *rest: Any) -> None:
        clock.seconds += once + work.steps * step
        done.append(work.steps)

    monkeypatch.setattr(speed, "train", train)
    assert measured(recipe, Exact(toy("table").some(9), NAMES), 0) == pytest.approx([step])
    assert len(done) == 3
    assert 2 <= done[-1] <= 1 + PROBE_STEPS
    assert (done[-1] - 2) * step <= PROBE_SECONDS, "beyond one more step, slow ones are not waited for"


def test_predicting_is_timed_by_the_record(
    monkeypatch: pytest.MonkeyPatch, toy: Callable[[str], Any], clock: SimpleNamespace, recipe: Recipe
) -> None:
    seen = []

    def predict(module: Any, batches: Any, *rest: Any) -> None:
        seen.append(sum(len(batch) for batch in batches))
        clock.seconds += 0.5 * seen[-1]

    monkeypatch.setattr(speed, "predict", predict)
    assert prediction(recipe) == pytest.approx(0.5)
    assert seen == [min(PROBE_RECORDS, len(toy("table").records))]
