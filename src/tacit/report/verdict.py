"""The answer, before anything else: one word, one sentence, one interval."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tacit.figures import MINUS, Measure, plural
from tacit.report.folder import RunFolder
from tacit.report.text import Axis, finite, visible

_TONES = {"helped": "better", "hurt": "worse", "no measurable difference": "same"}


@dataclass(frozen=True)
class Whisker:
    """An interval on an axis, positions in percent; ``expected`` where it comes from other data."""

    low: float
    middle: float
    high: float
    tone: str
    expected: bool
    label: str


@dataclass(frozen=True)
class Verdict:
    """``sentence`` is the answer, ``more`` what was said after it.

    ``chart`` stands on ``axis``, whose zero is the reference; None where no gain was put in figures.
    """

    word: str
    tone: str
    sentence: str
    more: str
    reference: str
    chart: Whisker | None
    axis: Axis
    marks: list[tuple[float, str]]
    facts: list[tuple[str, str]]


def verdict(folder: RunFolder) -> Verdict:
    """The run's verdict and the few facts it rests on."""
    said: Mapping[str, Any] = folder.run.get("verdict") or {}
    word = str(said.get("word", "no verdict"))
    tone = _TONES.get(word, "unknown")
    gain, low, high = (finite(said.get(key)) for key in ("gain", "low", "high"))
    axis, chart = Axis.around([0.0]), None
    if gain is not None and low is not None and high is not None:
        reach = max(abs(low), abs(high), 0.01 if folder.measure.percent else 0.0)
        axis = Axis.around([min(low, -0.35 * reach), max(high, 0.35 * reach)], wanted=6)
        chart = whisker(axis, gain, low, high, folder.measure, tone == "unknown", tone)
    sentence, more = first_sentence(visible(said.get("sentence", "This run has no verdict."), 1200))
    return Verdict(
        word=visible(word),
        tone=tone,
        sentence=sentence,
        more=more,
        reference=visible(said.get("reference", "the reference")),
        chart=chart,
        axis=axis,
        marks=measure_marks(axis, folder.measure),
        facts=_facts(folder, said),
    )


def first_sentence(text: str) -> tuple[str, str]:
    """A text as its first sentence and the rest, which may be empty."""
    first, *rest = re.split(r"(?<=[.!?]) +(?=[A-Z])", text, maxsplit=1)
    return first, "".join(rest)


def whisker(
    axis: Axis, middle: float, low: float, high: float, measure: Measure, expected: bool, tone: str = ""
) -> Whisker:
    """One gain on ``axis``. Without ``tone`` the interval decides: it lies above, below or around zero."""
    tone = tone or ("better" if low > 0 else "worse" if high < 0 else "same")
    label = measure.gain(middle, low, high)
    return Whisker(axis.at(low), axis.at(middle), axis.at(high), tone, expected, label)


def measure_marks(axis: Axis, measure: Measure) -> list[tuple[float, str]]:
    """Tick labels of an axis of gains: signed, in points where the metric is a share."""
    factor = 100.0 if measure.percent else 1.0
    scaled = Axis(factor * axis.low, factor * axis.high, tuple(factor * t for t in axis.ticks))
    return [(at, label if at_or_below_zero(label) else f"+{label}") for at, label in scaled.marks()]


def at_or_below_zero(label: str) -> bool:
    """Whether a written figure needs no plus sign."""
    return label.startswith(MINUS) or not label.strip("0.")


def _facts(folder: RunFolder, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    data = folder.run.get("data") or {}
    facts = [("Data", visible(data.get("description", "not described"), 200))]
    labelled, records = data.get("labelled"), data.get("records")
    if isinstance(labelled, int) and isinstance(records, int):
        facts.append(("Labelled", f"{labelled:,} of {records:,}"))
    if isinstance(said.get("held_out"), int):
        what = "held-out observation" if folder.measure.metric == "evidence" else "held-out label"
        facts.append(("Judged on", plural(said["held_out"], what) if said["held_out"] else "no label"))
    if data.get("test"):
        facts.append(("Tested on", plural(data["test"], "record")))
    better = "" if folder.run.get("higher_is_better", True) else " (lower is better)"
    facts += [("Measure", visible(folder.measure.name, 40) + better), ("In use", visible(folder.deployed or "nothing"))]
    return facts
