"""Vote aggregation on real votes: crowds (dog, duck, face) and rules (WRENCH: youtube, sms, trec), by items in pairs.

Every figure is the expected accuracy under random ties. The default of `tacit.labels.aggregation.aggregate` and its
constants were fixed on simulated votes and on rules for other data before any of these sets was looked at. Peers
(``pip install crowd-kit snorkel``, in an environment of their own that also has tacit's dependencies) are left out
with a message where they are missing. Rules are scored on train rows without seed rows; sms with its recomputed votes.

usage: python benchmarks/crowd.py [--threads 1] [--seeds 0-9]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from study import RESULTS, data_folder, keep, numbers, paired, provenance, use_threads
from tacit.data.prediction import Categorical
from tacit.labels import Votes
from tacit.labels.aggregation import aggregate, dawid_skene, majority, one_coin

Floats = NDArray[np.float64]
ROUNDS, FOLDS = 3, 5
METHODS: dict[str, Callable[[Votes], Floats]] = {
    "majority": lambda votes: majority(votes).p,
    "one coin": lambda votes: one_coin(votes).p,
    "Dawid-Skene": lambda votes: dawid_skene(votes).p,
    "Dawid-Skene, 50 iterations": lambda votes: dawid_skene(votes, iterations=50).p,
    "tacit": lambda votes: aggregate(votes).p,
}


@dataclass(frozen=True)
class Task:
    """Votes with the truth (n,) that they are scored by, and texts where there are any."""

    votes: Votes
    truth: NDArray[np.int64]
    texts: list[str] | None = None

    @property
    def voted(self) -> NDArray[np.bool_]:
        """(n,) whether anyone voted."""
        return np.diff(self.votes.ballots.offsets) > 0


def crowd(name: str) -> Task:
    """A crowd's answers, one line each."""
    lines = {part: _table(f"crowd_{name}/{part}.csv.gz") for part in ("answers", "truth")}
    truth = {row["item"]: int(row["truth"]) for row in lines["truth"]}
    answers, classes = lines["answers"], [str(c) for c in range(max(truth.values()) + 1)]
    columns = ([row[column] for row in answers] for column in ("item", "worker", "label"))
    return Task(Votes.from_names(*columns, ids=list(truth), classes=classes), np.array(list(truth.values())))


def rules(name: str) -> Task:
    """The votes of labelling functions on train rows that are no seed rows; silence is an outcome."""
    with gzip.open(data_folder() / f"wrench_{name}/wrench_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "train" and not row["seed"]]
    votes = np.array([row["weak_labels_rules" if name == "sms" else "weak_labels"] for row in rows])
    truth = np.array([row["label"] for row in rows])
    classes = [str(c) for c in range(int(truth.max()) + 1)]
    return Task(Votes.from_wide(votes, classes), truth, [row["text"] for row in rows])


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


def snorkel(votes: Votes, seed: int) -> Floats:
    """Beliefs of Snorkel's label model with its own defaults."""
    from snorkel.labeling.model import LabelModel

    model = LabelModel(cardinality=votes.outcomes, verbose=False)
    matrix = wide(votes)
    model.fit(matrix, seed=seed, progress_bar=False)
    return np.asarray(model.predict_proba(matrix))


def wide(votes: Votes) -> NDArray[np.int64]:
    """(n, S) classes, -1 where a source is silent."""
    matrix = np.full((len(votes), len(votes.sources)), -1, dtype=np.int64)
    matrix[votes.ballots.item, votes.ballots.source] = votes.ballots.vote
    return matrix


def joint(task: Task, seed: int) -> Floats:
    """Beliefs once a classifier of the texts is one more source, trained without the records it speaks of.

    TF-IDF of words and pairs of words with logistic regression (C = 10, as in the data sets' own baselines); in turn
    it learns the beliefs, and its predictions are the prior of the votes.
    """
    assert task.texts is not None
    features = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(task.texts)
    model, p = task.votes.model(), aggregate(task.votes).p
    fold = np.random.default_rng(seed).permutation(len(p)) % FOLDS
    for _ in range(ROUNDS):
        predicted = np.empty_like(p)
        for k in range(FOLDS):
            known = (fold != k) & task.voted
            predicted[fold == k] = _softly_trained(features[known], p[known], features[fold == k])
        prediction = Categorical(torch.from_numpy(predicted).log())
        model.fit(prediction)
        posterior = model.posterior(prediction)
        assert isinstance(posterior, Categorical)
        p = posterior.p.numpy()
    return p


def _softly_trained(features: Any, p: Floats, asked: Any) -> Floats:
    """(asked, C) predictions of a classifier trained on distributions ``p``: every class a copy with its weight."""
    rows, classes = np.nonzero(p > 0.01)
    classifier = LogisticRegression(C=10.0, max_iter=1000).fit(features[rows], classes, p[rows, classes])
    predicted = np.full((asked.shape[0], p.shape[1]), 1e-6)
    predicted[:, classifier.classes_] = classifier.predict_proba(asked)
    return np.asarray(predicted / predicted.sum(axis=1, keepdims=True))


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


def ruled(seeds: list[int]) -> dict[str, Any]:
    """The three sets of rules: rows with a vote, and apart those without."""
    tasks = {name: rules(name) for name in ("youtube", "sms", "trec")}
    found: dict[str, dict[str, Floats]] = {}
    for name, task in tasks.items():
        found[name] = scored(task, {})
        if find_spec("snorkel"):
            found[name]["Snorkel"] = np.stack([right(snorkel(task.votes, seed), task.truth) for seed in seeds])
        found[name]["joint"] = np.stack([right(joint(task, seed), task.truth) for seed in seeds])
        print(name, {n: round(float(v[..., task.voted].mean()), 4) for n, v in found[name].items()}, flush=True)
    rows = {name: task.voted for name, task in tasks.items()}
    return {
        "sets": {
            name: row(task, found[name], task.voted)
            | {
                "joint": differences({"": found[name]}, {"": task.voted}, "joint"),
                "without a vote": silent(task, found[name]),
            }
            for name, task in tasks.items()
        },
        "pooled": differences(found, rows),
        "pooled, joint": differences(found, rows, "joint"),
        "seeds": seeds,
    }


def silent(task: Task, found: Mapping[str, Floats]) -> dict[str, Any]:
    """Rows without a vote, and the share of their larger class."""
    rows = ~task.voted
    larger = float(np.bincount(task.truth[rows]).max() / rows.sum())
    accuracy = {name: float(values[..., rows].mean()) for name, values in found.items()}
    return {"items": int(rows.sum()), "larger class": larger, "accuracy": accuracy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", default="0-9")
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    warnings.filterwarnings("ignore")
    peers = {name: version(name) for name, module in PEERS.items() if find_spec(module)}
    for name in sorted(set(PEERS) - set(peers)):
        print(f"{name} is not installed and left out; pip install {name}")
    found = {"crowds": crowds(), "rules": ruled(numbers(chosen.seeds))}
    for group in found.values():
        for name, line in group["sets"].items():
            print(f"{name:8}", {n: round(a, 4) for n, a in line["accuracy"].items()})
    keep(RESULTS / "crowd.json", found | {"peers": peers, "provenance": provenance()})


PEERS = {"crowd-kit": "crowdkit", "snorkel": "snorkel"}

if __name__ == "__main__":
    main()
