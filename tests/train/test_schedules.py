"""Schedules against their closed forms."""

from __future__ import annotations

import math

import pytest

from tacit.train.schedules import share


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.25, 0.5, 0.999, 1.0])
def test_cosine_without_warm_up_is_half_a_cosine(progress: float) -> None:
    assert share("cosine", progress, 0.0) == pytest.approx((1 + math.cos(math.pi * progress)) / 2)


def test_warm_up_rises_linearly_to_the_peak_and_the_rest_follows() -> None:
    assert share("cosine", 0.02, 0.1) == pytest.approx(0.2)
    assert share("constant", 0.05, 0.1) == pytest.approx(0.5)
    assert share("cosine", 0.1, 0.1) == share("constant", 0.1, 0.1) == 1.0
    assert share("cosine", 0.55, 0.1) == pytest.approx(0.5), "half way through what is left"
    assert share("cosine", 1.0, 0.1) == pytest.approx(0.0)
    assert share("constant", 1.0, 0.1) == 1.0


def test_the_first_step_learns_a_little() -> None:
    assert 0 < share("cosine", 0.0, 0.1) < 0.05


def test_no_schedule_exceeds_the_peak_or_goes_below_zero() -> None:
    for schedule in ("cosine", "constant"):
        for warmup in (0.0, 0.05, 1.0):
            values = [share(schedule, i / 100, warmup) for i in range(101)]
            assert all(-1e-12 <= v <= 1 + 1e-12 for v in values)


def test_unknown_schedules_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown schedule 'linear'"):
        share("linear", 0.5, 0.0)
