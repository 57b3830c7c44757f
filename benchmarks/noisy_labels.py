"""CIFAR-10N, the worst of three human labels (40 % wrong): a method for noisy labels against plain cross-entropy.

One multi-layer perceptron on fixed features of the images (`patch_features`), the same views, settings and steps for
every method. Numbers of steps, and on our side methods, are chosen by the likelihood of held-out noisy labels over
three folds (`EvidenceJudge`, which estimates the transition for each from the other folds), the same for plain
cross-entropy; true labels are read only to judge. The chosen one is fitted again to all and judged on the true labels
of the test images.

Then wrong labels are searched for among the training images, with the out-of-fold predictions of the chosen method:
by the posterior of the noise model, and by the two scores of confident learning (cleanlab, left out with a message
where it is missing).

``--labels random_label1`` is for development: other labels, of which 17 % are wrong, and a random half of the
training images as the test. Finished draws are skipped.

usage: TACIT_DATA=... python benchmarks/noisy_labels.py [--seeds 0-9] [--labels worse_label] [--threads 1] [--summary]
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patch_features import PatchFeatures
from study import RESULTS, Judged, correct_of, data_folder, keep, numbers, paired, provenance, use_threads
from tacit.claims.arms import shared_out
from tacit.compare.candidate import FitPlan, Predictor
from tacit.compare.judges import EvidenceJudge, without
from tacit.compare.model import modalities
from tacit.compare.protocol import told
from tacit.compare.recipe import Recipe
from tacit.compare.store import Held, in_order
from tacit.compare.workbench import Workbench, cache_folder, make_fabric
from tacit.data.prediction import Categorical
from tacit.data.read import read
from tacit.data.records import Records
from tacit.labels import Noisy
from tacit.systems.base import systems
from tacit.train.watch import Watch

FOLDER = RESULTS / "noisy_labels"
WORST = "worse_label"
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PLAIN = "supervised-augmented"
METHODS = ("evidence", "elr", "gce", "co-teaching")
STEPS = (400, 800)
FOLDS = 3

Ints = NDArray[np.int64]
Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """Features and true classes of training and test images, and the given classes of the training images."""

    x: Matrix
    truth: Ints
    given: Ints
    test: Matrix
    test_truth: Ints


def loaded(labels: str, seed: int) -> Data:
    """The stored split for the worst labels; for others a random half of the training images is the test."""
    found = _features()
    given = np.load(data_folder() / "cifar10n/cifar10n.npz")[labels][: len(found["x"])].astype(np.int64)
    y = found["y"].astype(np.int64)
    if labels == WORST:
        return Data(found["x"], y, given, found["test"], found["test_y"].astype(np.int64))
    order = np.random.default_rng([seed, 2]).permutation(len(y))
    train, test = np.sort(order[: len(y) // 2]), np.sort(order[len(y) // 2 :])
    return Data(found["x"][train], y[train], given[train], found["x"][test], y[test])


def _features() -> Mapping[str, NDArray[Any]]:
    """Features of all images, learned from the training images, kept in the cache."""
    path = cache_folder() / "cifar10_patch_features.npz"
    if not path.exists():
        with np.load(data_folder() / "cifar10/cifar10_jpeg.npz") as file:
            images = {part: _decoded(file[f"{part}_jpeg"], file[f"{part}_offsets"]) for part in ("train", "test")}
            y = {part: file[f"{part}_y"] for part in ("train", "test")}
        features = PatchFeatures.learned(images["train"])
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, x=features(images["train"]), test=features(images["test"]), y=y["train"], test_y=y["test"])
    return dict(np.load(path))


def _decoded(stored: NDArray[np.uint8], offsets: Ints) -> NDArray[np.uint8]:
    from PIL import Image

    cuts = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    return np.stack([np.asarray(Image.open(io.BytesIO(stored[a:b].tobytes())).convert("RGB")) for a, b in cuts])


@dataclass(frozen=True)
class Fitter:
    """Trains methods on one pool."""

    bench: Workbench
    records: Records

    @staticmethod
    def on(x: Matrix) -> Fitter:
        records = read(x, modality="table")
        prepared = modalities()["table"]().fit(records, "auto")
        return Fitter(
            Workbench(records, prepared, Noisy([0], "estimate", NAMES).task, make_fabric("cpu"), Watch(), None), records
        )

    def fit(self, method: str, steps: int, labels: Noisy, seed: Sequence[int]) -> Predictor:
        """The method after so many steps on the labels, as it is told them by `tacit.fit`."""
        recipe = Recipe(systems()[method], self.bench)
        plan = FitPlan(shared_out(recipe, steps), name=f"{method}, {steps} steps")
        rng = np.random.default_rng(seed)
        shared = recipe.prepare(self.records, FitPlan(), rng)
        return recipe.fit(self.records, told(recipe, labels), shared, plan, rng)

    def held_out(self, method: str, steps: int, labels: Noisy, fold: Ints, seed: int) -> list[Held]:
        """Predictions of every record by a model that did not see its label."""
        held: list[Held] = []
        for number in range(FOLDS):
            away = np.flatnonzero(fold == number)
            hidden = without(labels, away)
            assert isinstance(hidden, Noisy)
            predictor = self.fit(method, steps, hidden, [seed, 1, number])
            held.append((away, number, predictor(self.records.take(away))))
        return held


def draw(labels: str, seed: int) -> dict[str, Any]:
    """One seed: every method and number of steps held out, the choices, their test figures, and the search."""
    begun = time.monotonic()
    data = loaded(labels, seed)
    noisy = Noisy(data.given, "estimate", NAMES)
    fitter, judge = Fitter.on(data.x), EvidenceJudge(noisy)
    fold = judge.folds(FOLDS, np.random.default_rng([seed, 0]), None)
    held = {
        (method, steps): fitter.held_out(method, steps, noisy, fold, seed)
        for method in (PLAIN, *METHODS)
        for steps in STEPS
    }
    score = {key: float(judge.values(parts)[1].mean()) for key, parts in held.items()}
    chosen = {
        "plain": max((k for k in held if k[0] == PLAIN), key=score.__getitem__),
        "ours": max((k for k in held if k[0] != PLAIN), key=score.__getitem__),
    }
    test = read(data.test, modality="table")
    judged = {}
    for key in set(chosen.values()):
        prediction = fitter.fit(*key, noisy, [seed, 3])(test)
        assert isinstance(prediction, Categorical)
        judged[key] = Judged.of(prediction.p.numpy(), data.test_truth).to_json()
    _, found = in_order(held[chosen["ours"]], 1)
    assert isinstance(found, Categorical)
    out = {f"{m}-{s}": _accuracy(parts, data.truth) for (m, s), parts in held.items()}
    return {
        "labels": labels,
        "seed": seed,
        "records": len(data.x),
        "test": len(data.test),
        "wrong": float((data.given != data.truth).mean()),
        "chosen": {side: list(key) for side, key in chosen.items()},
        "held out nats": {f"{m}-{s}": value for (m, s), value in score.items()},
        "held out accuracy": out,
        "judged": {side: judged[key] for side, key in chosen.items()},
        "search": searched(found, noisy, data.given != data.truth),
        "seconds": time.monotonic() - begun,
        "provenance": provenance(),
    }


def _accuracy(held: Sequence[Held], truth: Ints) -> float:
    index, prediction = in_order(held, 1)
    assert isinstance(prediction, Categorical)
    return float((prediction.log_p.argmax(dim=1).numpy() == truth[index]).mean())


def searched(prediction: Categorical, noisy: Noisy, wrong: NDArray[np.bool_]) -> dict[str, float]:
    """Average precision of every score of being wrong."""
    from sklearn.metrics import average_precision_score

    scores = {"posterior": suspicion(prediction, noisy)}
    if find_spec("cleanlab"):
        scores |= confident_learning(prediction.p.numpy(), noisy.y)
    return {name: float(average_precision_score(wrong, values)) for name, values in scores.items()}


def suspicion(prediction: Categorical, noisy: Noisy) -> Floats:
    """(n,) the posterior probability that a record is not of its given class."""
    model = noisy.model()
    model.fit(prediction)
    posterior = model.posterior(prediction)
    assert isinstance(posterior, Categorical)
    p = posterior.p.double().numpy()
    p[np.arange(len(p)), noisy.y] = 0.0
    return np.asarray(p.sum(axis=1))


def confident_learning(p: Floats, y: Ints) -> dict[str, Floats]:
    """cleanlab's scores; what its filter finds comes before the rest, as its own ranking has it."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    found = find_label_issues(y, p, filter_by="both", n_jobs=1)
    scores = {}
    for method in ("self_confidence", "normalized_margin"):
        doubt = 1.0 - get_label_quality_scores(y, p, method=method)
        scores[f"cleanlab {method}"] = doubt
        scores[f"cleanlab filter, {method}"] = doubt + 2.0 * found
    return scores


def summary(labels: str) -> dict[str, Any] | None:
    """Means over draws, and our differences with intervals."""
    drawn = [json.loads(path.read_text()) for path in sorted((FOLDER / labels).glob("*.json"))]
    if not drawn:
        return None
    hits = {side: np.stack([correct_of(d["judged"][side], d["test"]) for d in drawn]) for side in ("plain", "ours")}
    searches = {name: np.array([[d["search"][name]] for d in drawn]) for name in drawn[0]["search"]}
    return {
        "seeds": [d["seed"] for d in drawn],
        "wrong": drawn[0]["wrong"],
        "chosen": {side: [d["chosen"][side] for d in drawn] for side in hits},
        "accuracy": {side: float(right.mean()) for side, right in hits.items()},
        "ours minus plain": paired(hits["ours"].astype(np.float64) - hits["plain"]),
        "average precision": {name: float(values.mean()) for name, values in searches.items()},
        "posterior minus": {
            name: paired(searches["posterior"] - values)["t"]
            for name, values in searches.items()
            if name != "posterior" and len(drawn) > 1
        },
        "held out nats": _means(drawn, "held out nats"),
        "held out accuracy": _means(drawn, "held out accuracy"),
        "seconds": sum(d["seconds"] for d in drawn),
        "commits": sorted({d["provenance"]["commit"] for d in drawn}),
        "command": drawn[0]["provenance"]["command"],
    }


def _means(drawn: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    return {key: float(np.mean([d[name][key] for d in drawn])) for key in drawn[0][name]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-9")
    parser.add_argument("--labels", default=WORST)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--summary", action="store_true", help="only tabulate what is finished")
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    if not find_spec("cleanlab"):
        print("cleanlab is not installed and left out; pip install cleanlab")
    for seed in [] if chosen.summary else numbers(chosen.seeds):
        path = FOLDER / chosen.labels / f"seed{seed}.json"
        if not path.exists():
            found = draw(chosen.labels, seed)
            keep(path, found)
            print(seed, {k: found[k] for k in ("chosen", "held out nats", "held out accuracy", "search")}, flush=True)
    told_so = summary(chosen.labels)
    if told_so is not None and chosen.labels == WORST:
        peers = {"cleanlab": version("cleanlab")} if find_spec("cleanlab") else {}
        keep(RESULTS / "noisy_labels.json", told_so | {"peers": peers})
    print(json.dumps(told_so, indent=1))


if __name__ == "__main__":
    main()
