"""Vote aggregation on the answers of crowds (dog, duck, face), by items in pairs.

Every figure is the expected accuracy under random ties. The default of `tacit.labels.aggregation.aggregate` and its
constants were fixed on simulated crowds, never on the truth of these sets. Crowd-Kit (``pip install crowd-kit``, in an
environment of its own that also has tacit's dependencies) is left out with a message where it is missing.

usage: python benchmarks/crowd.py [--threads 1]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study import RESULTS, data_folder, keep, paired, provenance, use_threads
from tacit.labels import Votes
from tacit.labels.aggregation import aggregate, dawid_skene, majority, one_coin

Floats = NDArray[np.float64]
METHODS: dict[str, Callable[[Votes], Floats]] = {
    "majority": lambda votes: majority(votes).p,
    "one coin": lambda votes: one_coin(votes).p,
    "Dawid-Skene": lambda votes: dawid_skene(votes).p,
    "Dawid-Skene, 50 iterations": lambda votes: dawid_skene(votes, iterations=50).p,
    "tacit": lambda votes: aggregate(votes).p,
}


@dataclass(frozen=True)
class Task:
    """Votes with the truth (n,) that they are scored by."""

    votes: Votes
    truth: NDArray[np.int64]


def crowd(name: str) -> Task:
    """A crowd's answers, one line each."""
    lines = {part: _table(f"crowd_{name}/{part}.csv.gz") for part in ("answers", "truth")}
    truth = {row["item"]: int(row["truth"]) for row in lines["truth"]}
    answers, classes = lines["answers"], [str(c) for c in range(max(truth.values()) + 1)]
    columns = ([row[column] for row in answers] for column in ("item", "worker", "label"))
    return Task(Votes.from_names(*columns, ids=list(truth), classes=classes), np.array(list(truth.values())))


def _table(path: str) -> list[dict[str, str]]:
    with gzip.open(data_folder() / path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def right(p: Floats, truth: NDArray[np.int64]) -> Floats:
    """(n,) probability that a random one of the likeliest classes is the true one."""
    first = p >= p.max(axis=1, keepdims=True) - 1e-12
    return np.asarray((first / first.sum(axis=1, keepdims=True))[np.arange(len(truth)), truth])


def crowdkit(votes: Votes, name: str) -> Floats:
    """Beliefs of a Crowd-Kit aggregator with its own defaults."""
    import pandas as pd
    from crowdkit import aggregation

    ballots = votes.ballots
    table = pd.DataFrame({"task": ballots.item, "worker": ballots.source, "label": ballots.vote})
    found = getattr(aggregation, name)().fit_predict_proba(table)
    p = np.full((len(votes), votes.outcomes), 0.0)
    p[np.ix_(found.index.to_numpy(), found.columns.to_numpy().astype(int))] = found.to_numpy()
    return p


def scored(task: Task, peers: Mapping[str, Callable[[Votes], Floats]]) -> dict[str, Floats]:
    """(n,) what is right, by method."""
    methods = METHODS | dict(peers)
    return {name: right(method(task.votes), task.truth) for name, method in methods.items()}


def row(task: Task, found: Mapping[str, Floats], rows: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracies on some rows, and tacit's differences to the others."""
    ballots = task.votes.ballots
    return {
        "items": int(rows.sum()),
        "votes": len(ballots.code),
        "sources": len(task.votes.sources),
        "classes": task.votes.outcomes,
        "accuracy": {name: float(values[..., rows].mean()) for name, values in found.items()},
        "difference": differences({"": found}, {"": rows}),
    }


def differences(
    found: Mapping[str, Mapping[str, Floats]], rows: Mapping[str, NDArray[np.bool_]], ours: str = "tacit"
) -> dict[str, Any]:
    """Ours minus every other method, over the items of all sets."""
    names = [n for n in next(iter(found.values())) if n != ours]
    return {n: paired(np.concatenate([gain(found[s], ours, n, rows[s]) for s in found], axis=1)) for n in names}


def gain(found: Mapping[str, Floats], ours: str, other: str, rows: NDArray[np.bool_]) -> Floats:
    """(draws, rows) differences; methods without a seed are the same in every draw."""
    return np.atleast_2d(found[ours] - found[other])[:, rows]


def best_of(found: Mapping[str, Floats]) -> str:
    """Majority or Dawid-Skene as the data sets' own figures have it, whichever is better on this set."""
    return max(("majority", "Dawid-Skene, 50 iterations"), key=lambda name: float(found[name].mean()))


def crowds() -> dict[str, Any]:
    """The three crowds."""
    peers: dict[str, Callable[[Votes], Floats]] = {}
    if find_spec("crowdkit"):
        peers = {f"Crowd-Kit {n}": lambda votes, n=n: crowdkit(votes, n) for n in ("DawidSkene", "GLAD")}
    tasks = {name: crowd(name) for name in ("dog", "duck", "face")}
    found = {name: scored(task, peers) for name, task in tasks.items()}
    rows = {name: np.ones(len(task.truth), dtype=bool) for name, task in tasks.items()}
    better = {name: best_of(f) for name, f in found.items()}
    against = np.concatenate([gain(f, "tacit", better[name], rows[name]) for name, f in found.items()], axis=1)
    return {
        "sets": {name: row(task, found[name], rows[name]) for name, task in tasks.items()},
        "mean": {n: float(np.mean([f[n].mean() for f in found.values()])) for n in found["dog"]},
        "pooled": differences(found, rows),
        "better of majority and Dawid-Skene": better,
        "pooled, to the better": paired(against),
        "to the better": {name: float(gain(f, "tacit", better[name], rows[name]).mean()) for name, f in found.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    warnings.filterwarnings("ignore")
    found = crowds()
    for name, line in found["sets"].items():
        print(f"{name:8}", {n: round(a, 4) for n, a in line["accuracy"].items()})
    keep(RESULTS / "crowd.json", found | {"peers": installed({"crowd-kit": "crowdkit"}), "provenance": provenance()})


def installed(peers: Mapping[str, str]) -> dict[str, str]:
    """Versions of the peers (package to module) that are there; says which are not."""
    for name in (name for name, module in peers.items() if not find_spec(module)):
        print(f"{name} is not installed and left out; pip install {name}")
    return {name: version(name) for name, module in peers.items() if find_spec(module)}


if __name__ == "__main__":
    main()
