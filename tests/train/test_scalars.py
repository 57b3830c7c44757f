"""Learning curves for TensorBoard, read back with its own reader."""

from __future__ import annotations

import builtins
import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tacit
from tacit.errors import InputError, Interrupted
from tacit.train import scalars
from tacit.train.scalars import Scalars, require_tensorboard
from tacit.train.watch import Watch

pytest.importorskip("tensorboard")


class Heard(Watch):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def say(self, message: str) -> None:
        self.calls.append(("say", message))

    def begin(self, what: str, steps: int) -> None:
        self.calls.append(("begin", what, steps))

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        self.calls.append(("advance", step, records, losses))

    def end(self, what: str, seconds: float) -> None:
        self.calls.append(("end", what, seconds))

    def compared(self, candidate: str, score: float, metric: str, seconds: float) -> None:
        self.calls.append(("compared", candidate, score, metric, seconds))


def told(watch: Watch) -> None:
    watch.say("hello")
    watch.begin("fixmatch, fold 1: train", 10)
    watch.advance(5, 64, {"supervised": 1.5, "unlabelled": 0.25})
    watch.advance(10, 64, {"supervised": 0.5, "unlabelled": 0.125})
    watch.end("fixmatch, fold 1: train", 2.0)
    watch.through("embedding", 0, 3)
    watch.through("embedding", 1, 3)
    watch.through("embedding", 3, 3)
    watch.compared("fixmatch", 0.9, "accuracy", 2.0)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_losses_are_written_and_everything_is_handed_on(tmp_path: Path) -> None:
    plain, behind = Heard(), Heard()
    told(plain)
    told(Scalars(behind, tmp_path / "tensorboard"))
    assert behind.calls == plain.calls
    assert [p.name for p in (tmp_path / "tensorboard").iterdir()] == ["fixmatch-fold-1-train"]
    assert read(tmp_path / "tensorboard" / "fixmatch-fold-1-train") == {
        "supervised": [(5, 1.5), (10, 0.5)],
        "unlabelled": [(5, 0.25), (10, 0.125)],
    }


def test_what_was_written_before_an_interruption_is_there(tmp_path: Path) -> None:
    watch = Scalars(Watch(), tmp_path)
    watch.begin("a", 10)
    watch.advance(3, 1, {"loss": 2.0})
    assert read(tmp_path / "a") == {"loss": [(3, 2.0)]}
    watch.interrupted = True
    with pytest.raises(Interrupted):
        watch.through("embedding", 0, 3)


@pytest.fixture
def rows(fresh: Any) -> tuple[Any, list[str | None]]:
    table, y = fresh("table", 60)
    return table, [str(c) if i < 30 else None for i, c in enumerate(y)]


def test_a_run_has_them_only_when_asked(rows: tuple[Any, list[str | None]], tmp_path: Path) -> None:
    table, labels = rows
    settings: dict[str, Any] = {"budget": "4steps", "methods": ["supervised"], "modality": "table"}
    tacit.fit(table, labels, out=tmp_path / "plain", **settings)
    assert not (tmp_path / "plain" / "tensorboard").exists()
    tacit.fit(table, labels, out=tmp_path / "tracked", track=True, **settings)
    written = {p.name: read(p) for p in (tmp_path / "tracked" / "tensorboard").iterdir()}
    assert written and all("supervised" in curve for curve in written.values())
    with (tmp_path / "tracked" / "curves" / "supervised.csv").open() as file:
        kept = [(int(r["step"]), float(r["value"])) for r in csv.DictReader(file)]
    assert kept, "the final fit's curve"
    final = [curve["supervised"] for curve in written.values()]
    assert any(np.allclose(kept, curve) for curve in final), "the same figures as in the run's own file"


def test_without_the_extra_or_a_folder_it_is_an_error(
    rows: tuple[Any, list[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, labels = rows
    with pytest.raises(InputError, match="name one with out="):
        tacit.fit(table, labels, track=True)
    monkeypatch.setattr(scalars, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'tacit\[track\]'"):
        tacit.fit(table, labels, out=tmp_path / "run", track=True)
    assert not list(tmp_path.iterdir()), "nothing is begun"


def test_nothing_of_tensorboard_is_loaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        assert "tensorboard" not in name
        return load(name, *args, **kwargs)

    for name in [n for n in sys.modules if "tensorboard" in n]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", guarded)
    require_tensorboard(tmp_path)
    Scalars(Watch(), tmp_path).begin("a", 3)
