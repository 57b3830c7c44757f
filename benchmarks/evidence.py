"""Time and memory of evidence, at two sizes each: both have to grow as the number of units does.

A case is the likelihood of all units and its gradient with respect to the predictions. It runs in a process of its
own, where memory is the highest resident set above what was held before. Beside these: a bag of 1,000 sites of two
classes against mpmath, and a bag of images in chunks against all at once.

usage: python benchmarks/evidence.py [--scale 1.0] [--only NAME ...] [--threads N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from study import RESULTS, keep, provenance, use_threads
from tacit.data.batch import Batch
from tacit.data.prediction import Categorical
from tacit.labels import Bags, Labels, Levels, Pairs, Proportions, Votes
from tacit.labels.counts import log_counts
from tacit.labels.coupled import Members
from tacit.nets.chunked import in_chunks

REPEATS = 5
WARM = 20
"""Units of a run beforehand, so that what is loaded late is not counted."""

SIZES = {
    "votes": 1_000_000,
    "pairs": 1_000_000,
    "pairs, merged": 1_000_000,
    "tree of 10,000 nodes": 2_000,
    "bags of 100": 10_000,
    "bags of 100, at least 5": 10_000,
    "counts of 2 classes in bags of 100": 10_000,
    "counts of 4 classes in bags of 16": 10_000,
}
"""Units of the larger run: votes, pairs, labelled records, bags. The smaller one has half."""


def random_votes(count: int, rng: np.random.Generator) -> tuple[Labels, int]:
    """Five votes a record from 50 sources, 5 classes."""
    confusion = rng.dirichlet(np.ones(5), (50, 5))
    item = np.repeat(np.arange(count // 5), 5)
    source = (rng.integers(50, size=count // 5)[:, None] + np.arange(5)).reshape(-1) % 50
    names = [str(c) for c in range(5)]
    return Votes(item, source, rng.integers(5, size=len(item)), count // 5, names, confusion), 5


def random_pairs(count: int, rng: np.random.Generator) -> tuple[Labels, int]:
    """Disjoint pairs, half of them the same."""
    ends = rng.permutation(2 * count).reshape(count, 2)
    return Pairs(ends[:, 0], ends[:, 1], rng.random(count) < 0.5, 2 * count, list("abcd")), 4


def merged_pairs(count: int, rng: np.random.Generator) -> tuple[Labels, int]:
    """The same, as `Labels.combine` reads them."""
    labels, classes = random_pairs(count, rng)
    return Labels.combine(labels), classes


def random_tree(count: int, rng: np.random.Generator) -> tuple[Labels, int]:
    """Records at any node of a tree of 10,000 nodes, ten children each."""
    nodes = 10_000
    parent = (np.arange(nodes) - 1) // 10
    labels = Levels(rng.integers(1, nodes, size=count), parent)
    return labels, labels.outcomes


def random_bags(count: int, rng: np.random.Generator, k: int = 1) -> tuple[Labels, int]:
    """Bags of 100 with a label each."""
    return Bags(np.repeat(np.arange(count), 100), rng.random(count) < 0.5, k), 2


def random_counts(count: int, rng: np.random.Generator, size: int, classes: int) -> tuple[Labels, int]:
    """Bags with counts."""
    return Proportions(
        np.repeat(np.arange(count), size), rng.multinomial(size, np.ones(classes) / classes, count)
    ), classes


MAKERS: dict[str, Callable[[int, np.random.Generator], tuple[Labels, int]]] = {
    "votes": random_votes,
    "pairs": random_pairs,
    "pairs, merged": merged_pairs,
    "tree of 10,000 nodes": random_tree,
    "bags of 100": random_bags,
    "bags of 100, at least 5": lambda count, rng: random_bags(count, rng, 5),
    "counts of 2 classes in bags of 100": lambda count, rng: random_counts(count, rng, 100, 2),
    "counts of 4 classes in bags of 16": lambda count, rng: random_counts(count, rng, 16, 4),
}


def resident(peak: bool) -> int:
    """Resident bytes of this process: now, or the most since `forget_peak`."""
    wanted = "VmHWM" if peak else "VmRSS"
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))


def forget_peak() -> None:
    """Start the peak anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Median seconds, and the memory of the first run, with what is made once, such as the structure of a mixture."""
    before = resident(peak=False)
    forget_peak()
    work()
    most = resident(peak=True) - before
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return {"seconds": median(seconds), "bytes": float(most)}


def evidence(name: str, count: int) -> dict[str, float]:
    """Likelihood and gradient of ``count`` units of a case."""
    if count > WARM:
        evidence(name, WARM)
    labels, classes = MAKERS[name](count, np.random.default_rng(0))
    logits = torch.randn(len(labels), classes, generator=torch.Generator().manual_seed(0))
    log_p = torch.log_softmax(logits, dim=1).requires_grad_()

    def work() -> None:
        log_p.grad = None
        labels.log_likelihood(Categorical(log_p)).mean().backward()

    return {"units": float(len(labels.units()))} | measured(work)


class Encoder(nn.Module):
    """A small convolutional network on images, without batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((3, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(8, after), nn.ReLU(), nn.MaxPool2d(2)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 2))

    def forward(self, batch: Batch) -> Tensor:
        return torch.log_softmax(self.layers(batch["image"]), dim=1)


def images(how: str, count: int) -> dict[str, float]:
    """One bag of ``count`` images of 32 by 32, in chunks of 50 or all at once."""
    if count > WARM:
        images(how, WARM)
    torch.manual_seed(0)
    network, labels = Encoder(), Bags(np.zeros(count, dtype=np.int64), [True], count // 4)
    batch = Batch({"image": torch.randn(count, 3, 32, 32)})

    def work() -> None:
        network.zero_grad(set_to_none=True)
        outputs = in_chunks(network, batch, 50 if how == "in chunks of 50" else count)
        (-labels.log_likelihood(Categorical(outputs)).mean()).backward()

    return {"units": float(count)} | measured(work)


def thousand() -> list[dict[str, float]]:
    """One bag of 1,000 sites of two classes: milliseconds forward and backward, and the error against mpmath."""
    from mpmath import mp, mpf

    logit = torch.from_numpy(np.random.default_rng(0).normal(0, 2, 1000))
    off, on = (nn.functional.logsigmoid(sign * logit).requires_grad_() for sign in (-1, 1))
    members = Members(torch.arange(1000), torch.tensor([0, 1000]), torch.ones(1000, dtype=torch.int64))
    asked = [0, 100, 190, 300, 400, 500]
    with mp.workdps(60):
        true = [mpf(1)] + [mpf(0)] * max(asked)
        for place, x in enumerate(logit.tolist()):
            p = 1 / (1 + mp.exp(-mpf(x)))
            for k in range(min(place + 1, max(asked)), 0, -1):
                true[k] = true[k] * (1 - p) + true[k - 1] * p
            true[0] *= 1 - p
        expected = {k: float(mp.log(true[k])) for k in asked}
    rows = []
    for k in asked:
        seconds, count = [], torch.tensor([k])
        for _ in range(50):
            start = time.perf_counter()
            value = log_counts(off, on, members, count, count)
            value.sum().backward()
            seconds.append(time.perf_counter() - start)
        row = {"count": k, "log_p": expected[k], "error": abs(float(value.detach()) - expected[k])}
        rows.append(row | {"milliseconds": 1e3 * median(seconds), "fastest": 1e3 * min(seconds)})
    return rows


def apart(section: str, name: str, count: int, threads: int | None) -> dict[str, float]:
    """A case in a process of its own."""
    command = [sys.executable, __file__, "--case", section, name, str(count)]
    command += ["--threads", str(threads)] if threads is not None else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def grown(section: str, name: str, count: int, threads: int | None) -> dict[str, Any]:
    """A case at half the size and at the whole, and by how much both figures grew."""
    half, whole = (apart(section, name, size, threads) for size in (count // 2, count))
    ratio = {key: whole[key] / max(half[key], 1e-9) for key in ("units", "seconds", "bytes")}
    print(
        f"{name}: {whole['units']:,.0f} units in {whole['seconds']:.3g} s and {whole['bytes'] / 2**20:,.0f} MiB; twice "
        f"as many take {ratio['seconds']:.2f} times the time and {ratio['bytes']:.2f} times the memory",
        flush=True,
    )
    return {"half": half, "whole": whole, "ratio": ratio}


def main() -> None:
    """Run all cases and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="*", choices=[*SIZES, "thousand", "images"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=RESULTS / "evidence.json")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    if arguments.case:
        section, name, count = arguments.case
        print(json.dumps((evidence if section == "evidence" else images)(name, int(count))))
        return
    wanted, scale, threads = arguments.only or [*SIZES, "thousand", "images"], arguments.scale, arguments.threads
    result: dict[str, Any] = {"provenance": provenance(), "scale": scale, "units": {}, "images": {}}
    for name in (n for n in SIZES if n in wanted):
        result["units"][name] = grown("evidence", name, int(SIZES[name] * scale), threads)
    if "images" in wanted:
        for how in ("in chunks of 50", "all at once"):
            result["images"][how] = grown("images", how, int(1000 * scale), threads)
    if "thousand" in wanted:
        result["thousand"] = thousand()
        print(*result["thousand"], sep="\n")
    keep(arguments.out, result)


if __name__ == "__main__":
    main()
