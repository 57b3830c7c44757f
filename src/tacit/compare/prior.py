"""What to expect of a method before the user's own labels speak: mean and spread of its gain, from one file.

The file is provisional and the same for all data sets; played users will replace it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """A normal distribution of the gain over the best baseline, in units of the metric's scale of 0 to 1."""

    mean: float
    spread: float

    def given(self, gain: float, error: float) -> Expectation:
        """The posterior once a gain with a standard error has been seen (normal with normal)."""
        precision = 1 / self.spread**2 + 1 / error**2
        mean = (self.mean / self.spread**2 + gain / error**2) / precision
        return Expectation(mean, math.sqrt(1 / precision))

    def scaled(self, unit: float) -> Expectation:
        """The same expectation for a metric whose gains are counted in ``unit``."""
        return Expectation(self.mean * unit, self.spread * unit)

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """The central 95 % interval."""
        return self.mean - z * self.spread, self.mean + z * self.spread


@cache
def _file() -> dict[str, Any]:
    state: dict[str, Any] = json.loads(files("tacit.compare").joinpath("prior.json").read_text())
    return state


def expectation(family: str, modality: str, labels_per_class: float) -> Expectation:
    """The prior of a method family, interpolated in the logarithm of labels per class."""
    gains = _file()["gain"]
    families = gains.get(modality, gains["default"])
    points = families.get(family, families["default"])
    counts = sorted(points, key=float)
    x = math.log(max(labels_per_class, 1e-3))
    logs = [math.log(float(c)) for c in counts]
    if x <= logs[0]:
        return Expectation(*points[counts[0]])
    for left, right, low, high in zip(logs[:-1], logs[1:], counts[:-1], counts[1:], strict=True):
        if x <= right:
            share = (x - left) / (right - left)
            mean = points[low][0] * (1 - share) + points[high][0] * share
            spread = points[low][1] * (1 - share) + points[high][1] * share
            return Expectation(mean, spread)
    return Expectation(*points[counts[-1]])


def reference_order(modality: str, pretrained: bool) -> list[str]:
    """Baselines from the one to trust first, for when nothing could be held out."""
    orders = _file()["reference_order"]
    key = f"{modality}-pretrained" if pretrained and f"{modality}-pretrained" in orders else modality
    return list(orders.get(key, orders["table"]))
