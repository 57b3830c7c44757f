"""Figures as people read them."""

from __future__ import annotations

import pytest

from tacit.figures import Measure, duration, places_for, share, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0123456, "0.0123"),
        (-1.5, "−1.50"),
        (1234.5, "1,234"),
        (99.96, "100.0"),
        (1e-9, "1.00e−09"),
    ],
)
def test_significant(value: float, text: str) -> None:
    assert significant(value) == text


def test_share_never_claims_certainty_it_has_not() -> None:
    assert [share(v) for v in (0.0, 0.001, 0.004, 0.5, 0.994, 0.999, 1.0)] == [
        *("0 %", "< 1 %", "< 1 %", "50 %", "99 %", "> 99 %", "100 %")
    ]


def test_figures_of_an_interval_share_their_decimals() -> None:
    assert Measure("accuracy").gain(0.043, 0.012, 0.07) == "+4.3 points (+1.2 to +7.0)"
    assert Measure("log_loss").gain(0.043, -0.012, 0.07) == "+0.043 (−0.012 to +0.070)"
    assert Measure("rmse").span(123.4, 156.7) == "123 to 157"
    assert Measure("accuracy").signed(-0.0001) == "0.0"
    assert Measure("accuracy").gain(-0.02, -0.05, 0.01, of="accuracy") == "−2.0 points of accuracy (−5.0 to +1.0)"
    assert Measure("r2").gain(-0.01976, -0.04188, -0.003393, of="R²") == "−0.020 of R² (−0.042 to −0.003)"
    assert Measure("accuracy").difference(0.043, 0.012, 0.07) == "+4.3 (+1.2 to +7.0)"
    assert places_for(0.0) is None


def test_duration() -> None:
    assert [duration(s) for s in (0.2, 42, 186, 7200)] == ["< 1 s", "42 s", "3.1 min", "2.0 h"]
