"""What the studies share: draws of labels, baselines refit on the same draw, paired intervals, and where figures go.

Every finished draw is one JSON file, written atomically, so that a study that was stopped goes on where it was.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student

from tacit.api import on_features
from tacit.compare.candidate import Candidate
from tacit.compare.model import modalities
from tacit.compare.plan import Plan
from tacit.compare.protocol import Comparison
from tacit.compare.recipe import Recipe
from tacit.compare.workbench import Workbench, cache_folder, make_fabric
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Categorical
from tacit.data.records import Records
from tacit.labels.exact import Exact
from tacit.run import Run
from tacit.runfolder import versions
from tacit.systems.base import systems
from tacit.train.watch import Watch

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
Bits = NDArray[np.bool_]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


# Asked when the study starts: that is the code it runs, whatever is committed meanwhile.
COMMIT, CLEAN = _git("rev-parse", "HEAD"), not _git("status", "--porcelain", "--", "src")


class Talk(Watch):
    """Says on the terminal what is going on."""

    def say(self, message: str) -> None:
        print(f"  {message}", flush=True)


def data_folder() -> Path:
    """``TACIT_DATA``, which names the folder of real data sets."""
    if "TACIT_DATA" not in os.environ:
        sys.exit("set TACIT_DATA to the folder of data sets")
    return Path(os.environ["TACIT_DATA"])


def use_threads(count: int | None) -> None:
    """Limit torch, BLAS and OpenMP to ``count`` threads; None leaves them alone."""
    if count is None:
        return
    import sklearn.ensemble  # noqa: F401  (its OpenMP has to be loaded to be limited)
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(count)
    threadpool_limits(limits=count)


def provenance() -> dict[str, Any]:
    """Where a figure comes from: commit, whether ``src`` differs from it, command, versions, threads, processor."""
    return {
        "commit": COMMIT,
        "clean": CLEAN,
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "processor": _processor(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def keep(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result as JSON, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(result, indent=1))


def finished(path: Path, budget: str) -> bool:
    """Whether this draw has been made with this budget."""
    return path.exists() and json.loads(path.read_text())["budget"] == budget


def results(folder: Path) -> list[dict[str, Any]]:
    """All results of a folder, by file name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def numbers(text: str) -> list[int]:
    """Integers from "3", "0-4" or "0-4,7"."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def stratified(y: NDArray[np.int64], each: int, seed: int) -> NDArray[np.int64]:
    """Positions of ``each`` random records per class."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(y == c))[:each] for c in np.unique(y)])


def shown(y: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """``y`` at the chosen records, -1 elsewhere."""
    given = np.full(len(y), -1, dtype=np.int64)
    given[chosen] = y[chosen]
    return given


@dataclass(frozen=True)
class Judged:
    """Test figures of one model: which test records it gets right, its accuracy, and the AUC for two classes."""

    correct: Bits
    auc: float | None

    @staticmethod
    def of(p: NDArray[np.float32], y: NDArray[np.int64]) -> Judged:
        """From probabilities (n, C) and true classes (n,)."""
        from sklearn.metrics import roc_auc_score

        return Judged(p.argmax(axis=1) == y, float(roc_auc_score(y, p[:, 1])) if p.shape[1] == 2 else None)

    def to_json(self) -> dict[str, Any]:
        packed = base64.b64encode(np.packbits(self.correct).tobytes()).decode()
        return {"accuracy": float(self.correct.mean()), "auc": self.auc, "correct": packed}


def correct_of(state: Mapping[str, Any], count: int) -> Bits:
    """(count,) which test records were right, from `Judged.to_json`."""
    raw = np.frombuffer(base64.b64decode(state["correct"]), dtype=np.uint8)
    return np.unpackbits(raw, count=count).astype(bool)


def judged_baselines(
    records: Records, labels: Exact, plan: Plan, test: Records, y: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    """Test figures of every baseline, refit on all labels by the run's own plan."""
    prepared = modalities()[records.modality]().fit(records, plan.encoder, options=plan.views)
    bench = Workbench(records, prepared, labels.task, make_fabric("cpu"), Watch(), cache_folder())
    candidates: list[Candidate] = [c for c in on_features(bench) if c.baseline]
    candidates += [
        Recipe(s, bench, plan.options) for s in systems().values() if s.baseline and s.name in plan.candidates
    ]
    comparison = Comparison(bench, labels, candidates, plan)
    figures = {}
    for candidate in candidates:
        if candidate.name in plan.candidates and plan.candidates[candidate.name].skipped:
            continue
        prediction = comparison.final(candidate.name)(test)
        assert isinstance(prediction, Categorical)
        figures[candidate.name] = Judged.of(prediction.p.numpy(), y).to_json()
    return figures


def told(run: Run) -> dict[str, Any]:
    """What a run says of itself: verdict, leaderboard and steps of the final fits."""
    kept = ("candidate", "status", "score", "gain", "gain_low", "gain_high", "expected_gain", "seconds")
    return {
        "verdict": run.verdict,
        "leaderboard": [{name: line[name] for name in kept} for line in run.leaderboard],
        "steps": {n: {s.name: s.steps for s in [*p.prepare, *p.final]} for n, p in run.plan.candidates.items()},
        "cuts": run.plan.cuts,
    }


def paired(differences: NDArray[np.float64], resamples: int = 10_000) -> dict[str, Any]:
    """Mean of paired differences (draws, records), with two 95 % intervals.

    ``t``: Student's over the draws' means, None for a single draw; ``bootstrap``: percentiles over draws and test
    records, both resampled.
    """
    draws, records = differences.shape
    means = differences.mean(axis=1)
    mean = float(means.mean())
    half = float(student.ppf(0.975, draws - 1) * means.std(ddof=1) / draws**0.5) if draws > 1 else None
    rng = np.random.default_rng(0)
    by_draw = rng.multinomial(draws, np.full(draws, 1 / draws), size=resamples) / draws
    boot = np.empty(resamples)
    for part in np.array_split(np.arange(resamples), max(1, resamples * records // 10_000_000)):
        by_record = rng.multinomial(records, np.full(records, 1 / records), size=len(part)) / records
        boot[part] = ((by_draw[part] @ differences) * by_record).sum(axis=1)
    low, high = np.quantile(boot, [0.025, 0.975])
    return {
        "mean": mean,
        "t": None if half is None else [mean - half, mean + half],
        "bootstrap": [float(low), float(high)],
    }


def summary(draws: list[dict[str, Any]]) -> dict[str, Any]:
    """One row: ours, every baseline that ran in all draws, and the paired gain over the best of these."""
    count = int(draws[0]["test"])
    ours = np.stack([correct_of(d["tacit"], count) for d in draws])
    names = [n for n in draws[0]["baselines"] if all(n in d["baselines"] for d in draws)]
    theirs = {n: np.stack([correct_of(d["baselines"][n], count) for d in draws]) for n in names}
    best = max(names, key=lambda n: theirs[n].mean())
    deployed = [d["run"]["verdict"]["deployed"] for d in draws]
    seconds = [d["seconds"] for d in draws]
    row = {
        "draws": len(draws),
        "seeds": [d["seed"] for d in draws],
        "test": count,
        "mean": float(ours.mean()),
        "each": ours.mean(axis=1).tolist(),
        "baselines": {n: float(v.mean()) for n, v in theirs.items()},
        "best_baseline": best,
        "gain": paired(ours.astype(np.float64) - theirs[best]),
        "deployed": {n: deployed.count(n) for n in sorted(set(deployed))},
        "words": [d["run"]["verdict"]["word"] for d in draws],
        "seconds": {"median": float(np.median(seconds)), "most": float(max(seconds))},
        "commits": sorted({d["provenance"]["commit"] + ("" if d["provenance"]["clean"] else "+") for d in draws}),
        "commands": sorted({d["provenance"]["command"] for d in draws}),
        "provenance": draws[-1]["provenance"],
    }
    if draws[0]["tacit"]["auc"] is not None:
        row["auc"] = float(np.mean([d["tacit"]["auc"] for d in draws]))
        row["baselines_auc"] = {n: float(np.mean([d["baselines"][n]["auc"] for d in draws])) for n in names}
    return row


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Rows of `summary` as a Markdown table."""
    lines = [
        "| data | draws | tacit | best baseline | difference, 95 % over draws | over draws and records "
        "| deployed | seconds a fit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        gain, best = row["gain"], row["best_baseline"]
        deployed = ", ".join(f"{n} {count}" for n, count in row["deployed"].items())
        lines.append(
            f"| {name} | {row['draws']} | {row['mean']:.3f} | {row['baselines'][best]:.3f} ({best}) "
            f"| {gain['mean']:+.3f} {_interval(gain['t'])} | {_interval(gain['bootstrap'])} "
            f"| {deployed} | {row['seconds']['median']:.0f} (most {row['seconds']['most']:.0f}) |"
        )
    return "\n".join(lines)


def baseline_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Mean test accuracy of every baseline as a Markdown table."""
    names = list(dict.fromkeys(n for row in rows.values() for n in row["baselines"]))
    lines = ["| data | tacit | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 2)]
    for name, row in rows.items():
        cells = [f"{row['baselines'][n]:.3f}" if n in row["baselines"] else "" for n in names]
        lines.append(f"| {name} | {row['mean']:.3f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f"({ends[0]:+.3f} to {ends[1]:+.3f})"
