"""Words and figures for people: safe text, rounded numbers, axis ticks."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PERCENT = frozenset({"accuracy", "balanced_accuracy", "f1", "macro_f1", "f1_macro", "auc"})
MINUS = "\u2212"


def visible(text: object, limit: int = 120) -> str:
    """``text`` on one line, with nothing in it that hides or reorders what stands around it.

    Line breaks become ↵, other control characters their pictures, bidirectional overrides and lone
    surrogates �; more than ``limit`` characters are cut. Escaping for HTML is the template's work.
    """
    raw = str(text)
    cut = raw if len(raw) <= limit else raw[: limit - 1] + "…"
    return "".join(_visible_character(c) for c in cut.replace("\r\n", "\n"))


def _visible_character(character: str) -> str:
    if character in "\n\r\u2028\u2029":
        return "↵"
    if character == "\t":
        return " "
    if character in _BIDI or unicodedata.category(character) == "Cs":
        return "\ufffd"
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\ufffd" if 0x7F <= code < 0xA0 else character


def snippet(text: object, limit: int = 280) -> str:
    """The beginning of a longer text, white space collapsed."""
    return visible(" ".join(str(text)[: 4 * limit].split()), limit)


def finite(value: object) -> float | None:
    """``value`` as a float, or None where it is missing, not a number or infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def plural(n: int, noun: str, many: str | None = None) -> str:
    """``1 record``, ``1,797 records``."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"


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
        return visible(self.metric.replace("_", " "), 40)

    @property
    def percent(self) -> bool:
        return self.metric in _PERCENT

    @property
    def unit(self) -> str:
        return "points" if self.percent else ""

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

    def gain(self, middle: float, low: float, high: float) -> str:
        """A difference and its interval: ``+4.3 points (+1.2 to +7.0)``."""
        places = places_for(high - low)
        written = f"{self.signed(middle, places)} {self.unit}".rstrip()
        return f"{written} ({self.signed(low, places)} to {self.signed(high, places)})"

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


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high``; positions are percent of its length."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @staticmethod
    def around(values: Sequence[float], wanted: int = 4, pad: float = 0.04) -> Axis:
        """An axis that holds ``values`` with some air, ticks at 1, 2 or 5 times a power of ten."""
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if not high > low:
            half = abs(low) * 0.05 or 0.5
            low, high = low - half, high + half
        air = (high - low) * pad
        low, high = low - air, high + air
        raw = (high - low) / wanted
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return Axis(low, high, tuple(k * step for k in range(first, last + 1)))

    def at(self, value: float) -> float:
        """Where ``value`` lies, in percent from the low end, rounded for the page."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def marks(self) -> list[tuple[float, str]]:
        """Each tick's position in percent and its label."""
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else self.high - self.low
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        if places > 4 or max(abs(self.low), abs(self.high)) >= 1e7:
            return [(self.at(t), significant(t)) for t in self.ticks]
        return [(self.at(t), f"{t + 0.0:,.{places}f}".replace("-", MINUS)) for t in self.ticks]
