"""Vote aggregation: seconds and memory against Crowd-Kit's Dawid-Skene and Snorkel's label model, on the same votes.

Every item has ``--each`` votes by random ones of 50 sources, each with a confusion matrix of its own. Dawid-Skene is
ten iterations on both sides, from a line a vote in random order (a data frame for Crowd-Kit, arrays for tacit, whose
sorting counts), and has to give the same beliefs. Snorkel's label model has its defaults, from a wide matrix, and
tacit's `aggregate` is timed from the same matrix. Peers (``pip install crowd-kit snorkel``, in an environment of
their own that also has tacit's dependencies) are left out with a message where they are missing.

usage: python benchmarks/votes.py [--threads 2] [--items 100000,1000000] [--each 5] [--classes 2] [--repeats 3]
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study import RESULTS, keep, numbers, provenance, use_threads
from tacit.labels import Votes
from tacit.labels.aggregation import aggregate, dawid_skene

SOURCES, ITERATIONS = 50, 10
PEERS = {"crowd-kit": "crowdkit", "snorkel": "snorkel"}
FLOOR = 1e-10
"""What Crowd-Kit puts in place of a count of 0."""
PART = 100_000
"""Items whose sources are drawn at once."""

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Sample:
    """Votes by line, in random order, and the truth of every item."""

    item: Ints
    source: Ints
    vote: Ints
    truth: Ints
    classes: int

    @staticmethod
    def drawn(items: int, each: int, classes: int, seed: int = 0) -> Sample:
        """Sources are right at a rate from 0.5 to 0.9 by source and truth, and wrong in every way alike."""
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, classes, items).astype(np.int32)
        item = np.repeat(np.arange(items, dtype=np.int32), each)
        source = np.concatenate([_sources(min(PART, items - row), each, rng) for row in range(0, items, PART)])
        accuracy = rng.uniform(0.5, 0.9, (SOURCES, classes))
        right = rng.random(len(item)) < accuracy[source, truth[item]]
        other = (truth[item] + rng.integers(1, classes, len(item), dtype=np.int32)) % classes
        order = rng.permutation(len(item))
        vote = np.where(right, truth[item], other)
        return Sample(item[order], source[order], vote[order], truth, classes)

    @property
    def names(self) -> list[str]:
        """The classes."""
        return [str(c) for c in range(self.classes)]

    def votes(self) -> Votes:
        """As tacit holds them."""
        return Votes(self.item, self.source, self.vote, len(self.truth), self.names)

    def wide(self) -> Ints:
        """(items, sources) with -1 for silence, int64 as Snorkel wants it."""
        matrix = np.full((len(self.truth), SOURCES), -1, dtype=np.int64)
        matrix[self.item, self.source] = self.vote
        return matrix

    def right(self, p: NDArray[np.float64]) -> float:
        """The accuracy of beliefs (items, C)."""
        return float((p.argmax(axis=1) == self.truth).mean())


def _sources(items: int, each: int, rng: np.random.Generator) -> Ints:
    """(items * each,) different sources of every item, any set of them alike likely: few items share all of theirs."""
    return rng.random((items, SOURCES)).argpartition(each - 1, axis=1)[:, :each].astype(np.int32).reshape(-1)


def timed(work: Callable[[], Any], repeats: int) -> tuple[list[float], Any]:
    """Seconds of every repeat, and the last result."""
    seconds, found = [], None
    for _ in range(repeats):
        begun = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - begun)
    return seconds, found


def crowdkit(sample: Sample, repeats: int) -> dict[str, Any]:
    """Dawid-Skene, ten iterations, on both sides."""
    seconds, found = timed(
        lambda: dawid_skene(sample.votes(), ITERATIONS, smoothing=FLOOR).p,
        repeats,
    )
    row: dict[str, Any] = {"tacit": {"seconds": seconds, "accuracy": sample.right(found)}}
    if not find_spec("crowdkit"):
        return row
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    table = pd.DataFrame({"task": sample.item, "worker": sample.source, "label": sample.vote})
    theirs, frame = timed(lambda: DawidSkene(n_iter=ITERATIONS, tol=-np.inf).fit_predict_proba(table), repeats)
    p = frame.sort_index().sort_index(axis=1).to_numpy()
    return row | {
        "Crowd-Kit": {"seconds": theirs, "accuracy": sample.right(p)},
        "times faster": min(theirs) / min(seconds),
        "largest difference of beliefs": float(np.abs(p - found).max()),
    }


def snorkel(sample: Sample, repeats: int) -> dict[str, Any]:
    """Snorkel's label model and tacit's own, from a wide matrix; where silence says nothing, as Snorkel has it."""
    matrix = sample.wide()

    def ours() -> NDArray[np.float64]:
        return aggregate(Votes.from_wide(matrix, sample.names, abstain="ignored")).p

    seconds, found = timed(ours, repeats)
    row: dict[str, Any] = {"tacit": {"seconds": seconds, "accuracy": sample.right(found)}}
    if not find_spec("snorkel"):
        return row
    from snorkel.labeling.model import LabelModel

    def theirs() -> NDArray[np.float64]:
        model = LabelModel(cardinality=sample.classes, verbose=False)
        model.fit(matrix, seed=0, progress_bar=False)
        return np.asarray(model.predict_proba(matrix))

    spent, p = timed(theirs, 1)
    peer = {"seconds": spent, "accuracy": sample.right(p)}
    return row | {"Snorkel": peer, "times faster": min(spent) / min(seconds)}


def memory(items: int, each: int, classes: int) -> dict[str, Any]:
    """Bytes of the votes as they are held, and the most that is allocated at once while they are aggregated."""
    votes = Sample.drawn(items, each, classes).votes()
    held = votes.ballots.code.nbytes + votes.ballots.offsets.nbytes + votes.ballots.seen.nbytes
    tracemalloc.start()
    begun = time.perf_counter()
    aggregate(votes)
    seconds = time.perf_counter() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    count = items * each
    return {
        "items": items,
        "votes": count,
        "held": held,
        "peak": peak,
        "bytes a vote": peak / count,
        "seconds of aggregate": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--items", default="100000,1000000")
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    warnings.filterwarnings("ignore")
    peers = {name: version(name) for name, module in PEERS.items() if find_spec(module)}
    for name in sorted(set(PEERS) - set(peers)):
        print(f"{name} is not installed and left out; pip install {name}")
    rows = []
    for items in numbers(chosen.items):
        sample = Sample.drawn(items, chosen.each, chosen.classes)
        row = {"items": items, "votes": len(sample.item)}
        row |= {"Dawid-Skene": crowdkit(sample, chosen.repeats), "label model": snorkel(sample, chosen.repeats)}
        rows.append(row)
        print(items, {k: row[k] for k in ("Dawid-Skene", "label model")}, flush=True)
    spaces = [
        memory(items, each, chosen.classes) for items, each in [(100_000, 5), (1_000_000, 5), (1_000_000, SOURCES)]
    ]
    for space in spaces:
        print(space, flush=True)
    setting = {"sources": SOURCES, "each": chosen.each, "classes": chosen.classes, "iterations": ITERATIONS}
    keep(RESULTS / "votes.json", setting | {"rows": rows, "memory": spaces, "peers": peers, "provenance": provenance()})


if __name__ == "__main__":
    main()
