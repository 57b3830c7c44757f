"""Killed at random times and resumed, a run ends as it would have: same leaderboard, same weights (CPU)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import tacit
from tacit.errors import Interrupted
from tacit.run import Run
from tacit.train import loop
from tacit.train.watch import Watch

STEPS = "24steps"
METHODS = ["simclr", "fixmatch"]

FIT = """
import sys, json
import torch
import tacit
from tacit.train import loop
torch.set_num_threads(1)
loop.CHECKPOINT_SECONDS = -1.0  # a checkpoint after every step: kills fall within writes
rows, labels = json.loads(open(sys.argv[1]).read())
tacit.fit(rows, labels, methods=json.loads(sys.argv[3]), budget=sys.argv[4], seed=3, out=sys.argv[2],
          device="cpu", resume=sys.argv[5] == "resume")
"""

TIMES = {"created", "seconds", "versions"}


def essence(run: Path) -> tuple[Any, dict[str, bytes]]:
    """What must not depend on interruptions: run.json without times, and the bytes of the weights."""
    info = json.loads((run / "run.json").read_text(encoding="utf-8"))
    info = {k: v for k, v in info.items() if k not in TIMES}
    info["leaderboard"] = [{k: v for k, v in line.items() if k != "seconds"} for line in info["leaderboard"]]
    weights = {
        f"{path.name}/{name}": tensor.tobytes()
        for path in sorted((run / "model").glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }
    assert weights
    return info, weights


def curves(run: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((run / "curves").iterdir())}


@pytest.fixture(scope="module")
def problem(fresh: Callable[..., Any]) -> tuple[list[dict[str, Any]], list[str | None]]:
    rows, y = fresh("table", 45)
    return rows, [f"class {c}" if i < 15 else None for i, c in enumerate(y)]


@pytest.fixture(scope="module")
def undisturbed(problem: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    tacit.fit(*problem, methods=METHODS, budget=STEPS, seed=3, out=out, device="cpu")
    return out


class StopAt(Watch):
    """Asks for a stop at the n-th progress report, as Ctrl-C does."""

    def __init__(self, at: int) -> None:
        self.left = at

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        self.left -= 1
        self.interrupted = self.left <= 0


@pytest.mark.parametrize("at", [3, 60, 150])
def test_an_interrupted_run_resumes_to_the_same_end(problem: Any, undisturbed: Path, tmp_path: Path, at: int) -> None:
    out = tmp_path / "run"
    settings: dict[str, Any] = {"methods": METHODS, "budget": STEPS, "seed": 3, "out": out, "device": "cpu"}
    with pytest.raises(Interrupted, match="interrupted"):
        tacit.fit(*problem, **settings, watch=StopAt(at))
    assert not out.exists() and (tmp_path / "run.partial").is_dir()
    tacit.fit(*problem, **settings, resume=True)
    assert essence(out) == essence(undisturbed)
    assert curves(out) == curves(undisturbed)
    assert {p.name for p in out.iterdir()} == {p.name for p in undisturbed.iterdir()}
    assert not (tmp_path / "run.partial").exists()


def test_a_stop_in_every_unit_still_ends_the_same(
    problem: Any, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is stopped, it goes forward."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    out = tmp_path / "run"
    settings: dict[str, Any] = {"methods": METHODS, "budget": STEPS, "seed": 3, "out": out, "device": "cpu"}
    for stops in range(60):
        try:
            tacit.fit(*problem, **settings, watch=StopAt(17), resume=stops > 0)
        except Interrupted:
            continue
        break
    assert 5 <= stops < 59
    assert essence(out) == essence(undisturbed)


def start(folder: Path, out: Path, resume: bool) -> subprocess.Popen[bytes]:
    mode = "resume" if resume else "start"
    command = [sys.executable, "-c", FIT, str(folder / "data.json"), str(out), json.dumps(METHODS), STEPS, mode]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def begun(partial: Path, units: int, process: subprocess.Popen[bytes]) -> bool:
    """Waits until so many units of work are written; False where the process ended before."""
    while process.poll() is None:
        if len(list(partial.glob("units/*.safetensors"))) >= units:
            return True
        time.sleep(0.01)
    return False


def test_a_killed_run_resumes_to_the_same_end(problem: Any, undisturbed: Path, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text(json.dumps(problem), encoding="utf-8")
    out, partial = tmp_path / "run", tmp_path / "run.partial"
    chance = random.Random(7)
    for kill, units in enumerate((0, 11)):
        process = start(tmp_path, out, resume=kill > 0)
        while kill == 0 and not (partial / "plan.json").exists() and process.poll() is None:
            time.sleep(0.01)
        assert begun(partial, units, process), process.communicate()[0].decode()
        time.sleep(chance.random() * 0.5)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not out.exists(), "a run folder is a run or absent"
        assert partial.is_dir()
    process = start(tmp_path, out, resume=True)
    said = process.communicate()[0].decode()
    assert process.returncode == 0, said
    assert essence(out) == essence(undisturbed)
    assert curves(out) == curves(undisturbed)
    assert not list(tmp_path.rglob("*.partial")), "cut writes are cleared away"
    assert len(Run.load(out).model.predict(tacit.read(problem[0]))) == 45


def test_a_kill_while_the_run_moves_to_its_place_is_mended(problem: Any, undisturbed: Path, tmp_path: Path) -> None:
    """Killed after the folder was renamed and before what a resume needs was dropped."""
    out = tmp_path / "run"
    settings: dict[str, Any] = {"methods": METHODS, "budget": STEPS, "seed": 3, "out": out, "device": "cpu"}
    tacit.fit(*problem, **settings)
    (out / "units").mkdir()
    (out / "units" / "fixmatch-0.safetensors").write_bytes(b"x")
    (out / "identity.json").write_text("{}", encoding="utf-8")
    run = tacit.fit(*problem, **settings, resume=True)
    assert not (out / "units").exists() and not (out / "identity.json").exists()
    assert run.verdict == Run.load(undisturbed).verdict
