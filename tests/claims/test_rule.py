"""The rule on synthetic intervals."""

from __future__ import annotations

import re

import pytest

from tacit.claims.interval import Interval
from tacit.claims.rule import decide


def interval(low: float, high: float, seed_variance: float = 1e-4, record_variance: float = 1e-5) -> Interval:
    return Interval((low + high) / 2, low, high, seed_variance, record_variance)


@pytest.mark.parametrize(
    ("low", "high", "gain", "status"),
    [
        (0.001, 0.2, None, "reproduced"),
        (0.001, 0.005, 0.036, "reproduced"),
        (0.0, 0.2, None, "undecided"),
        (-0.02, 0.009, None, "not reproduced"),
        (-0.02, 0.011, None, "undecided"),
        (-0.02, 0.017, 0.036, "not reproduced"),
        (-0.02, 0.019, 0.036, "undecided"),
        (-0.2, -0.1, 0.036, "not reproduced"),
    ],
)
def test_the_interval_decides(low: float, high: float, gain: float | None, status: str) -> None:
    assert decide(interval(low, high), gain, 5, 0.9, 0.9).status == status


def test_four_seeds_decide_nothing() -> None:
    ruling = decide(interval(0.1, 0.2), None, 4, 0.9, 0.9)
    assert ruling.status == "undecided" and "4 ran" in ruling.reason


@pytest.mark.parametrize(("host", "status"), [(0.86, "reproduced"), (0.84, "undecided")])
def test_a_host_far_below_its_peer_decides_nothing(host: float, status: str) -> None:
    ruling = decide(interval(0.1, 0.2), None, 5, host, 0.9)
    assert ruling.status == status
    assert ("not sound" in ruling.reason) == (status == "undecided")


def test_a_host_without_a_peer_is_taken_as_it_is() -> None:
    assert decide(interval(0.1, 0.2), None, 5, 0.1, None).status == "reproduced"


def test_the_seeds_it_names_would_decide() -> None:
    """With the seeds named, and the means as they are, the normal interval is off 0; with one fewer it is not."""
    found = interval(-0.005, 0.045, seed_variance=(0.025 / 1.96) ** 2, record_variance=1e-5)
    needed = int(re.search(r"about (\d+) seeds", decide(found, None, 5, 0.9, 0.9).reason)[1])  # type: ignore[index]
    half = [1.96 * (found.seed_variance * 5 / n + found.record_variance) ** 0.5 for n in (needed, needed - 1)]
    assert needed > 5
    assert found.mean - half[0] >= 0 > found.mean - half[1]


def test_where_seeds_cannot_decide_it_asks_for_test_records() -> None:
    found = interval(-0.03, 0.034, seed_variance=1e-6, record_variance=(0.032 / 1.96) ** 2)
    assert re.search(r"a test set about \d+\.\d times as large", decide(found, None, 5, 0.9, 0.9).reason)
