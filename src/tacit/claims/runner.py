"""Runs a claim seed by seed and writes its result; what is done already is not done again."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.claims.arms import Arm, Desk, Trial
from tacit.claims.base import RESULTS, Claim, find_claim
from tacit.claims.figures import Floats, Outcome
from tacit.claims.interval import Interval, two_level
from tacit.claims.rule import Ruling, bar_of, decide, points
from tacit.claims.sets import Split
from tacit.compare.workbench import make_fabric
from tacit.data.atomic import atomic_write
from tacit.errors import InputError
from tacit.train.streams import derive
from tacit.train.watch import Watch

SEED_FOLDER = "seeds"
PACKAGES = ("tacit", "torch", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Done:
    """One arm of one seed: its figures (test,), its own seconds, and other figures.

    Hits are kept as bits, other figures in single precision.
    """

    figures: NDArray[np.bool_] | Floats
    seconds: float
    measures: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        bits = self.figures.dtype == np.bool_
        kept = np.packbits(self.figures.astype(np.bool_)) if bits else self.figures.astype("<f4")
        packed = base64.b64encode(kept.tobytes()).decode()
        named = {"hits" if bits else "figures": packed}
        return {"records": len(self.figures), **named, "seconds": self.seconds, "measures": self.measures}

    @staticmethod
    def from_json(state: dict[str, Any]) -> Done:
        """The inverse of `to_json`, up to the precision."""
        figures: NDArray[np.bool_] | Floats
        if "hits" in state:
            packed = np.frombuffer(base64.b64decode(state["hits"]), dtype=np.uint8)
            figures = np.unpackbits(packed, count=int(state["records"])).astype(np.bool_)
        else:
            figures = np.frombuffer(base64.b64decode(state["figures"]), dtype="<f4").astype(np.float64)
        return Done(figures, float(state["seconds"]), dict(state["measures"]))


def run_claim(
    name: str,
    out_folder: str | Path | None = None,
    watch: Watch | None = None,
    seeds: int | Sequence[int] | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Measure the claim ``name`` and write ``<out_folder>/<name>.json``; returns what was written.

    The default folder is that of a clone of the repository, ``benchmarks/results/claims``.

    ``seeds``: how many, or which; default as many as the claim asks for. Every finished arm of a seed is kept in
    ``<out_folder>/seeds/<name>/`` and taken from there while claim, data and settings are the same. Bad input
    (an unknown claim, missing data) is an `InputError`.
    """
    return measure(find_claim(name), Path(out_folder or RESULTS), watch or Watch(), seeds, device)


def measure(
    claim: Claim, folder: Path, watch: Watch, seeds: int | Sequence[int] | None = None, device: str = "auto"
) -> dict[str, Any]:
    """`run_claim` for a claim at hand."""
    chosen = seed_list(claim.seeds if seeds is None else seeds)
    desk = Desk(claim.data(), claim.encoder, make_fabric(device), watch, claim.views)
    done: dict[int, dict[str, Done]] = {}
    for seed in chosen:
        done[seed] = _run_seed(claim, desk, seed, folder / SEED_FOLDER / claim.name / f"{seed}.json")
        scores = ", ".join(f"{n} {d.figures.mean():.3f}" for n, d in done[seed].items())
        watch.say(f"{claim.name}, seed {seed}: {scores}")
    result = summarise(claim, desk, done)
    atomic_write(folder / f"{claim.name}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    watch.say(result["sentence"])
    return result


def seed_list(seeds: int | Sequence[int]) -> list[int]:
    """The seeds themselves: 0, 1, ... for a number; none or a repeat is an `InputError`."""
    chosen = list(range(seeds)) if isinstance(seeds, int) else [int(s) for s in seeds]
    if not chosen or len(set(chosen)) != len(chosen):
        raise InputError(f"a claim needs different seeds, at least one; got {chosen}")
    return chosen


def _run_seed(claim: Claim, desk: Desk, seed: int, path: Path) -> dict[str, Done]:
    """All arms of one seed; the file grows by an arm at a time."""
    kept = _kept(path)
    identities = {arm.name: identity(claim, arm, desk) for arm in claim.arms}
    entries = {n: kept[n] for n, digest in identities.items() if kept.get(n, {}).get("identity") == digest}
    trial = Trial(desk, claim.draw(desk.split, np.random.default_rng(derive(seed, "labels"))), seed)
    for arm in claim.arms:
        if arm.name in entries:
            continue
        begun = time.monotonic()
        outcome = run_arm(arm, trial)
        finished = Done(outcome.figures, round(time.monotonic() - begun, 2), outcome.measures)
        entries[arm.name] = {"identity": identities[arm.name], **finished.to_json()}
        ordered = {n: entries[n] for n in identities if n in entries}
        atomic_write(path, json.dumps({"claim": claim.name, "seed": seed, "arms": ordered}, indent=1) + "\n")
    return {name: Done.from_json(entries[name]) for name in identities}


def run_arm(arm: Arm, trial: Trial) -> Outcome:
    """One arm of one seed: the unit of work that is done or not done."""
    return arm.run(trial)


def identity(claim: Claim, arm: Arm, desk: Desk) -> str:
    """A hash of everything that an arm's outcome depends on beside the seed and the code."""
    split = desk.split
    truth = hashlib.sha256(split.fingerprint()).hexdigest()
    state = [split.pool.content_hash(), split.test.content_hash(), truth, str(claim.draw), arm.describe(desk)]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


def _kept(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        arms = json.loads(path.read_text(encoding="utf-8"))["arms"]
        return {str(name): dict(entry) for name, entry in arms.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} holds no results of a claim; remove it to measure that seed again") from None


def summarise(claim: Claim, desk: Desk, done: dict[int, dict[str, Done]]) -> dict[str, Any]:
    """The result as JSON, its status by the rule."""
    rng = np.random.default_rng(derive(claim.name, "interval"))
    tables = {arm.name: _table(arm.name, done) for arm in claim.arms}
    figures = {name: two_level(table, rng) for name, table in tables.items()}
    system, host = claim.system.name, claim.host.name
    paired = {n: two_level(tables[system] - t, rng) for n, t in tables.items() if n != system}
    peer = figures[claim.peer].mean if claim.peer is not None else None
    ruling = decide(paired[host], claim.gain, len(done), figures[host].mean, peer)
    split = desk.split

    def arm_json(arm: Arm) -> dict[str, Any]:
        seen = [done[seed][arm.name] for seed in done]
        state = {"arm": arm.name, "title": arm.title, "steps": arm.steps, "per_seed": _per_seed(tables[arm.name])}
        state |= figures[arm.name].to_json()
        state["seconds"] = round(float(np.mean([d.seconds for d in seen])), 1)
        names: Iterable[str] = seen[0].measures
        state["measures"] = {n: round(float(np.mean([d.measures[n] for d in seen])), 4) for n in names}
        if arm.name in paired:
            gained = tables[system] - tables[arm.name]
            state["system_minus_this"] = {"per_seed": _per_seed(gained), **paired[arm.name].to_json()}
        return state

    return {
        "id": claim.id,
        "name": claim.name,
        "title": claim.title,
        "status": ruling.status,
        "sentence": sentence(claim, split, ruling, figures[system], figures[host], paired[host]),
        "metric": split.metric,
        "system": arm_json(claim.system),
        "host": arm_json(claim.host),
        "others": [arm_json(arm) for arm in claim.others],
        "peer": claim.peer,
        "difference": paired[host].to_json(),
        "claimed_gain": claim.gain,
        "bar": bar_of(claim.gain),
        "says": claim.says,
        "source": claim.source,
        "chosen": claim.chosen,
        "remark": claim.remark,
        "data": {
            "name": split.name,
            "pool": len(split.pool),
            "labels": str(claim.draw),
            "test": len(split.test),
            "hash": split.pool.content_hash(),
        },
        "encoder": desk.prepared.weights.to_json(),
        "seeds": list(done),
        "device": str(desk.fabric.device),
        "settings": {arm.name: arm.describe(desk) for arm in claim.arms},
        "versions": {"python": platform.python_version(), **{p: _version(p) for p in PACKAGES}},
        "command": f"tacit claims run {claim.name}",
    }


def sentence(claim: Claim, split: Split, ruling: Ruling, system: Interval, host: Interval, paired: Interval) -> str:
    """What was found, in one sentence for people, and the remark after it."""
    judged = "" if split.metric == "accuracy" else f", by the {split.metric}"
    said = (
        f"{claim.title} on {split.name} with {claim.draw}{judged}: {claim.system.title} {percent(system)}, "
        f"{claim.host.title} {percent(host)}, difference {points(paired.mean)} points "
        f"({points(paired.low)} to {points(paired.high)}); {ruling.status}: {ruling.reason}."
    )
    return f"{said} {claim.remark}".strip()


def percent(figure: Interval) -> str:
    """ "95.1 % (94.0 to 96.2)"."""
    return f"{100 * figure.mean:.1f} % ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _table(arm: str, done: dict[int, dict[str, Done]]) -> NDArray[np.float64]:
    """(seeds, test) figures."""
    return np.stack([arms[arm].figures for arms in done.values()]).astype(np.float64)


def _per_seed(table: NDArray[np.float64]) -> list[float]:
    return [round(float(mean), 5) for mean in table.mean(axis=1)]


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        from tacit import __version__

        return __version__ if package == "tacit" else "not installed"
