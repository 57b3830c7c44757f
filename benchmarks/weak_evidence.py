"""Weak evidence on real sets: its likelihood against the naive treatment, and against dropping what is weak.

Ten draws of records and evidence a setting (`evidence_kinds` says what is known and what the three ways are); the
stored folds of partial labels are `partial_labels`. One linear model on fixed features. The penalty of each way is
the best of four on draws of the training part that are used for nothing else (``--tune``); the final figures are
taken on the test part. A difference is ours minus theirs, paired by draw and record: of hits for classes, of the share
of right entries for several labels, of minus the squared error in squared standard deviations for numbers.

Finished draws are skipped. Seeds from 100 on are for development and never read a test part.

usage: TACIT_DATA=... python benchmarks/weak_evidence.py [--tune] [--seeds 0-9] [--only KIND ...] [--threads 1]
"""

from __future__ import annotations

import argparse
import base64
import json
import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence_kinds import (
    Draw,
    Fit,
    Model,
    Ways,
    censored,
    levels,
    missing,
    positives,
    preferences,
    proportions,
)
from evidence_tasks import DEVELOPMENT, RealSet, adult, amounts, digits, intents, multilabel, questions
from study import RESULTS, keep, numbers, paired, provenance, use_threads
from tacit.data.prediction import Categorical, Normal

Floats = NDArray[np.float64]
FOLDER = RESULTS / "weak_evidence"
PENALTIES = (0.1, 1.0, 10.0, 100.0)
TUNED = (100, 101)
OTHERS = ("naive", "dropped")


@dataclass(frozen=True)
class Kind:
    """A kind of evidence: its settings, the sets it is taken from, and how many records are drawn at most."""

    ways: Callable[[Draw, float], Ways]
    settings: tuple[float, ...]
    sets: dict[str, Callable[[], RealSet]]
    size: int


def _amounts(*names: str) -> dict[str, Callable[[], RealSet]]:
    return {name: lambda name=name: amounts(name) for name in names}


KINDS = {
    "missing": Kind(missing, (0.3, 0.6), {n: lambda n=n: multilabel(n) for n in ("emotions", "scene", "yeast")}, 1500),
    "proportions": Kind(proportions, (8, 32, 128), {"adult": adult, "odd digits": lambda: digits(True)}, 2200),
    "positives": Kind(positives, (0.05, 0.2), {"adult": adult, "odd digits": lambda: digits(True)}, 2000),
    "censored": Kind(censored, (0.3, 0.6), _amounts("abalone", "california_housing", "bike_sharing"), 1000),
    "levels": Kind(levels, (1, 2), {"clinc150": intents, "trec": questions}, 1500),
    "preferences": Kind(preferences, (1, 5), _amounts("abalone", "california_housing", "bike_sharing"), 1000),
}


@dataclass(frozen=True)
class Unit:
    """A draw of a setting."""

    kind: str
    set: str
    setting: float
    seed: int

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.set.replace(' ', '_')}-{self.setting:g}"

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}-seed{self.seed}.json"


def prepared(unit: Unit) -> tuple[RealSet, NDArray[np.int64], NDArray[np.int64], Ways]:
    """The set, positions of the drawn and of the judged records, and the ways to treat what is known."""
    kind = KINDS[unit.kind]
    source = kind.sets[unit.set]()
    train, test = source.parts(unit.seed)
    rng = np.random.default_rng(unit.seed)
    drawn = rng.permutation(train)[: kind.size]
    return source, drawn, test, kind.ways(Draw(source, source.y[drawn], rng), unit.setting)


def judged(model: Model, source: RealSet, test: NDArray[np.int64]) -> Floats:
    """(test,) hits, shares of right entries, or minus squared errors in variances of the test part."""
    prediction, y = model(source.x[test]), source.y[test]
    if isinstance(prediction, Normal):
        return np.asarray(-((model.centre + prediction.mean.double().numpy() * model.unit - y) ** 2) / y.var())
    assert isinstance(prediction, Categorical)
    found = prediction.log_p.argmax(dim=1).numpy().reshape(y.shape)
    return np.asarray((found == y).reshape(len(y), -1).mean(axis=1))


def scored(unit: Unit, penalties: dict[str, float]) -> dict[str, Floats]:
    """(test,) what each way gets right."""
    source, drawn, test, ways = prepared(unit)
    x = source.x[drawn]
    return {
        name: judged(way(Fit(x, penalties[name], source.one_scale)), source, test)
        for name, way in ways.items()
        if name in penalties
    }


def tune(kind: str, set_: str, setting: float) -> None:
    """For each way the penalty that is best on the development draws."""
    path = FOLDER / "penalties" / f"{Unit(kind, set_, setting, 0).name}.json"
    if path.exists():
        return
    begun = time.monotonic()
    tried = {
        penalty: [scored(Unit(kind, set_, setting, seed), dict.fromkeys(("ours", *OTHERS), penalty)) for seed in TUNED]
        for penalty in PENALTIES
    }
    means = {
        way: {penalty: float(np.mean([d[way].mean() for d in draws])) for penalty, draws in tried.items()}
        for way in ("ours", *OTHERS)
    }
    best = {way: max(values, key=lambda penalty: values[penalty]) for way, values in means.items()}
    keep(path, {"best": best, "means": means, "seeds": TUNED, "provenance": provenance()})
    print(
        f"{path.stem}: {best} {time.monotonic() - begun:.0f} s",
        {w: max(v.values()) for w, v in means.items()},
        flush=True,
    )


def draw(unit: Unit) -> None:
    """One draw, written to a file of its own."""
    tuned = FOLDER / "penalties" / f"{unit.name}.json"
    if not tuned.exists():
        raise SystemExit(f"{unit.name} has no penalties yet; run with --tune first")
    begun = time.monotonic()
    found = scored(unit, json.loads(tuned.read_text())["best"])
    keep(
        unit.path,
        {
            "seed": unit.seed,
            "scores": {name: packed(values) for name, values in found.items()},
            "seconds": time.monotonic() - begun,
            "provenance": provenance(),
        },
    )


def packed(values: Floats) -> str:
    """Scores as text; half precision is as good as three digits of each."""
    return base64.b64encode(zlib.compress(values.astype(np.float16).tobytes())).decode()


def unpacked(text: str) -> Floats:
    """The inverse of `packed`."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.float16).astype(np.float64)


def interval(differences: Sequence[Floats]) -> dict[str, Any]:
    """`paired`; where draws are folds of unequal size, ``t`` is over their means and ``bootstrap`` over records."""
    if len({len(d) for d in differences}) == 1:
        return paired(np.stack(differences))
    over_folds = paired(np.array([[d.mean()] for d in differences]))
    over_records = paired(np.concatenate(differences)[None])
    return {"mean": over_records["mean"], "t": over_folds["t"], "bootstrap": over_records["bootstrap"]}


def line(draws: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One setting: the mean of each way, and ours minus each other."""
    scores = {name: [unpacked(d["scores"][name]) for d in draws] for name in draws[0]["scores"]}
    return {
        "seeds": [d["seed"] for d in draws],
        "mean": {name: float(np.mean([s.mean() for s in each])) for name, each in scores.items()},
        "difference": {
            name: interval([o - t for o, t in zip(scores["ours"], each, strict=True)])
            for name, each in scores.items()
            if name != "ours"
        },
        "seconds": float(sum(d["seconds"] for d in draws)),
    }


def told(name: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    parts = [f"{name:34} " + " ".join(f"{n} {v:.4f}" for n, v in found["mean"].items())]
    for other, gain in found["difference"].items():
        ends = [f"({low:+.4f} to {high:+.4f})" for low, high in (gain["t"] or (0, 0), gain["bootstrap"])]
        parts.append(f"over {other} {gain['mean']:+.4f} t {ends[0]} bootstrap {ends[1]}")
    return " | ".join(parts)


def units(kinds: Sequence[str]) -> list[tuple[str, str, float]]:
    """Every kind, set and setting."""
    return [(k, s, setting) for k in kinds for s in KINDS[k].sets for setting in KINDS[k].settings]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-9")
    parser.add_argument("--only", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--tune", action="store_true", help="choose penalties on development draws, then stop")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    warnings.filterwarnings("ignore")
    seeds, rows = numbers(chosen.seeds), {}
    for kind, set_, setting in units(chosen.only):
        if chosen.tune:
            tune(kind, set_, setting)
            continue
        draws = [Unit(kind, set_, setting, seed) for seed in seeds]
        for unit in draws:
            if not unit.path.exists():
                draw(unit)
        rows[draws[0].name] = line([json.loads(unit.path.read_text()) for unit in draws])
        print(told(draws[0].name, rows[draws[0].name]), flush=True)
    if rows and max(seeds) < DEVELOPMENT:
        keep(RESULTS / "weak_evidence.json", {"rows": rows, "provenance": provenance()})


if __name__ == "__main__":
    main()
