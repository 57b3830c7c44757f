"""Three minutes on real data: what ``tacit.fit`` deploys against every baseline on the same draws.

Rows: ``mnist`` (10 labels per class of 10,000 images), ``trec-8`` and ``trec-32`` (labels per class of 5,452
questions, nothing pretrained), the same with ``-minilm`` (the MiniLM encoder), and ``adult`` (200 labels of 32,561
people). The test set is the data's own and is looked at after the run. Finished draws are skipped, so the study can
be stopped, and several processes can share it by rows or seeds.

usage: TACIT_DATA=... python benchmarks/budgets.py [--rows mnist,adult] [--seeds 0-4] [--threads N] [--summary]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tables
from study import (
    RESULTS,
    Judged,
    Talk,
    baseline_table,
    data_folder,
    finished,
    judged_baselines,
    keep,
    numbers,
    provenance,
    results,
    shown,
    stratified,
    summary,
    table,
    told,
    use_threads,
)
from tacit import fit, read
from tacit.data.prediction import Categorical
from tacit.data.records import Records
from tacit.labels import Exact

FOLDER = RESULTS / "budgets"
Split = tuple[Records, NDArray[np.int64], Records, NDArray[np.int64]]
"""Records and classes of the pool, then of the test set."""


@dataclass(frozen=True)
class Row:
    """A data set, its encoder, and how many labels a draw shows: so many per class, or so many in all."""

    data: Callable[[], Split]
    encoder: str = "auto"
    each: int | None = None
    total: int = 0

    def draw(self, y: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Positions of the labels that are shown."""
        if self.each is not None:
            return stratified(y, self.each, seed)
        return np.random.default_rng(seed).permutation(len(y))[: self.total]


def mnist() -> Split:
    """Images as arrays."""
    with np.load(data_folder() / "mnist" / "mnist.npz") as arrays:
        pool, test = read(arrays["train_x"]), read(arrays["test_x"])
        return pool, arrays["train_y"].astype(np.int64), test, arrays["test_y"].astype(np.int64)


def trec() -> Split:
    """Questions and their six coarse classes."""
    return _parted(read(data_folder() / "text_trec" / "trec.csv.gz", text="text"), "label")


def adult() -> Split:
    """The census table with all its columns."""
    return _parted(read(data_folder() / "adult" / "adult.csv.gz", exclude=("split", "label")), "label")


def _parted(records: Records, target: str) -> Split:
    y = np.array([int(v) for v in records.column(target)], dtype=np.int64)
    train = np.flatnonzero(records.column("split") == "train")
    test = np.flatnonzero(records.column("split") == "test")
    return records.take(train), y[train], records.take(test), y[test]


ROWS = {
    "mnist": Row(mnist, each=10),
    "trec-8": Row(trec, "small", each=8),
    "trec-32": Row(trec, "small", each=32),
    "trec-8-minilm": Row(trec, "minilm", each=8),
    "trec-32-minilm": Row(trec, "minilm", each=32),
    "adult": Row(adult, total=200),
}


def draw(name: str, seed: int, budget: str) -> None:
    """One run and its baselines, written to a file of its own."""
    print(f"{name} seed {seed}", flush=True)
    row = ROWS[name]
    records, y, test, test_y = row.data()
    labels = Exact(shown(y, row.draw(y, seed)), [str(c) for c in np.unique(y)])
    begun = time.monotonic()
    run = fit(records, labels, budget=budget, seed=seed, encoder=row.encoder, watch=Talk())
    seconds = time.monotonic() - begun
    prediction = run.model.predict(test)
    assert isinstance(prediction, Categorical)
    ours = Judged.of(prediction.p.numpy(), test_y).to_json()
    result: dict[str, Any] = {
        "row": name,
        "seed": seed,
        "budget": budget,
        "labels": len(labels.labelled()),
        "test": len(test_y),
        "seconds": seconds,
        "tacit": ours,
        "baselines": judged_baselines(records, labels, run.plan, test, test_y),
        "run": told(run),
        "provenance": provenance(),
    }
    keep(FOLDER / f"{name}-{seed}.json", result)
    best = max(result["baselines"], key=lambda n: result["baselines"][n]["accuracy"])
    print(
        f"  {ours['accuracy']:.4f} ({run.verdict['deployed']}), best baseline "
        f"{result['baselines'][best]['accuracy']:.4f} ({best}), {seconds:.0f} s",
        flush=True,
    )


def summarise() -> None:
    """Print the tables, and write ``budgets.json`` and the page of results."""
    draws = results(FOLDER)
    rows = {name: summary(own) for name in ROWS if (own := [d for d in draws if d["row"] == name])}
    if rows:
        keep(RESULTS / "budgets.json", rows)
        print(table(rows), baseline_table(rows), sep="\n\n")
    tables.write()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--seeds", default="0-4")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--budget", default="180s")
    parser.add_argument("--summary", action="store_true", help="only tabulate what is finished")
    chosen = parser.parse_args()
    names = chosen.rows.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        sys.exit(f"unknown row {unknown[0]}; known are {', '.join(ROWS)}")
    use_threads(chosen.threads)
    for seed in numbers(chosen.seeds):
        for name in names:
            if not chosen.summary and not finished(FOLDER / f"{name}-{seed}.json", chosen.budget):
                draw(name, seed, chosen.budget)
    summarise()


if __name__ == "__main__":
    main()
