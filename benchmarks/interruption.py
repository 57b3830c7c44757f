"""Kill a run at seeded random times, resume it, and compare with an undisturbed run of the same plan (CPU).

Every third kill waits for a write to be under way (an unfinished ``.*.partial`` file), the others fall anywhere, mostly
within a fold. Prints a summary and writes ``benchmarks/results/interruption.json``. Exit status 1 where leaderboard or
weights differ.

usage: python benchmarks/interruption.py [--kills 20] [--seed 0] [--steps 120]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

RESULTS = Path(__file__).parent / "results" / "interruption.json"

WORK = """
import sys
import torch
from sklearn.datasets import load_digits
import tacit
from tacit.train import loop
torch.set_num_threads(1)
loop.CHECKPOINT_SECONDS = float(sys.argv[3])
images, y = load_digits(return_X_y=True)
images = images[:600].reshape(-1, 8, 8).astype("uint8") * 15
labels = [int(c) if i < 60 else None for i, c in enumerate(y[:600])]
tacit.fit(images, labels, methods=["fixmatch", "simclr"], budget=sys.argv[4], seed=1, out=sys.argv[1],
          device="cpu", resume=sys.argv[2] == "resume")
"""


@dataclass
class Kill:
    """One kill: when it came, and what was going on."""

    after_seconds: float
    within_write: bool
    units_done: int
    going_on: str


def main() -> int:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tacit-interruption-") as name:
        return study(Path(name), arguments.kills, arguments.seed, f"{arguments.steps}steps")


def study(folder: Path, kills: int, seed: int, budget: str) -> int:
    """One undisturbed run, one that is killed again and again; 0 where they end the same."""
    begun = time.monotonic()
    expected = finished(folder / "undisturbed", budget)
    undisturbed = time.monotonic() - begun
    print(f"undisturbed: {undisturbed:.1f} s")
    chance = random.Random(seed)
    # kills spread over the whole run: each waits for so many finished units of work, and then a random while
    units = sorted(chance.randint(0, expected[2]) for _ in range(kills))
    out, done = folder / "disturbed", []
    for number in range(kills):
        process = start(out, out.with_name("disturbed.partial").exists(), budget)
        kill = killed(process, out, units[number], chance.uniform(0.0, 2.0), number % 3 == 0)
        if kill is None:
            print(f"the run ended before kill {number + 1}; raise --steps")
            break
        done.append(kill)
        where = "within a write" if kill.within_write else "between writes"
        print(f"kill {number + 1:2d}: {kill.going_on}, {kill.units_done} units done, {where}")
    found = finished(out, budget)
    same = {"leaderboard": found[0] == expected[0], "weights": found[1] == expected[1]}
    leftovers = [str(p.relative_to(folder)) for p in folder.rglob("*.partial")]
    print(f"{len(done)} kills; the same leaderboard: {same['leaderboard']}; the same weights: {same['weights']}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {
                "command": f"python benchmarks/interruption.py --kills {kills} --seed {seed} --steps {budget[:-5]}",
                "kills": [asdict(k) for k in done],
                "within_a_write": sum(k.within_write for k in done),
                "same_leaderboard": same["leaderboard"],
                "same_weights": same["weights"],
                "leftovers": leftovers,
                "undisturbed_seconds": round(undisturbed, 1),
                "versions": {"python": platform.python_version(), "torch": version("torch")},
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    return 0 if all(same.values()) and not leftovers and len(done) == kills else 1


def start(out: Path, resume: bool, budget: str) -> subprocess.Popen[bytes]:
    """The run in a process of its own; checkpoints every 0.2 s, so that kills meet writes."""
    source = Path(__file__).parent.parent / "src"
    environment = {**os.environ, "PYTHONPATH": str(source), "TACIT_CACHE": str(out.parent / "cache")}
    command = [sys.executable, "-c", WORK, str(out), "resume" if resume else "start", "0.2", budget]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def killed(process: subprocess.Popen[bytes], out: Path, units: int, seconds: float, in_write: bool) -> Kill | None:
    """SIGKILL once ``units`` are done, a new write was seen and ``seconds`` have passed, or at the next write after."""
    partial = out.with_name(out.name + ".partial")
    stale, before = writes(partial), newest(partial)
    begun: float | None = None
    while process.poll() is None:
        if begun is None and newest(partial) > before and state_of(partial)[0] >= units:
            begun = time.monotonic()
        waited = 0.0 if begun is None else time.monotonic() - begun
        if begun is not None and waited >= seconds and (not in_write or writes(partial) - stale or waited > 20):
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            return Kill(round(waited, 3), bool(writes(partial) - stale), *state_of(partial))
        time.sleep(0.001)
    process.communicate()
    return None


def writes(partial: Path) -> set[Path]:
    """Unfinished writes, of now or cut short by an earlier kill."""
    return set(partial.rglob(".*.partial"))


def newest(partial: Path) -> float:
    """When anything was last written, 0 where nothing is there."""
    times = []
    for path in partial.rglob("*"):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(times, default=0.0)


def state_of(partial: Path) -> tuple[int, str]:
    """Units done, and the stage whose checkpoint is the newest."""
    units = len(list(partial.glob("units/*.safetensors")))
    stages = sorted(partial.glob("checkpoints/*/*.safetensors"), key=lambda p: p.stat().st_mtime)
    return units, f"{stages[-1].parent.name}: {stages[-1].stem}" if stages else "before training"


def finished(out: Path, budget: str) -> tuple[Any, dict[str, bytes], int]:
    """Run to the end; leaderboard and verdict without times, the bytes of the weights, and the number of units."""
    process = start(out, out.with_name(out.name + ".partial").exists(), budget)
    said = process.communicate()[0].decode()
    if process.returncode:
        raise RuntimeError(said)
    info = json.loads((out / "run.json").read_text(encoding="utf-8"))
    board = [{k: v for k, v in line.items() if k != "seconds"} for line in info["leaderboard"]]
    weights = {
        f"{path.name}/{name}": tensor.tobytes()
        for path in (out / "model").glob("*.safetensors")
        for name, tensor in load_file(path).items()
    }
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    prepared = sum(bool(candidate["prepare"]) for candidate in plan["candidates"].values())
    return (board, info["verdict"]), weights, plan["folds"] * len(board) + prepared


if __name__ == "__main__":
    sys.exit(main())
