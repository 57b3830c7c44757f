"""Rung 1 is instant: heads, folds and interval for 10,000 records, 384 features and 200 labels, features cached.

The records are questions and commands (TREC's six classes, and CLINC150's utterances as a seventh), embedded by
MiniLM. The first run embeds; the second must find the embeddings and make no encoder call, and is the one timed.

usage: TACIT_DATA=... python benchmarks/rung_one.py [--threads N]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from study import RESULTS, Talk, data_folder, keep, provenance, stratified, use_threads
from tacit import read
from tacit.compare.baselines import feature_candidates
from tacit.compare.plan import Plan
from tacit.compare.protocol import Comparison
from tacit.compare.readings import reading_candidates
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.records import Records
from tacit.labels.exact import Exact
from tacit.modalities.text import TextModality

SIZE, LABELLED, LIMIT = 10_000, 200, 10.0


def texts() -> tuple[list[str], NDArray[np.int64]]:
    """10,000 texts and their classes."""
    rows = _rows("text_trec/trec.csv.gz")
    found = [row["text"] for row in rows]
    classes = sorted({row["label_abbr"] for row in rows})
    y = [classes.index(row["label_abbr"]) for row in rows]
    commands = [row["text"] for row in _rows("clinc150/clinc150.csv.gz")][: SIZE - len(found)]
    return found + commands, np.array(y + [len(classes)] * len(commands), dtype=np.int64)


def _rows(name: str) -> list[dict[str, str]]:
    with gzip.open(data_folder() / name, "rt", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["split"] == "train"]


def run(records: Records, labels: Exact, cache: Path) -> tuple[dict[str, float], int]:
    """Seconds by part, and how often the encoder was called."""
    seconds = {}
    begun = time.perf_counter()
    prepared = TextModality().fit(records, "minilm")
    bench = Workbench(records, prepared, labels.task, make_fabric("cpu"), Talk(), cache)
    seconds["fit modality"] = time.perf_counter() - begun
    begun = time.perf_counter()
    features = bench.features(records)
    seconds["features"] = time.perf_counter() - begun
    assert features.shape == (SIZE, 384)
    candidates = [*feature_candidates(bench), *reading_candidates(bench)]
    comparison = Comparison(bench, labels, candidates, Plan(0, "1m", "accuracy", 3, "minilm", {}))
    begun = time.perf_counter()
    outcome = comparison.run()
    total = time.perf_counter() - begun
    seconds |= {f"folds of {name}": s for name, s in outcome.seconds.items()}
    seconds["interval and verdict"] = total - sum(outcome.seconds.values())
    begun = time.perf_counter()
    comparison.final(outcome.verdict.deployed)(records)
    seconds["final fit and prediction"] = time.perf_counter() - begun
    seconds["heads, folds and interval"] = total + seconds["final fit and prediction"]
    return seconds, bench.encoder_calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int)
    use_threads(parser.parse_args().threads)
    found, y = texts()
    chosen = stratified(y, LABELLED // int(y.max() + 1) + 1, 0)[:LABELLED]
    given = np.full(SIZE, -1)
    given[chosen] = y[chosen]
    records, labels = read(found), Exact(given)
    with tempfile.TemporaryDirectory() as cache:
        first, first_calls = run(records, labels, Path(cache))
        second, second_calls = run(records, labels, Path(cache))
    for name in second:
        print(f"{name:28} {first[name]:8.2f} s  then {second[name]:8.2f} s")
    print(f"{'encoder calls':28} {first_calls:8}    then {second_calls:8}")
    kept = {"records": SIZE, "features": 384, "labels": LABELLED, "limit": LIMIT}
    calls = {"encoder_calls": [first_calls, second_calls]}
    keep(RESULTS / "rung_one.json", kept | {"first": first, "second": second} | calls | {"provenance": provenance()})
    ok = second["heads, folds and interval"] < LIMIT and second_calls == 0
    print("holds" if ok else "does NOT hold")


if __name__ == "__main__":
    main()
