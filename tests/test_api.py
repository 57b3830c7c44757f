"""What a budget in seconds leaves for training once everything else is paid for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tacit
from tacit import api
from tacit.compare.plan import FINAL_SHARE, PAGE_SECONDS, Plan
from tacit.errors import Interrupted
from tacit.train.watch import Watch

NAMES = ("a", "b", "c")
BUDGET, RECORDS, EACH = 60.0, 36, 0.05


class Stop(Watch):
    """Asks for a stop at the first step of training."""

    def begin(self, what: str, steps: int) -> None:
        self.interrupted = True


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch, fresh: Any, tmp_path: Path) -> Any:
    """``planned(takes, **settings)``: the plan of a run in which a method of the user's own takes so many seconds."""
    hand = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(api, "time", SimpleNamespace(monotonic=lambda: hand.seconds))
    monkeypatch.setattr(api, "measured", lambda recipe, labels, seed: [0.01 for _ in recipe.system.stages])
    monkeypatch.setattr(api, "prediction", lambda recipe: EACH)

    def make(takes: float, **settings: Any) -> Plan:
        def own(records: Any, labels: Any, rng: Any) -> Any:
            hand.seconds += takes / 3  # in each of three folds
            return lambda new: np.ones((len(new), 3))

        rows, y = fresh("table", RECORDS)
        labels = [NAMES[c] if i < 18 else None for i, c in enumerate(y)]
        out = tmp_path / f"{takes}-{'-'.join(settings)}"
        with suppress(Interrupted):
            tacit.fit(
                rows,
                labels,
                methods=[own, "fixmatch"],
                budget=BUDGET,
                device="cpu",
                out=out,
                watch=Stop(),
                **settings,
            )
        return Plan.read((out if out.exists() else out.with_name(f"{out.name}.partial")) / "plan.json")

    return make


@pytest.mark.parametrize("takes", [0.0, 24.0])
def test_networks_get_what_heads_and_the_page_leave(planned: Any, fresh: Any, takes: float) -> None:
    left = BUDGET - takes - PAGE_SECONDS - 2 * RECORDS * EACH  # all records are predicted, and drawn on the map
    (final,) = planned(takes).candidates["fixmatch"].final
    assert final.seconds == pytest.approx(FINAL_SHARE * left, abs=0.02)
    rows, y = fresh("table", 7, 1)
    tested = planned(takes, test=rows, test_labels=[NAMES[c] for c in y])
    (final,) = tested.candidates["fixmatch"].final
    assert final.seconds == pytest.approx(FINAL_SHARE * (left - 7 * EACH), abs=0.02)


def test_without_a_clock_nothing_that_was_measured_counts(planned: Any) -> None:
    slow, quick = planned(24.0, clock=False), planned(0.0, clock=False)
    assert slow.to_json() == quick.to_json()


def test_where_nothing_is_left_no_network_is_trained(planned: Any) -> None:
    candidates = planned(90.0).candidates
    assert set(candidates) == {"supervised", "supervised-augmented", "fixmatch"}
    assert all(plan.skipped.startswith("the budget leaves fewer than") for plan in candidates.values())
