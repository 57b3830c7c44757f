"""Why comparisons gain little over win rates at five a record: what centre and unit, from 20 numbers, cost both.

The two ways of `weak_evidence` to train on comparisons, on its development draws, judged as they are and after the
best affine map of their predictions for all training numbers, which neither way has.

usage: TACIT_DATA=... python benchmarks/preference_units.py [--seeds 120-129] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from evidence_kinds import Fit, Model
from evidence_tasks import DEVELOPMENT, Matrix
from study import RESULTS, keep, numbers, provenance, use_threads
from tacit.data.prediction import Normal
from weak_evidence import FOLDER, KINDS, Floats, Unit, prepared

COMPARISONS = 5.0
WAYS = {"ours": "ours", "naive": "naive", "naive, placed": "naive"}
"""Each way, and the one whose penalty it has."""


def predicted(model: Model, x: Matrix) -> Floats:
    """(n,) means."""
    prediction = model(x)
    assert isinstance(prediction, Normal)
    return model.centre + prediction.mean.double().numpy() * model.unit


def judged(unit: Unit) -> dict[str, float]:
    """Minus the squared error in variances of either way, as it is and after the best affine map."""
    penalties = json.loads((FOLDER / "penalties" / f"{unit.name}.json").read_text())["best"]
    source, drawn, test, ways = prepared(unit)
    x, y, truth = source.x[drawn], source.y[drawn], source.y[test]
    found = {}
    for name, tuned in WAYS.items():
        model = ways[name](Fit(x, penalties[tuned], source.one_scale))
        said = predicted(model, source.x[test])
        slope, centre = np.polyfit(predicted(model, x), y, 1)
        for title, p in ((name, said), (f"{name}, affine", centre + slope * said)):
            found[title] = float(-((p - truth) ** 2).mean() / truth.var())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="120-129")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    seeds = numbers(chosen.seeds)
    if min(seeds) < DEVELOPMENT:
        raise SystemExit(f"seeds below {DEVELOPMENT} read the test part; this looks at development draws alone")
    sets: dict[str, Any] = {}
    for name in KINDS["preferences"].sets:
        rows = [judged(Unit("preferences", name, COMPARISONS, seed)) for seed in seeds]
        sets[name] = {way: float(np.mean([row[way] for row in rows])) for way in rows[0]}
        print(name, sets[name], flush=True)
    keep(RESULTS / "preference_units.json", {"seeds": seeds, "sets": sets, "provenance": provenance()})


if __name__ == "__main__":
    main()
