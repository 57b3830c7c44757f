"""Digits as 8 x 8 images through `TacitClassifier`, against every baseline on the same draws.

scikit-learn's 1,797 digits; a fixed half is the test set. Each draw shows k labels per class of the other half and
leaves the rest unlabelled; settings are the defaults. Finished draws are skipped, so the study can be stopped, and
several processes can share it by draws.

usage: python benchmarks/digits.py [--k 4,1] [--draws 0-9] [--threads N] [--budget 2m] [--summary]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from study import (
    RESULTS,
    Judged,
    baseline_table,
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
from tacit import TacitClassifier, read
from tacit.labels import Exact

FOLDER = RESULTS / "digits"
POOL = 898


def halves() -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Images and classes of the pool, then of the test half."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    pool, test = order[:POOL], order[POOL:]
    return digits.images[pool], digits.target[pool], digits.images[test], digits.target[test]


def draw(each: int, seed: int, budget: str) -> None:
    """One fit and its baselines, written to a file of its own."""
    images, y, test_images, test_y = halves()
    given = shown(y, stratified(y, each, seed))
    begun = time.monotonic()
    model = TacitClassifier(budget=budget, random_state=seed).fit(images, given)
    seconds = time.monotonic() - begun
    ours = Judged.of(model.predict_proba(test_images), test_y)
    labels = Exact(given, [str(c) for c in model.classes_])
    baselines = judged_baselines(read(images), labels, model.run_.plan, read(test_images), test_y)
    result = {
        "k": each,
        "seed": seed,
        "budget": budget,
        "test": len(test_y),
        "seconds": seconds,
        "tacit": ours.to_json(),
        "baselines": baselines,
        "run": told(model.run_),
        "provenance": provenance(),
    }
    keep(FOLDER / f"k{each}-seed{seed}.json", result)
    best = max(baselines, key=lambda n: baselines[n]["accuracy"])
    print(
        f"k {each} seed {seed}: {ours.correct.mean():.4f} ({model.verdict_['deployed']}), best baseline "
        f"{baselines[best]['accuracy']:.4f} ({best}), {seconds:.0f} s",
        flush=True,
    )


def summarise() -> None:
    """Print the table and write ``digits.json``."""
    rows = {}
    for each in (4, 1):
        if draws := [d for d in results(FOLDER) if d["k"] == each]:
            rows[f"digits, {each} per class"] = summary(draws)
    if not rows:
        return
    keep(RESULTS / "digits.json", rows)
    print(table(rows), baseline_table(rows), json.dumps(next(iter(rows.values()))["commits"]), sep="\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", default="4,1")
    parser.add_argument("--draws", default="0-9")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--summary", action="store_true", help="only tabulate what is finished")
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    for each in numbers(chosen.k):
        for seed in numbers(chosen.draws):
            if not chosen.summary and not finished(FOLDER / f"k{each}-seed{seed}.json", chosen.budget):
                draw(each, seed, chosen.budget)
    summarise()


if __name__ == "__main__":
    main()
