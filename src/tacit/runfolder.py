"""What a run folder holds: the description of the run, predictions of all records, the map, curves and the page."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import tacit
from tacit.compare.findings import findings
from tacit.compare.folds import NEVER
from tacit.compare.model import Model, doubt
from tacit.compare.plan import Plan
from tacit.compare.protocol import Comparison, Outcome
from tacit.compare.verdict import Entry
from tacit.compare.workbench import Workbench
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Categorical, Prediction
from tacit.data.records import Records
from tacit.data.task import Classes, Number
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.soft import Soft
from tacit.labels.values import Values
from tacit.report import write_report
from tacit.run import Run
from tacit.workplace import Workplace

MAPPED = 1500
"""Records on the embedding map; all labelled ones first."""


def describe_run(
    bench: Workbench,
    labels: Labels,
    comparison: Comparison,
    outcome: Outcome,
    plan: Plan,
    tests: dict[str, dict[str, float]],
    command: str | None,
    tested: int,
    hints: Sequence[str] = (),
) -> dict[str, Any]:
    """The content of ``run.json``.

    ``tested``: how many labelled test records were looked at; ``hints``: what else people have to know, noted first.
    """
    verdict = outcome.verdict
    return {
        "tacit": tacit.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": plan.seed,
        "modality": bench.prepared.name,
        "task": bench.task.to_json(),
        "metric": comparison.metric.name,
        "test_metric": plan.metric,
        "higher_is_better": comparison.metric.higher_is_better,
        "data": {
            "description": bench.records.description,
            "records": len(bench.records),
            "labelled": len(labels.labelled()),
            "labels": labels.describe(),
            "hash": bench.records.hash,
            "test": tested,
        },
        "verdict": asdict(verdict),
        "leaderboard": _leaderboard(comparison, outcome, tests),
        "weights": bench.prepared.weights.to_json(),
        "versions": versions(),
        "notes": [*hints, *_notes(comparison, outcome)],
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
        "note": _cut_note(cut, entry.candidate, outcome.verdict.deployed),
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


def _cut_note(cuts: Sequence[str], candidate: str, deployed: str) -> str:
    """Where the clock ended training early, and what that means for the figures beside it."""
    if not cuts:
        return ""
    where = "; ".join(cut.removeprefix(f"{candidate} ") for cut in cuts)
    use = "It is deployed all the same." if candidate == deployed else "It could have been deployed all the same."
    return f"{where}. Its figures are those of this shorter training. {use}"


def _notes(comparison: Comparison, outcome: Outcome) -> list[str]:
    notes = [comparison.judge.remark] if comparison.judge.remark and comparison.held_out else []
    total = len(comparison.known)
    held = int((comparison.fold_of != NEVER).sum())
    if 0 < held < total:
        alone = total - held
        notes.append(
            f"{alone} of {total} labelled records could not be held out, being the only ones of their class or group"
        )
    planned = comparison.plan.candidates
    notes += [
        f"{name} failed and was left out: {why}"
        for name, why in outcome.failures.items()
        if name not in planned or not planned[name].skipped
    ]
    plans = [p for p in comparison.plan.candidates.values() if p.fold and p.final]
    if plans and comparison.held_out:
        fold, final = sum(s.steps for s in plans[-1].fold), sum(s.steps for s in plans[-1].final)
        if fold < final:
            notes.append(
                f"networks were compared after {fold} steps in each fold, fewer than the {final} of a final fit"
            )
    return notes


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
    if labels.exact() is not labels:
        held = outcome.store.held(model.candidate) if model.candidate in outcome.store.candidates else []
        found = findings(labels, prediction, held, bench.records.ids)
        atomic_write(folder / "evidence.json", json.dumps(found, indent=1))
    columns = prediction_table(bench.records.ids, prediction, model)
    columns["given"] = [given.get(i) for i in range(len(bench.records))]
    spoken = set(labels.labelled().tolist())
    columns["split"] = ["labelled" if i in spoken else "unlabelled" for i in range(len(bench.records))]
    write_parquet(folder / "predictions.parquet", columns)
    write_parquet(folder / "map.parquet", embedding_map(model, bench, labels.labelled(), plan.seed))
    (folder / "curves").mkdir(exist_ok=True)
    for name, curve in outcome.curves.items():
        atomic_write(folder / "curves" / f"{name}.csv", curve_csv(curve))
    place.keep_plan(plan)
    atomic_write(folder / "run.json", json.dumps(info, indent=1))
    write_report(folder, page_samples(bench.records))
    place.publish()
    return Run(info, plan, place.out, model)


def page_samples(records: Records) -> Callable[[Sequence[str]], list[Any]]:
    """What the page shows of records by id: images, texts, or rows with dates as people write them; None for others."""
    position = {name: i for i, name in enumerate(records.ids)}
    dates = [c["name"] for c in records.schema.get("columns", ()) if isinstance(c, dict) and c.get("kind") == "date"]

    def samples(ids: Sequence[str]) -> list[Any]:
        here = [name for name in ids if name in position]
        found = records.gather(np.array([position[name] for name in here], dtype=np.int64))
        shown = (
            found
            if isinstance(found, list)
            else [row | {name: written_date(row[name]) for name in dates} for row in found.to_pylist()]
        )
        by_id = dict(zip(here, shown, strict=True))
        return [by_id.get(name) for name in ids]

    return samples


def written_date(days: float | None) -> str | None:
    """Days since 1970 as a date, with the time of day where there is one."""
    if days is None:
        return None
    when = datetime(1970, 1, 1) + timedelta(days=days)
    return when.date().isoformat() if when.time() == time() else when.isoformat(sep=" ", timespec="minutes")


def given_values(labels: Labels) -> dict[int, str]:
    """What the labels say of each labelled record, as text, by position; of several classes alike they say none."""
    labels = labels.naive()
    if isinstance(labels, Values):
        return {int(i): repr(float(labels.v[i])) for i in labels.labelled()}
    if isinstance(labels, Soft):
        top = labels.q == labels.q.max(axis=1, keepdims=True)
        return {int(i): labels.task.names[int(top[i].argmax())] for i in labels.labelled() if top[i].sum() == 1}
    assert isinstance(labels, Exact)
    names = labels.task.names
    if labels.y.ndim == 1:
        return {int(i): names[labels.y[i]] for i in labels.labelled()}
    return {int(i): ", ".join(n for n, v in zip(names, labels.y[i], strict=True) if v == 1) for i in labels.labelled()}


def prediction_table(ids: tuple[str, ...], prediction: Prediction, model: Model) -> dict[str, list[Any]]:
    """Columns id, label, doubt and a probability for each class; for numbers value, standard deviation and doubt."""
    columns: dict[str, list[Any]] = {"id": list(ids)}
    if isinstance(model.task, Number):
        assert not isinstance(prediction, Categorical)
        unsure = doubt(prediction).tolist()
        return columns | {"value": prediction.mean.tolist(), "scale": unsure, "doubt": unsure}
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
    if len(chosen) < 10 or features.shape[1] < 2:
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
