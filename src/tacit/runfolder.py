"""The run folder: built beside its place as ``OUT.partial``, and moved there whole, so it is either a run or absent."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import tacit
from tacit.compare.model import Model, doubt
from tacit.compare.plan import Plan
from tacit.compare.protocol import Comparison, Outcome
from tacit.compare.verdict import Entry
from tacit.compare.workbench import Workbench
from tacit.data.atomic import atomic_folder, atomic_write
from tacit.data.prediction import Categorical, Prediction
from tacit.data.task import Classes, Number
from tacit.errors import InputError, Interrupted, TacitError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.values import Values
from tacit.report import write_report
from tacit.run import Run

MAPPED = 1500
"""Records on the embedding map; all labelled ones first."""


class Workplace:
    """``OUT.partial`` while a run is under way. ``finished`` is the run where a resume finds it done already."""

    def __init__(self, out: Path, plan: Plan | None, finished: Run | None) -> None:
        self.out, self.plan, self.finished = out, plan, finished
        self.folder = out.parent / f"{out.name}.partial"
        self._begun_here = False

    @staticmethod
    def open(out: str | Path | None, resume: bool, identity: dict[str, Any]) -> Workplace | None:
        """The place for a run, fresh or to be resumed; None where nothing is kept.

        Raises `InputError` where something else is there, where there is nothing to resume, or where the data,
        labels or seed are not those of the run that was begun.
        """
        if out is None:
            if resume:
                raise InputError("there is nothing to resume without an output folder (--out)")
            return None
        path = Path(out)
        place = Workplace(path, None, None)
        if path.exists():
            if resume and (path / "run.json").is_file():
                place._drop_leftovers(path)
                return Workplace(path, None, Run.load(path))
            what = "holds a run already" if (path / "run.json").is_file() else "exists and is no run of tacit"
            raise InputError(f"{path} {what}; name another --out, or remove it")
        marker = place.folder / "identity.json"
        if place.folder.exists() and not marker.is_file():
            raise InputError(f"{place.folder} exists and is no unfinished run of tacit; name another --out")
        if resume:
            return place._resumed(marker, identity)
        if place.folder.exists():
            shutil.rmtree(place.folder)
        with atomic_folder(place.folder) as folder:
            atomic_write(folder / marker.name, json.dumps(identity))
        place._begun_here = True
        return place

    def _resumed(self, marker: Path, identity: dict[str, Any]) -> Workplace:
        if not marker.is_file():
            raise InputError(f"there is no unfinished run at {self.folder}; leave out --resume to start one")
        begun = json.loads(marker.read_text())
        changed = [name for name, value in identity.items() if begun.get(name) != value]
        if changed:
            raise InputError(
                f"the {' and '.join(changed)} differ from those the run at {self.folder} was begun with; "
                "resume with the same, or start another run"
            )
        plan = self.folder / "plan.json"
        self.plan = Plan.read(plan) if plan.is_file() else None
        return self

    def keep_plan(self, plan: Plan) -> None:
        """Write the plan that a resume will follow."""
        atomic_write(self.folder / "plan.json", json.dumps(plan.to_json(), indent=1))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Only an interrupted run stays behind to be resumed: after any other error nothing is left."""
        try:
            yield
        except Interrupted:
            raise
        except TacitError:
            if self._begun_here:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def publish(self) -> None:
        """Move the folder to its place in one step, then drop what only a resume needed."""
        os.replace(self.folder, self.out)
        self._drop_leftovers(self.out)

    def _drop_leftovers(self, folder: Path) -> None:
        for name in ("units", "checkpoints"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "identity.json").unlink(missing_ok=True)
        for unfinished in folder.rglob(".*.partial"):  # writes that a kill cut short
            unfinished.unlink(missing_ok=True)


def describe_run(
    bench: Workbench,
    labels: Labels,
    comparison: Comparison,
    outcome: Outcome,
    plan: Plan,
    tests: dict[str, dict[str, float]],
    command: str | None,
    has_test: bool,
) -> dict[str, Any]:
    """The content of ``run.json``."""
    verdict = outcome.verdict
    return {
        "tacit": tacit.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": plan.seed,
        "modality": bench.prepared.name,
        "task": bench.task.to_json(),
        "metric": comparison.metric.name,
        "higher_is_better": comparison.metric.higher_is_better,
        "data": {
            "description": bench.records.description,
            "records": len(bench.records),
            "labelled": len(labels.labelled()),
            "labels": labels.describe(),
            "hash": bench.records.hash,
            "test": has_test,
        },
        "verdict": asdict(verdict),
        "leaderboard": _leaderboard(comparison, outcome, tests),
        "weights": bench.prepared.weights.to_json(),
        "versions": versions(),
        "notes": _notes(comparison, outcome),
        "command": command,
    }


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    names = ("torch", "lightning", "timm", "scikit-learn", "numpy", "tokenizers")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _leaderboard(comparison: Comparison, outcome: Outcome, tests: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    lines = [_line(comparison, outcome, entry, tests.get(entry.candidate)) for entry in outcome.lines]
    for name, reason in outcome.failures.items():
        candidate = comparison.candidates[name]
        planned = comparison.plan.candidates.get(name)
        status = "skipped" if planned is not None and planned.skipped else "failed"
        empty = dict.fromkeys(
            ("score", "low", "high", "gain", "gain_low", "gain_high", "expected_gain", "expected_low", "expected_high")
        )
        lines.append(
            {"candidate": name, "title": candidate.title, "family": candidate.family}
            | {"baseline": candidate.baseline, "status": status, "note": reason}
            | empty
            | {"seconds": outcome.seconds.get(name, 0.0), "deployed": False, "test": None}
        )
    return lines


def _line(comparison: Comparison, outcome: Outcome, entry: Entry, test: dict[str, float] | None) -> dict[str, Any]:
    candidate = comparison.candidates[entry.candidate]
    expected = entry.expected
    low, high = expected.interval() if expected else (None, None)
    cut = [c for c in outcome.cuts if c.startswith(f"{entry.candidate} ")]
    return {
        "candidate": entry.candidate,
        "title": candidate.title,
        "family": candidate.family,
        "baseline": entry.baseline,
        "status": "cut" if cut else "ok",
        "note": "; ".join(cut),
        "score": entry.score,
        "low": entry.low,
        "high": entry.high,
        "gain": entry.gain,
        "gain_low": entry.gain_low,
        "gain_high": entry.gain_high,
        "expected_gain": expected.mean if expected else None,
        "expected_low": low,
        "expected_high": high,
        "seconds": outcome.seconds.get(entry.candidate, 0.0),
        "deployed": entry.candidate == outcome.verdict.deployed,
        "test": test["score"] if test else None,
    }


def _notes(comparison: Comparison, outcome: Outcome) -> list[str]:
    notes = []
    total = len(comparison.known)
    if 0 < comparison.held_out < total:
        notes.append(
            f"{total - comparison.held_out} labelled records are the only ones of their class (or group) and were "
            "always trained on"
        )
    plans = [p for p in comparison.plan.candidates.values() if p.fold and p.final]
    if plans and comparison.held_out:
        fold, final = sum(s.steps for s in plans[-1].fold), sum(s.steps for s in plans[-1].final)
        if fold < final:
            notes.append(f"schedules in the folds were shorter than the final one ({fold} against {final} steps)")
    return notes + outcome.cuts


def write_run(
    place: Workplace,
    bench: Workbench,
    labels: Labels,
    model: Model,
    comparison: Comparison,
    outcome: Outcome,
    plan: Plan,
    info: dict[str, Any],
) -> Run:
    """Fill the folder, render the page and publish."""
    folder = place.folder
    (folder / "model").mkdir(exist_ok=True)
    model.save(folder / "model")
    bench.watch.say("predicting all records")
    given = given_values(labels)
    outcome.store.write(folder / "oof.parquet", bench.records.ids, given)
    prediction = model.predictor(bench.records)
    columns = prediction_table(bench.records.ids, prediction, model)
    columns["given"] = [given.get(i) for i in range(len(bench.records))]
    columns["split"] = ["labelled" if i in given else "unlabelled" for i in range(len(bench.records))]
    write_parquet(folder / "predictions.parquet", columns)
    write_parquet(folder / "map.parquet", embedding_map(model, bench, labels.labelled(), plan.seed))
    (folder / "curves").mkdir(exist_ok=True)
    for name, curve in outcome.curves.items():
        atomic_write(folder / "curves" / f"{name}.csv", curve_csv(curve))
    place.keep_plan(plan)
    atomic_write(folder / "run.json", json.dumps(info, indent=1))
    position = {id_: i for i, id_ in enumerate(bench.records.ids)}
    write_report(folder, lambda ids: _samples(bench, [position[i] for i in ids]))
    place.publish()
    return Run(info, plan, place.out, model)


def _samples(bench: Workbench, index: list[int]) -> list[Any]:
    samples = bench.records.gather(np.array(index, dtype=np.int64))
    return samples.to_pylist() if isinstance(samples, pa.Table) else list(samples)


def given_values(labels: Labels) -> dict[int, str]:
    """What the labels say of each labelled record, as text, by position."""
    if isinstance(labels, Values):
        return {int(i): repr(float(labels.v[i])) for i in labels.labelled()}
    assert isinstance(labels, Exact)
    names = labels.task.names
    if labels.y.ndim == 1:
        return {int(i): names[labels.y[i]] for i in labels.labelled()}
    return {int(i): ", ".join(n for n, v in zip(names, labels.y[i], strict=True) if v == 1) for i in labels.labelled()}


def prediction_table(ids: tuple[str, ...], prediction: Prediction, model: Model) -> dict[str, list[Any]]:
    """Columns id, label (or value), doubt, and a probability for each class."""
    columns: dict[str, list[Any]] = {"id": list(ids)}
    if isinstance(model.task, Number):
        assert not isinstance(prediction, Categorical)
        return columns | {"value": prediction.mean.tolist(), "doubt": doubt(prediction).tolist()}
    assert isinstance(prediction, Categorical)
    p = prediction.p.double().numpy()
    if isinstance(model.task, Classes):
        columns["label"] = [model.task.names[c] for c in p.argmax(axis=1)]
        columns["doubt"] = doubt(prediction).tolist()
        return columns | {f"p_{name}": p[:, c].tolist() for c, name in enumerate(model.task.names)}
    present = p[:, 1].reshape(len(ids), -1)
    columns["label"] = [", ".join(n for n, v in zip(model.task.names, row, strict=True) if v > 0.5) for row in present]
    columns["doubt"] = np.minimum(present, 1 - present).max(axis=1).tolist()
    return columns | {f"p_{name}": present[:, k].tolist() for k, name in enumerate(model.task.names)}


def embedding_map(model: Model, bench: Workbench, labelled: NDArray[np.int64], seed: int) -> dict[str, list[Any]]:
    """Two coordinates (t-SNE of the model's features) for all labelled and a sample of the other records."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    rng = np.random.default_rng(seed)
    rest = np.setdiff1d(np.arange(len(bench.records)), labelled)
    room = max(0, MAPPED - len(labelled))
    chosen = np.concatenate([labelled[:MAPPED], rng.permutation(rest)[:room]])
    records = bench.records.take(chosen)
    features = model.embed(records).astype(np.float64)
    if len(chosen) < 10:
        xy = features[:, :2] if features.shape[1] > 1 else np.repeat(features, 2, axis=1)
    else:
        few = min(30, *features.shape)
        reduced = PCA(few, random_state=seed).fit_transform(features)
        perplexity = min(30.0, (len(chosen) - 1) / 3)
        tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, max_iter=500)
        xy = tsne.fit_transform(reduced)
    return {"id": list(records.ids), "x": xy[:, 0].tolist(), "y": xy[:, 1].tolist()}


def write_parquet(path: Path, columns: dict[str, list[Any]]) -> None:
    """One Parquet file, written atomically."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    atomic_write(path, sink.getvalue().to_pybytes())


def curve_csv(curve: list[tuple[int, str, float]]) -> str:
    """Learning curve points as CSV of step, name, value."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["step", "name", "value"])
    writer.writerows(curve)
    return text.getvalue()
