"""Figures for people: rounded numbers, shares, durations, and metrics with their differences and intervals.

A minus is the sign U+2212 in what people read; files for programs hold numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MINUS = "\u2212"
_PERCENT = frozenset({"accuracy", "balanced_accuracy", "f1", "macro_f1", "f1_macro", "auc"})


def significant(value: float, digits: int = 3) -> str:
    """``value`` to ``digits`` significant digits, without exponents where people do not expect them."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 7:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    return f"{value:,.{max(digits - 1 - magnitude, 0)}f}".replace("-", MINUS)


def share(value: float) -> str:
    """A probability or share in percent, never rounded to a certainty it is not."""
    if 0 < value < 0.005:
        return "< 1 %"
    if 0.995 <= value < 1:
        return "> 99 %"
    return f"{100 * value:.0f} %"


def plural(n: int, noun: str, many: str | None = None) -> str:
    """``1 record``, ``1,797 records``."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 1:
        return "< 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@dataclass(frozen=True)
class Measure:
    """How the figures of one metric are written: as percent and points, or as bare numbers."""

    metric: str

    @property
    def name(self) -> str:
        """What people read."""
        names = {"r2": "R²", "evidence": "log-likelihood of evidence"}
        return names.get(self.metric, self.metric.replace("_", " "))

    @property
    def percent(self) -> bool:
        return self.metric in _PERCENT

    @property
    def unit(self) -> str:
        return "points" if self.percent else "nats" if self.metric == "evidence" else ""

    @property
    def noun(self) -> str:
        """What the figure is a mean over, or is of."""
        return "observations" if self.metric == "evidence" else "records"

    def score(self, value: float) -> str:
        """``91.8 %`` or ``0.881``."""
        return f"{100 * value:.1f} %" if self.percent else significant(value)

    def signed(self, value: float, places: int | None = None) -> str:
        """A difference with its sign and no unit: ``+4.3``."""
        text = self._figure(value, places)
        digits = text.lstrip(MINUS)
        if not digits.strip("0."):
            return digits
        return text if text.startswith(MINUS) else f"+{text}"

    def gain(self, middle: float, low: float, high: float, of: str = "") -> str:
        """A difference and its interval: ``+4.3 points (+1.2 to +7.0)``, with ``of`` what of."""
        return self.difference(middle, low, high, " ".join(filter(None, (self.unit, of and f"of {of}"))))

    def difference(self, middle: float, low: float, high: float, unit: str = "") -> str:
        """A difference and its interval, all to the same decimals: ``+4.3 (+1.2 to +7.0)``."""
        places = places_for(high - low)
        first = f"{self.signed(middle, places)} {unit}".rstrip()
        return f"{first} ({self.signed(low, places)} to {self.signed(high, places)})"

    def span(self, low: float, high: float) -> str:
        """An interval of scores without their unit: ``88.8 to 93.8``."""
        places = places_for(high - low)
        return f"{self._figure(low, places)} to {self._figure(high, places)}"

    def _figure(self, value: float, places: int | None) -> str:
        if self.percent:
            return f"{100 * value:.1f}".replace("-", MINUS)
        return significant(value) if places is None else f"{value:,.{places}f}".replace("-", MINUS)


def places_for(width: float) -> int | None:
    """Decimals at which an interval of this width has two significant digits; None where that is silly."""
    if not width > 0:
        return None
    places = max(1 - math.floor(math.log10(width)), 0)
    return places if places <= 6 else None
