"""What a noise model adds to the search for wrong labels, on the same predictions: known noise on real images.

CIFAR-10's first 10,000 training images, a random half of them, with labels made wrong in ways that are known: evenly;
one class for the next; as people confuse them (rows of the stored human labels of the *other* 40,000 images, with
40 % wrong in each class); and as those people labelled these images. Out-of-fold predictions are a linear head's by
the likelihood of the noisy labels, with the transition that tacit estimates. Searched is by confident learning's
self-confidence, by the posterior under that transition, and by the posterior under the true one, which nobody has.
(Under an even transition the posterior ranks as self-confidence does.) Cleanlab's own self-confidence is the same
number.

usage: TACIT_DATA=... python benchmarks/wrong_labels.py [--seeds 200-204] [--threads 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from noisy_labels import FOLDS, NAMES, Data, Fitter, Floats, Ints, loaded, suspicion
from study import RESULTS, data_folder, keep, numbers, provenance, use_threads
from tacit.compare.estimate import cross_fitted, estimated
from tacit.data.prediction import Categorical
from tacit.labels import Noisy

SEEN = "random_label1"
WRONG = 0.4
PENALTY = 100.0
CLASSES = len(NAMES)


def evenly(wrong: float = WRONG) -> Floats:
    """(C, C) all other classes alike."""
    return np.where(np.eye(CLASSES) > 0, 1 - wrong, wrong / (CLASSES - 1))


def next_class(wrong: float = 0.35) -> Floats:
    """(C, C) each class for the next."""
    return np.asarray((1 - wrong) * np.eye(CLASSES) + wrong * np.roll(np.eye(CLASSES), 1, axis=1))


def as_people() -> Floats:
    """(C, C) the errors of people on other images."""
    with np.load(data_folder() / "cifar10n/cifar10n.npz") as found:
        y, said = found["clean_label"][10_000:], found[SEEN][10_000:]
    errors = counted(y, said) * (1 - np.eye(CLASSES))
    return np.asarray((1 - WRONG) * np.eye(CLASSES) + WRONG * errors / errors.sum(axis=1, keepdims=True))


def counted(y: Ints, said: Ints) -> Floats:
    """(C, C) how often each truth was said to be each class."""
    return np.bincount(y * CLASSES + said, minlength=CLASSES**2).reshape(CLASSES, CLASSES).astype(np.float64)


NOISES: dict[str, Callable[[], Floats] | None] = {
    "evenly, 40 %": evenly,
    "the next class, 35 %": next_class,
    "as people err, 40 %": as_people,
    "people on these images, 17 %": None,
}


def given(data: Data, noise: Callable[[], Floats] | None, rng: np.random.Generator) -> Ints:
    """The labels of the training images."""
    if noise is None:
        return data.given
    ends = noise()[data.truth].cumsum(axis=1)
    return np.minimum((ends < rng.random(len(ends))[:, None]).sum(axis=1), CLASSES - 1)


def searched(data: Data, said: Ints, seed: int) -> dict[str, float]:
    """Average precision of each way to search."""
    labels, fitter = Noisy(said, "estimate", NAMES), Fitter.on(data.x)
    model = estimated(fitter.bench, fitter.records, labels)
    fold = np.random.default_rng(seed).permutation(len(said)) % FOLDS
    prediction = cross_fitted(fitter.bench.features(fitter.records), model, PENALTY, fold)
    assert isinstance(prediction, Categorical)
    true = counted(data.truth, said) + 1e-6
    ways = {
        "self-confidence": 1 - prediction.p.numpy()[np.arange(len(said)), said],
        "posterior": suspicion(prediction, labels),
        "posterior, true transition": suspicion(prediction, Noisy(said, true / true.sum(axis=1, keepdims=True), NAMES)),
    }
    return {name: float(average_precision_score(said != data.truth, doubt)) for name, doubt in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="200-204")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    seeds, found = numbers(chosen.seeds), dict[str, Any]()
    for name, noise in NOISES.items():
        draws = []
        for seed in seeds:
            data = loaded(SEEN, seed)
            draws.append(searched(data, given(data, noise, np.random.default_rng(seed)), seed))
        found[name] = {way: [draw[way] for draw in draws] for way in draws[0]}
        print(name, {way: round(float(np.mean(values)), 4) for way, values in found[name].items()}, flush=True)
    keep(RESULTS / "wrong_labels.json", {"seeds": seeds, "noises": found, "provenance": provenance()})


if __name__ == "__main__":
    main()
