"""Synthetic run folders in the final format, small and seeded, with everything hostile that names allow."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HOSTILE = (
    "<script>alert(1)</script>",
    "two\nlines",
    "</script><b>bold",
    '" onmouseover="x',
    "{{ 7 * 7 }}",
    "\u202egnp.exe",
)
FILES = ("plan.json", "oof.parquet", "curves", "predictions.parquet", "map.parquet")


def make_run(
    folder: Path,
    names: Sequence[str] | None = ("cat", "dog", "owl", "eel"),
    *,
    records: int = 240,
    labelled: int = 48,
    seed: int = 0,
    omit: Sequence[str] = (),
    **run: Any,
) -> Path:
    """Write a run into ``folder``; ``names=None`` is a run on numbers, ``omit`` are files to leave out."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    writers = {
        "plan.json": lambda: (folder / "plan.json").write_text(json.dumps({"folds": 3, "seed": seed})),
        "oof.parquet": lambda: _write_oof(folder, names, labelled, rng),
        "curves": lambda: _write_curves(folder, rng),
        "predictions.parquet": lambda: _write_predictions(folder, names, records, labelled, rng),
        "map.parquet": lambda: _write_map(folder, names, records, rng),
    }
    for name in FILES:
        if name not in omit:
            writers[name]()
    state = run_json(names, records, labelled, seed) | run
    (folder / "run.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def run_json(names: Sequence[str] | None, records: int, labelled: int, seed: int) -> dict[str, Any]:
    """``run.json`` of a run that helped, with a failed, a skipped and a cut candidate."""
    number = names is None
    gain = {"gain": 0.043, "gain_low": 0.012, "gain_high": 0.07}
    entries = [
        entry("fixmatch", "consistency", 0.961, seconds=71.2, deployed=True, **gain),
        entry(
            "supervised",
            "baseline",
            0.918,
            baseline=True,
            seconds=12.0,
            gain=0.0,
            gain_low=0.0,
            gain_high=0.0,
        ),
        entry(
            "spreading",
            "baseline",
            0.87,
            baseline=True,
            seconds=0.4,
            gain=-0.05,
            gain_low=-0.08,
            gain_high=-0.01,
        ),
        entry(
            "sla",
            "consistency",
            0.93,
            status="cut",
            note="the clock ran out",
            gain=0.01,
            gain_low=-0.02,
            gain_high=0.04,
        ),
        entry("simclr", "contrast", None, expected_gain=0.02, expected_low=-0.01, expected_high=0.05),
        entry("uda", "consistency", None, status="failed", note="loss was not finite at step 12 <b>"),
        entry("masked", "masked", None, status="skipped", note="the budget is too short"),
    ]
    task = (
        {"kind": "number", "centre": 0.0, "scale": 1.0} if number else {"kind": "classes", "names": list(names or ())}
    )
    return {
        "tacit": "0.1.0",
        "created": "2030-01-02T03:04:05+00:00",
        "seed": seed,
        "modality": "image",
        "task": task,
        "metric": "mae" if number else "accuracy",
        "higher_is_better": not number,
        "data": {
            "description": f"{records} images in photos/",
            "records": records,
            "labelled": labelled,
            "hash": "ab12",
            "test": 0,
        },
        "verdict": {
            "word": "helped",
            "sentence": "fixmatch helped: 4.3 points more than supervised (1.2 to 7.0).",
            "candidate": "fixmatch",
            "reference": "supervised",
            "deployed": "fixmatch",
            "gain": 0.043,
            "low": 0.012,
            "high": 0.07,
            "held_out": labelled,
        },
        "leaderboard": entries,
        "weights": {"spec": "net", "pretrained": True, "note": "from afar", "licence": "MIT", "sha256": "cd34"},
        "versions": {"python": "3.11.7", "torch": "2.15.0"},
        "notes": ["Folds ran with shorter schedules."],
        "command": "tacit fit photos/ --labels labels.csv --seed 0",
    }


def entry(candidate: str, family: str, score: float | None, **other: Any) -> dict[str, Any]:
    """One line of the leaderboard."""
    empty = dict.fromkeys(
        (
            "low",
            "high",
            "gain",
            "gain_low",
            "gain_high",
            "expected_gain",
            "expected_low",
            "expected_high",
            "test",
        )
    )
    spread = {} if score is None else {"low": score - 0.03, "high": score + 0.02}
    base = {
        "candidate": candidate,
        "title": candidate.title(),
        "family": family,
        "baseline": False,
        "status": "ok",
        "note": "",
        "score": score,
    }
    return base | empty | {"seconds": 30.0, "deployed": False} | spread | other


def truth(names: Sequence[str] | None, records: int) -> np.ndarray[Any, Any]:
    """The hidden truth of every record: a class index, or a number."""
    return np.arange(records) % len(names) if names else np.linspace(-3, 9, records)


def ids(records: int) -> list[str]:
    return [f"photos/{k:05d}.png" for k in range(records)]


def _write_oof(folder: Path, names: Sequence[str] | None, labelled: int, rng: np.random.Generator) -> None:
    rows: dict[str, list[Any]] = {"id": [], "fold": [], "seed": [], "candidate": [], "given": []}
    output: dict[str, list[Any]] = {"log_p": []} if names else {"mean": [], "log_scale": []}
    y = truth(names, labelled)
    for candidate in ("fixmatch", "supervised"):
        for seed in (0, 1):
            for k, one in enumerate(ids(labelled)):
                for key, value in zip(rows, (one, k % 3, seed, candidate, y[k].item()), strict=True):
                    rows[key].append(value)
                if names:
                    logits = rng.normal(size=len(names)) + 2.5 * (np.arange(len(names)) == y[k])
                    output["log_p"].append(logits - np.log(np.exp(logits).sum()))
                else:
                    output["mean"].append(y[k] + rng.normal())
                    output["log_scale"].append(0.1 * rng.normal())
    pq.write_table(pa.table(rows | output), folder / "oof.parquet")


def _write_curves(folder: Path, rng: np.random.Generator) -> None:
    (folder / "curves").mkdir()
    for candidate, rate in (("fixmatch", 0.01), ("supervised", 0.02)):
        with (folder / "curves" / f"{candidate}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "name", "value"])
            for step in range(0, 600, 2):
                writer.writerow([step, "loss", 2.3 * np.exp(-rate * step) + 0.1 * rng.random()])
                if step % 50 == 0:
                    writer.writerow([step, "kept", "nan" if step == 0 else 1 - np.exp(-rate * step)])


def _write_predictions(
    folder: Path, names: Sequence[str] | None, records: int, labelled: int, rng: np.random.Generator
) -> None:
    y = truth(names, records)
    split = ["labelled"] * labelled + ["unlabelled"] * (records - labelled)
    table: dict[str, Any] = {"id": ids(records), "split": split, "oof": [s == "labelled" for s in split]}
    if names:
        logits = rng.normal(size=(records, len(names))) + 3 * (np.arange(len(names)) == y[:, None])
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        table["label"] = [names[k] for k in p.argmax(axis=1)]
        table["given"] = [names[y[k]] if k < labelled else None for k in range(records)]
        table["doubt"] = 1 - p.max(axis=1)
        table |= {f"p_{name}": p[:, c] for c, name in enumerate(names)}
    else:
        table["value"] = y + rng.normal(size=records)
        table["given"] = [float(y[k]) if k < labelled else None for k in range(records)]
        table["doubt"] = rng.uniform(0.5, 2.0, records)
    pq.write_table(pa.table(table), folder / "predictions.parquet")


def _write_map(folder: Path, names: Sequence[str] | None, records: int, rng: np.random.Generator) -> None:
    angle = 6.28 * truth(names, records) / (len(names) if names else 14)
    xy = np.column_stack([np.cos(angle), np.sin(angle)]) * 5 + rng.normal(size=(records, 2))
    pq.write_table(pa.table({"id": ids(records), "x": xy[:, 0], "y": xy[:, 1]}), folder / "map.parquet")
