"""Crowds like the real ones, with a truth that is known: how much of a difference between methods is the sets' own.

Every item gets its votes from the same sources as in the real set. What the sources say is drawn from the confusions
that Dawid-Skene or tacit's own estimated there (no true label is read), so that either model is right once. *Hard*
items are added to both: with a probability of its own, Beta (0.5, 1), each voter of an item takes it for one other
class, the same for all of them, as people do and neither model knows.

usage: TACIT_DATA=... python benchmarks/crowd_simulated.py [--draws 30] [--threads 1]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowd import METHODS, Floats, crowd, right
from study import RESULTS, keep, paired, provenance, use_threads
from tacit.labels import Votes
from tacit.labels.aggregation import Aggregate, aggregate, dawid_skene

SETS = ("dog", "duck", "face")
HARD = (0.5, 1.0)
"""Parameters of the Beta distribution of how hard an item is."""

SMOOTHING = 0.5
"""Votes added to every cell of Dawid-Skene's confusions, so that nothing is drawn as impossible."""


def drawn(votes: Votes, of: Aggregate, hard: bool, rng: np.random.Generator) -> tuple[Votes, NDArray[np.int64]]:
    """Votes on the same items by the same sources, and the truth (n,) behind them."""
    assert of.confusion is not None
    item, source = votes.ballots.item, votes.ballots.source
    confusion = of.confusion / of.confusion.sum(axis=2, keepdims=True)
    truth = rng.choice(len(of.prior), size=len(votes), p=of.prior)
    mean = confusion.mean(axis=0)
    wrong = mean * (1 - np.eye(len(mean)))
    other = chosen(wrong / wrong.sum(axis=1, keepdims=True), truth, rng)
    misled = rng.random(len(item)) < rng.beta(*HARD, len(votes))[item] if hard else np.zeros(len(item), dtype=bool)
    seen = np.where(misled, other[item], truth[item])
    vote = chosen(confusion.reshape(-1, len(mean)), source * len(mean) + seen, rng)
    return Votes(item, source, vote, len(votes), votes.task.names), truth


def chosen(distributions: Floats, row: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(n,) a class from each of these rows of the distributions."""
    ends = distributions[row].cumsum(axis=1)
    return np.minimum((ends < rng.random(len(row))[:, None]).sum(axis=1), ends.shape[1] - 1)


def line(votes: Votes, of: Aggregate, hard: bool, draws: int) -> dict[str, Any]:
    """Mean accuracies, and tacit's difference to the other methods, over draws."""
    found: dict[str, list[Floats]] = {name: [] for name in METHODS}
    for seed in range(draws):
        simulated, truth = drawn(votes, of, hard, np.random.default_rng(seed))
        for name, method in METHODS.items():
            found[name].append(right(method(simulated), truth))
    ours = np.stack(found["tacit"])
    return {
        "accuracy": {name: float(np.mean(values)) for name, values in found.items()},
        "difference": {name: paired(ours - np.stack(values)) for name, values in found.items() if name != "tacit"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    chosen_options = parser.parse_args()
    use_threads(chosen_options.threads)
    rows: dict[str, Any] = {}
    for name in SETS:
        votes = crowd(name).votes
        sources = {"Dawid-Skene": dawid_skene(votes, smoothing=SMOOTHING), "tacit": aggregate(votes)}
        for of, found in sources.items():
            for hard in (False, True):
                title = f"{name}, as {of} has it{', hard items' if hard else ''}"
                rows[title] = line(votes, found, hard, chosen_options.draws)
                print(title, rows[title]["accuracy"], rows[title]["difference"]["Dawid-Skene"], flush=True)
    keep(RESULTS / "crowd_simulated.json", {"draws": chosen_options.draws, "rows": rows, "provenance": provenance()})


if __name__ == "__main__":
    main()
