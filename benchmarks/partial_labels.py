"""Real partial labels (lost, MSRCv2, BirdSong) by their five stored folds: four treatments of the candidates.

One classifier, penalised logistic regression on standardised columns, throughout:

* *uniform*: every candidate has an equal weight;
* *reweighted*: expectation-maximisation from there, each candidate weighed by its predicted probability, ten refits
  (PRODEN: Lv et al. 2020); *reweighted on*: thirty, by when little moves;
* *likelihood*: the library's `Candidates`, which take a set to say no more than that the truth is in it;
* *ours*: then what sets say beyond that. Which wrong classes stand beside a true one is counted with the beliefs so
  far, as a source's confusions are from votes, and is evidence in the next fit.

Penalty, and for ours also how much the company counts, are those with the likeliest candidates in a held-out third
of each training part, without any truth.

usage: TACIT_DATA=... python benchmarks/partial_labels.py [--only NAME ...] [--development SEED] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study import RESULTS, data_folder, keep, provenance, use_threads
from tacit.data.prediction import Categorical
from tacit.engines.features import fit_linear
from tacit.labels import Candidates, Labels, Soft
from weak_evidence import line, packed, told

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]
SETS = ("lost", "msrcv2", "birdsong")
FOLDER = RESULTS / "weak_evidence"
FOLDS, INNER = 5, 3
REFITS, ON = 10, 30
ROUNDS = 5
"""Of counting the company of true classes, in turn with the classifier."""

SMOOTHING = 10.0
"""Records that each class is taken to have beside its own, whose company is that of all classes."""

PENALTIES = (1.0, 3.0, 10.0)
STRENGTHS = (0.3, 1.0)
"""Powers of the probability of the company: its members are no independent draws, so 1 counts them too often."""


@dataclass(frozen=True)
class Part:
    """Training records: columns (n, D) and candidates (n, C)."""

    x: NDArray[np.float32]
    mask: Bits


Predict = Callable[[NDArray[np.float32]], Floats]
"""Columns to (n, C) probabilities."""


def fitted(part: Part, labels: Labels, penalty: float) -> Predict:
    """The classifier that all treatments share."""
    head = fit_linear(part.x, labels, penalty)

    def predict(x: NDArray[np.float32]) -> Floats:
        prediction = labels.task.prediction(head(x).double())
        assert isinstance(prediction, Categorical)
        return np.asarray(prediction.p.numpy())

    return predict


def shares(weights: Floats) -> Floats:
    """Rows that sum to 1."""
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def reweighted(part: Part, penalty: float, refits: int) -> Predict:
    """Soft labels on the candidates, at first equal, then as predicted."""
    predict = fitted(part, Soft(shares(part.mask.astype(float))), penalty)
    for _ in range(refits):
        predict = fitted(part, Soft(shares(part.mask * (predict(part.x) + 1e-12))), penalty)
    return predict


def likelihood(part: Part, penalty: float) -> Predict:
    """The candidate likelihood itself."""
    return fitted(part, Candidates(part.mask), penalty)


def in_company(part: Part, penalty: float, strength: float) -> Predict:
    """The same with the probability of a record's other candidates, given which of them is true."""
    predict = likelihood(part, penalty)
    for _ in range(ROUNDS):
        q = shares(part.mask * (predict(part.x) + 1e-12))
        evidence = np.where(part.mask, np.exp(strength * log_company(part.mask, q)), 0.0)
        predict = fitted(part, Soft(shares(evidence), virtual=True), penalty)
    return predict


def log_company(mask: Bits, q: Floats) -> Floats:
    """(n, C) log-probability of the other candidates where each class is true, as independent draws.

    ``q`` (n, C) are beliefs, from which is counted how often each class accompanies each true one.
    """
    company = q.T @ mask - np.diag(q.sum(axis=0))
    usual = np.tile(company.sum(axis=0) + 1e-3, (len(company), 1))
    np.fill_diagonal(usual, 0.0)
    log_p = np.log(np.maximum(shares(np.maximum(company, 0.0) + SMOOTHING * shares(usual)), 1e-12))
    np.fill_diagonal(log_p, 0.0)
    return np.asarray(mask @ log_p.T)


def settings(way: str) -> list[dict[str, float]]:
    """What is tuned of a treatment."""
    strengths = STRENGTHS if way == "ours" else (None,)
    return [{"penalty": p} | ({} if s is None else {"strength": s}) for p in PENALTIES for s in strengths]


WAYS: dict[str, Callable[..., Predict]] = {
    "ours": in_company,
    "uniform": lambda part, penalty: reweighted(part, penalty, 0),
    "reweighted": lambda part, penalty: reweighted(part, penalty, REFITS),
    "reweighted on": lambda part, penalty: reweighted(part, penalty, ON),
    "likelihood": likelihood,
}


def chosen(way: str, part: Part) -> dict[str, float]:
    """The setting with the likeliest held-out candidates."""
    out = np.random.default_rng(0).permutation(len(part.x)) % INNER == 0
    inner = Part(part.x[~out], part.mask[~out])

    def held_out(setting: dict[str, float]) -> float:
        p = WAYS[way](inner, **setting)(part.x[out])
        return float(np.log((p * part.mask[out]).sum(axis=1) + 1e-12).sum())

    return max(settings(way), key=held_out)


def scored(name: str, k: int, seed: int | None) -> dict[str, Any]:
    """Hits of every treatment on fold ``k``; with a seed the folds are random instead of those that are stored."""
    found = np.load(data_folder() / f"partial_label_{name}/partial_label_{name}.npz")
    fold = found["fold"] if seed is None else np.random.default_rng(seed).permutation(len(found["y"])) % FOLDS
    train, test = fold != k, fold == k
    part = Part(found["X"][train].astype(np.float32), found["candidates"][train].astype(bool))
    begun = time.monotonic()
    picked = {way: chosen(way, part) for way in WAYS if way != "reweighted on"}
    picked["reweighted on"] = picked["reweighted"]
    hits = {
        way: WAYS[way](part, **setting)(found["X"][test].astype(np.float32)).argmax(axis=1) == found["y"][test]
        for way, setting in picked.items()
    }
    return {
        "seed": k,
        "scores": {way: packed(values.astype(float)) for way, values in hits.items()},
        "chosen": picked,
        "seconds": time.monotonic() - begun,
        "provenance": provenance(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--development", type=int, help="random folds by this seed instead of the stored ones")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    warnings.filterwarnings("ignore")
    seed, rows = arguments.development, {}
    for name in arguments.only:
        paths = [_path(name, k, seed) for k in range(FOLDS)]
        for k, path in enumerate(paths):
            if not path.exists():
                keep(path, scored(name, k, seed))
        rows[name] = line([json.loads(path.read_text()) for path in paths])
        print(told(name, rows[name]), flush=True)
    if seed is None:
        keep(RESULTS / "partial_labels.json", {"rows": rows, "provenance": provenance()})


def _path(name: str, k: int, seed: int | None) -> Path:
    stem = f"partial-{name}-fold{k}"
    return FOLDER / (f"{stem}.json" if seed is None else f"{stem}-seed{seed}.json")


if __name__ == "__main__":
    main()
