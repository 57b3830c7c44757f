"""A mixture of evidence on images and on texts: as it is, against its naive reading, its exact part, and less of it.

Of the pool 5 % have exact labels, 30 % candidates (the true class, and each other one with probability 0.3), 20 % the
votes of three annotators (right for 80, 60 and 45 %, else any other class alike), 20 % are in bags of 8 with counts
of the classes, and nothing is known of the rest. Every arm fits a linear head on the same features; the penalty is
chosen by held-out evidence. Ours is the candidate ``evidence-linear`` of `tacit.fit`, the others its baseline
``logistic``. Judged on the data's own test set. Finished draws are skipped.

usage: TACIT_DATA=... python benchmarks/mixed.py [--sets mnist,trec,adult] [--seeds 0-9] [--threads 1] [--summary]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study import RESULTS, Talk, keep, numbers, paired, provenance, use_threads
from tacit.claims.sets import Split, adult, mnist, trec
from tacit.compare.baselines import FeatureCandidate, Logistic
from tacit.compare.candidate import FitPlan
from tacit.compare.evidence import EvidenceLinear
from tacit.compare.model import modalities
from tacit.compare.workbench import Workbench, cache_folder, make_fabric
from tacit.data.prediction import Categorical
from tacit.data.task import Classes
from tacit.labels import Candidates, Exact, Labels, Proportions, Votes

FOLDER = RESULTS / "mixed"
Ints = NDArray[np.int64]
SETS = {"mnist": (mnist, "auto"), "trec": (trec, "minilm"), "adult": (adult, "auto")}
POOL = 3000
"""Records of the pool, drawn anew for every seed."""

SHARES = {"exact": 0.05, "candidates": 0.30, "votes": 0.20, "proportions": 0.20}
OTHERS = 0.3
"""With which probability each wrong class is a candidate too."""

RATES = (0.8, 0.6, 0.45)
"""How often each annotator is right."""

BAG = 8


def parts_of(truth: Ints, classes: Sequence[str], rng: np.random.Generator) -> dict[str, Labels]:
    """The evidence of each kind, on parts of the records that do not overlap."""
    n, c = len(truth), len(classes)
    order = rng.permutation(n)
    ends = np.cumsum([round(share * n) for share in SHARES.values()])
    exact, partial, voted, bagged = np.split(order, ends)[:4]
    y = np.full(n, -1)
    y[exact] = truth[exact]
    mask = np.ones((n, c), dtype=bool)
    mask[partial] = (rng.random((len(partial), c)) < OTHERS) | np.eye(c, dtype=bool)[truth[partial]]
    item = np.repeat(voted, len(RATES))
    source = np.tile(np.arange(len(RATES)), len(voted))
    wrong = (truth[item] + rng.integers(1, c, len(item))) % c
    vote = np.where(rng.random(len(item)) < np.array(RATES)[source], truth[item], wrong)
    bagged = bagged[: len(bagged) // BAG * BAG]
    bag = np.full(n, -1)
    bag[bagged] = np.arange(len(bagged)) // BAG
    counts = np.zeros((len(bagged) // BAG, c), dtype=np.int64)
    np.add.at(counts, (bag[bagged], truth[bagged]), 1)
    return {
        "exact": Exact(y, classes),
        "candidates": Candidates(mask, classes),
        "votes": Votes(item, source, vote, n, classes),
        "proportions": Proportions(bag, counts, n, classes),
    }


def hits(candidate: FeatureCandidate, labels: Labels, split: Split, seed: int) -> NDArray[np.float64]:
    """(test,) what the candidate gets right once it was told these labels."""
    rng = np.random.default_rng([seed, 1])
    predictor = candidate.fit(split.pool, labels, None, FitPlan(), rng)
    prediction = predictor(split.test)
    assert isinstance(prediction, Categorical)
    return (prediction.log_p.argmax(dim=1).numpy() == split.test_truth).astype(np.float64)


def draw(name: str, seed: int) -> dict[str, Any]:
    """Accuracies of all arms in one draw, and what each gets right."""
    load, encoder = SETS[name]
    whole = load()
    rng = np.random.default_rng([seed, 0])
    chosen = np.sort(rng.permutation(len(whole.pool))[:POOL])
    split = Split(whole.name, whole.pool.take(chosen), whole.truth[chosen], whole.test, whole.test_truth, whole.classes)
    prepared = modalities()[split.pool.modality]().fit(whole.pool, encoder)
    bench = Workbench(whole.pool, prepared, Classes(split.classes), make_fabric("cpu"), Talk(), cache_folder())
    parts = parts_of(split.truth, split.classes, rng)
    mixed = Labels.combine(*parts.values())
    ours, plain = EvidenceLinear(bench), Logistic(bench)
    found = {
        "evidence": hits(ours, mixed, split, seed),
        "naive": hits(plain, mixed.naive(), split, seed),
        "exact part": hits(plain, parts["exact"], split, seed),
    }
    for left_out in parts:
        rest = Labels.combine(*(part for kind, part in parts.items() if kind != left_out))
        found[f"without {left_out}"] = hits(ours, rest, split, seed)
    return {
        "set": name,
        "seed": seed,
        "records": len(split.pool),
        "accuracy": {arm: float(right.mean()) for arm, right in found.items()},
        "hits": {arm: "".join(map(str, right.astype(int).tolist())) for arm, right in found.items()},
        "provenance": provenance(),
    }


def summary(name: str) -> dict[str, Any] | None:
    """Means over draws, and ours minus every other arm with its paired interval over draws and test records."""
    import json

    files = sorted((FOLDER / name).glob("*.json"))
    if not files:
        return None
    drawn = [json.loads(file.read_text()) for file in files]
    right = {arm: np.array([[int(b) for b in d["hits"][arm]] for d in drawn], dtype=float) for arm in drawn[0]["hits"]}
    return {
        "seeds": [d["seed"] for d in drawn],
        "accuracy": {arm: float(values.mean()) for arm, values in right.items()},
        "evidence minus": {arm: paired(right["evidence"] - v) for arm, v in right.items() if arm != "evidence"},
        "commits": sorted({d["provenance"]["commit"] for d in drawn}),
        "command": drawn[0]["provenance"]["command"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="mnist,trec")
    parser.add_argument("--seeds", default="0-9")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--summary", action="store_true", help="only tabulate what is finished")
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    for seed in [] if chosen.summary else numbers(chosen.seeds):
        for name in chosen.sets.split(","):
            path = FOLDER / name / f"seed{seed}.json"
            if path.exists():
                continue
            result = draw(name, seed)
            keep(path, result)
            print(name, seed, {arm: round(value, 4) for arm, value in result["accuracy"].items()}, flush=True)
    found = {name: told for name in SETS if (told := summary(name)) is not None}
    keep(RESULTS / "mixed.json", found)
    for name, told in found.items():
        print(name, told["accuracy"])
        for arm, difference in told["evidence minus"].items():
            print(f"  evidence minus {arm}: {difference}")


if __name__ == "__main__":
    main()
