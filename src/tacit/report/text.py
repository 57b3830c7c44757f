"""Words for people: safe text, and axes with their ticks."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tacit.figures import MINUS, significant

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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
