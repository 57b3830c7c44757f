"""Rules for texts (WRENCH: youtube, sms, trec): what their votes add up to, and the classifier that learns from it.

Train rows are those without seed rows, test rows those whose text does not stand in train; sms has its recomputed
votes. *Aggregation* is scored on train rows with a vote, under random ties, and apart on those without. The *end
model* is the same for every treatment of the evidence: TF-IDF of words and pairs of words with logistic regression
(C = 10, as in the data sets' own baselines), trained on distributions over the classes and scored on test rows; *gold*
has the truth instead. Treatments differ in the distributions and in the rows that they say something of: the votes
alone in those with a vote, *joint* and *gold* in all.

The default of `tacit.labels.aggregation.aggregate`, what is done in `joint` and all constants were fixed on rules of
keywords for other texts, never on the truth of these sets. Snorkel (``pip install snorkel``, in an environment of its
own that also has tacit's dependencies) is left out with a message where it is missing.

usage: python benchmarks/weak_labels.py [--threads 1] [--seeds 0-9]
"""

from __future__ import annotations

import argparse
import gzip
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from crowd import METHODS, Floats, Task, differences, installed, right, row
from study import RESULTS, data_folder, keep, numbers, provenance, use_threads
from tacit.data.prediction import Categorical
from tacit.labels import Votes
from tacit.labels.aggregation import aggregate

SETS = ("youtube", "sms", "trec")
FOLDS = 5
PART = 0.5
"""What the classifier's predictions count for, which has learned from the votes that it is added to: half a source."""


@dataclass(frozen=True)
class TextTask(Task):
    """Votes on train rows, and the features of train and test rows, (n, words) and (m, words), with truth (m,)."""

    features: csr_matrix
    test: csr_matrix
    test_truth: NDArray[np.int64]

    @property
    def voted(self) -> NDArray[np.bool_]:
        """(n,) whether any rule voted."""
        return np.diff(self.votes.ballots.offsets) > 0


def rules(name: str) -> TextTask:
    """The votes of labelling functions; silence is an outcome."""
    with gzip.open(data_folder() / f"wrench_{name}/wrench_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    known = {r["text"] for r in rows if r["split"] == "train"}
    train = [r for r in rows if r["split"] == "train" and not r["seed"]]
    test = [r for r in rows if r["split"] == "test" and r["text"] not in known]
    votes = np.array([r["weak_labels_rules" if name == "sms" else "weak_labels"] for r in train])
    truth, test_truth = (np.array([r["label"] for r in part]) for part in (train, test))
    words = TfidfVectorizer(ngram_range=(1, 2))
    features = words.fit_transform([r["text"] for r in train])
    classes = [str(c) for c in range(int(truth.max()) + 1)]
    test_features = words.transform([r["text"] for r in test])
    return TextTask(Votes.from_wide(votes, classes), truth, features, test_features, test_truth)


def joint(task: TextTask, seed: int) -> Floats:
    """(n, C) beliefs once a classifier of the texts is one more source, trained without the records it speaks of.

    It learns what the votes add up to; its predictions are the prior of the votes, and refit what is known of rules.
    """
    model, p = task.votes.model(), aggregate(task.votes).p
    fold = np.random.default_rng(seed).permutation(len(p)) % FOLDS
    predicted = np.empty_like(p)
    for k in range(FOLDS):
        known = (fold != k) & task.voted
        predicted[fold == k] = softly_trained(task.features[known], p[known], task.features[fold == k])
    prediction = Categorical(torch.log_softmax(PART * torch.from_numpy(predicted).log(), dim=1))
    model.fit(prediction)
    posterior = model.posterior(prediction)
    assert isinstance(posterior, Categorical)
    return posterior.p.numpy()


def softly_trained(features: csr_matrix, p: Floats, asked: csr_matrix) -> Floats:
    """(asked, C) predictions of a classifier trained on distributions ``p``: every class a copy with its weight."""
    rows, classes = np.nonzero(p > 0.01)
    classifier = LogisticRegression(C=10.0, max_iter=1000).fit(features[rows], classes, p[rows, classes])
    predicted = np.full((asked.shape[0], p.shape[1]), 1e-6)
    predicted[:, classifier.classes_] = classifier.predict_proba(asked)
    return np.asarray(predicted / predicted.sum(axis=1, keepdims=True))


def snorkel(votes: Votes, seed: int) -> Floats:
    """Beliefs of Snorkel's label model with its own defaults."""
    from snorkel.labeling.model import LabelModel

    matrix = np.full((len(votes), len(votes.sources)), -1, dtype=np.int64)
    matrix[votes.ballots.item, votes.ballots.source] = votes.ballots.vote
    model = LabelModel(cardinality=votes.outcomes, verbose=False)
    model.fit(matrix, seed=seed, progress_bar=False)
    return np.asarray(model.predict_proba(matrix))


def treatments(task: TextTask, seeds: list[int]) -> dict[str, list[Floats]]:
    """What is believed of the train rows (n, C), once or for every seed, by method."""
    found = {name: [method(task.votes)] for name, method in METHODS.items()}
    seeded: dict[str, Callable[[int], Floats]] = {"joint": lambda seed: joint(task, seed)}
    if find_spec("snorkel"):
        seeded["Snorkel"] = lambda seed: snorkel(task.votes, seed)
    return found | {name: [method(seed) for seed in seeds] for name, method in seeded.items()}


def taught(task: TextTask, found: Mapping[str, list[Floats]]) -> dict[str, Floats]:
    """(draws, m) what the end model gets right on test rows, by what it learned from."""
    learned = found | {"shares": [task.votes.tally().shares()], "gold": [np.eye(task.votes.outcomes)[task.truth]]}
    return {name: np.stack([_end_model(task, name, p) for p in draws]) for name, draws in learned.items()}


def _end_model(task: TextTask, name: str, p: Floats) -> Floats:
    said = np.ones(len(p), dtype=bool) if name in ("joint", "gold") else task.voted
    return right(softly_trained(task.features[said], p[said], task.test), task.test_truth)


def silent(task: TextTask, found: Mapping[str, Floats]) -> dict[str, Any]:
    """Rows without a vote, and the share of their larger class."""
    rows = ~task.voted
    larger = np.tile(task.truth[rows] == np.bincount(task.truth[rows]).argmax(), (1, 1)).astype(np.float64)
    against = {name: values[..., rows] for name, values in found.items()} | {"larger class": larger}
    everything = np.ones(int(rows.sum()), dtype=bool)
    return {
        "items": int(rows.sum()),
        "accuracy": {name: float(values.mean()) for name, values in against.items()},
        "joint": differences({"": against}, {"": everything}, "joint"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", default="0-9")
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    warnings.filterwarnings("ignore")
    peers, seeds = installed({"snorkel": "snorkel"}), numbers(chosen.seeds)
    tasks = {name: rules(name) for name in SETS}
    aggregated: dict[str, dict[str, Floats]] = {}
    ended: dict[str, dict[str, Floats]] = {}
    for name, task in tasks.items():
        found = treatments(task, seeds)
        aggregated[name] = {n: np.stack([right(p, task.truth) for p in draws]) for n, draws in found.items()}
        ended[name] = taught(task, found)
        print(name, {n: round(float(v[:, task.voted].mean()), 4) for n, v in aggregated[name].items()})
        print(name, "end model", {n: round(float(v.mean()), 4) for n, v in ended[name].items()}, flush=True)
    voted = {name: task.voted for name, task in tasks.items()}
    tested = {name: np.ones(len(task.test_truth), dtype=bool) for name, task in tasks.items()}
    keep(
        RESULTS / "weak_labels.json",
        {
            "aggregation": {
                name: row(task, aggregated[name], task.voted)
                | {"joint": differences({"": aggregated[name]}, {"": task.voted}, "joint")}
                for name, task in tasks.items()
            },
            "aggregation, pooled": {ours: differences(aggregated, voted, ours) for ours in ("tacit", "joint")},
            "without a vote": {name: silent(task, aggregated[name]) for name, task in tasks.items()},
            "end model": {
                name: {
                    "test": int(tested[name].sum()),
                    "accuracy": {n: float(v.mean()) for n, v in ended[name].items()},
                    "joint": differences({"": ended[name]}, {"": tested[name]}, "joint"),
                    "tacit": differences({"": ended[name]}, {"": tested[name]}, "tacit"),
                }
                for name in tasks
            },
            "end model, pooled": {ours: differences(ended, tested, ours) for ours in ("tacit", "joint")},
            "seeds": seeds,
            "peers": peers,
            "provenance": provenance(),
        },
    )


if __name__ == "__main__":
    main()
