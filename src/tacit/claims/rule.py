"""The rule: when a claim counts as reproduced, when as not, and what would decide it otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tacit.claims.interval import Interval

FEWEST_SEEDS = 5
NEAR = 0.05
"""A host is sound where its mean is at most this far below the peer's."""
SMALLEST_GAIN = 0.02
"""Stands for the claimed gain where none is named: an upper end below half of it, one point, is no reproduction."""
Z = 1.96


@dataclass(frozen=True)
class Ruling:
    """``status`` is "reproduced", "not reproduced" or "undecided"; ``reason`` is half a sentence."""

    status: str
    reason: str


def decide(difference: Interval, gain: float | None, seeds: int, host: float, peer: float | None) -> Ruling:
    """Judge the paired ``difference`` of system and host over so many seeds.

    ``gain``: what is claimed, None where no figure is. ``host`` and ``peer``: mean figures; a host that is far below
    its peer, where it has one, decides nothing.
    """
    if seeds < FEWEST_SEEDS:
        return Ruling("undecided", f"{FEWEST_SEEDS} seeds are the least that count, and {seeds} ran")
    if peer is not None and host < peer - NEAR:
        return Ruling("undecided", f"the host is not sound: {points(peer - host)} points below its peer")
    bar = bar_of(gain)
    if difference.low > 0:
        return Ruling("reproduced", "the interval is above 0")
    if difference.high < bar:
        what = "half of the claimed gain" if gain is not None else "one point, no gain being claimed in figures"
        return Ruling("not reproduced", f"the interval ends below {what}")
    return Ruling("undecided", would_decide(difference, bar, seeds))


def bar_of(gain: float | None) -> float:
    """Half of the claimed gain, or one point."""
    return (SMALLEST_GAIN if gain is None else gain) / 2


def would_decide(difference: Interval, bar: float, seeds: int) -> str:
    """How many seeds or test records would move the interval off 0 or below ``bar``, if the mean stays."""
    margin = max(difference.mean, bar - difference.mean)
    wanted = (margin / Z) ** 2 - difference.record_variance
    if wanted > 0 and difference.seed_variance > 0:
        needed = max(seeds + 1, math.ceil(seeds * difference.seed_variance / wanted))
        return f"about {needed} seeds would decide it, if the difference stays"
    total = difference.seed_variance + difference.record_variance
    times = max(1.1, total / (margin / Z) ** 2)
    return f"a test set about {times:.1f} times as large would decide it, if the difference stays"


def points(difference: float) -> str:
    """A difference of accuracies in points, with its sign where it is negative."""
    return f"{100 * difference:.1f}"
