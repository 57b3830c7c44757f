"""All candidates in one table, each as a dot and whisker against the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tacit.figures import duration
from tacit.report.folder import Absent, RunFolder
from tacit.report.text import Axis, finite, visible
from tacit.report.verdict import Whisker, measure_marks, whisker

_WORDS = {"better": "better", "worse": "worse", "same": "no clear difference"}


@dataclass(frozen=True)
class Row:
    """One candidate, every figure already in words; empty where there is none."""

    name: str
    title: str
    tags: list[tuple[str, str]]
    note: str
    score: str
    span: str
    chart: Whisker | None
    reference: bool
    word: str
    tone: str
    time: str
    test: str


@dataclass(frozen=True)
class Leaderboard:
    """``marks`` are the ticks of the gain axis, ``zero`` is where the reference stands, in percent.

    ``judged``: whether any score was measured; ``expected``: whether any gain is one from other data.
    """

    rows: list[Row]
    metric: str
    unit: str
    lower_is_better: bool
    reference: str
    level: str
    marks: list[tuple[float, str]]
    zero: float
    tested: bool
    judged: bool
    expected: bool


def leaderboard(folder: RunFolder) -> Leaderboard | Absent:
    """Candidates by score, then what failed or was skipped, with the reason."""
    entries: list[Mapping[str, Any]] = list(folder.run.get("leaderboard") or ())
    if not entries:
        return Absent("No candidate was compared in this run.")
    reference = str((folder.run.get("verdict") or {}).get("reference", ""))
    higher = bool(folder.run.get("higher_is_better", True))
    ends = [x for e in entries for x in _gain(e)[:3] if x is not None]
    axis = Axis.around([0.0, *ends], wanted=5)
    rows = [_row(folder, e, axis, reference) for e in sorted(entries, key=lambda e: _rank(e, higher))]
    return Leaderboard(
        rows=rows,
        metric=visible(folder.measure.name, 40),
        unit=folder.measure.unit,
        lower_is_better=not higher,
        reference=visible(reference),
        level=f"{100 * (finite(folder.run.get('level')) or 0.95):g} %",
        marks=measure_marks(axis, folder.measure),
        zero=axis.at(0.0),
        tested=any(row.test for row in rows),
        judged=any(row.score for row in rows),
        expected=any(row.chart is not None and row.chart.expected for row in rows),
    )


def _rank(entry: Mapping[str, Any], higher: bool) -> tuple[int, float]:
    score = finite(entry.get("score"))
    status = {"ok": 0, "cut": 0, "failed": 1}.get(str(entry.get("status")), 2)
    return (status, 0.0) if score is None else (status - 1, -score if higher else score)


def _gain(entry: Mapping[str, Any]) -> tuple[float | None, float | None, float | None, bool]:
    """Measured gain with its ends, else the one expected from other data, else nothing."""
    measured = [finite(entry.get(key)) for key in ("gain", "gain_low", "gain_high")]
    if None not in measured:
        return measured[0], measured[1], measured[2], False
    expected = [finite(entry.get(key)) for key in ("expected_gain", "expected_low", "expected_high")]
    if None not in expected:
        return expected[0], expected[1], expected[2], True
    return None, None, None, False


def _row(folder: RunFolder, entry: Mapping[str, Any], axis: Axis, reference: str) -> Row:
    measure = folder.measure
    name, is_reference = str(entry.get("candidate", "")), str(entry.get("candidate", "")) == reference
    middle, low, high, expected = _gain(entry)
    chart = None
    if middle is not None and low is not None and high is not None and not is_reference:
        chart = whisker(axis, middle, low, high, measure, expected)
    score, bottom, top = (finite(entry.get(key)) for key in ("score", "low", "high"))
    seconds, test = finite(entry.get("seconds")), finite(entry.get("test"))
    if entry.get("status") == "skipped":
        seconds = None
    word = "reference" if is_reference else ""
    if chart is not None:
        word = "expected from other data" if chart.expected else _WORDS[chart.tone]
    return Row(
        name=visible(name),
        title="" if entry.get("title") in (None, "", name) else visible(entry["title"]),
        tags=_tags(entry, is_reference),
        note=visible(entry.get("note") or "", 400),
        score="" if score is None else measure.score(score),
        span="" if bottom is None or top is None else measure.span(bottom, top),
        chart=chart,
        reference=is_reference,
        word=word,
        tone="same" if chart is None or chart.expected else chart.tone,
        time="" if seconds is None else duration(seconds),
        test="" if test is None else measure.score(test),
    )


def _tags(entry: Mapping[str, Any], is_reference: bool) -> list[tuple[str, str]]:
    tags = []
    if entry.get("deployed"):
        tags.append(("deployed", "in use"))
    if is_reference:
        tags.append(("reference", "reference"))
    if entry.get("baseline"):
        tags.append(("baseline", "baseline"))
    status = str(entry.get("status", "ok"))
    if status != "ok":
        tags.append((status if status in ("failed", "skipped", "cut") else "skipped", _status(status)))
    return tags


def _status(status: str) -> str:
    return "cut short" if status == "cut" else visible(status, 40)
