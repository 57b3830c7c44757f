"""The leaderboard on a terminal: whole where it is wide, with less told where it is narrow, never a wrapped cell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tacit.figures import Measure, duration

RAN = ("ok", "cut")
"""States of candidates that were compared; others have a reason and no figures."""

GAP = 2
"""Blanks between columns."""


@dataclass(frozen=True)
class Column:
    """Cells below a heading; ``brief`` are the same without intervals, None where the column can only be left out."""

    heading: str
    cells: list[str]
    brief: list[str] | None = None

    @property
    def width(self) -> int:
        """Of the widest of them, in characters."""
        return max(map(len, (self.heading, *self.cells)))


def print_board(info: Mapping[str, Any], out: Console) -> None:
    """What the figures are, a row for each candidate that was compared, and a line for each that has a remark."""
    lines = [line for line in info["leaderboard"] if line["status"] in RAN]
    out.print(escape(caption(info)), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    columns = fitted(all_columns(info, lines), out.width)
    for name, column in columns.items():
        table.add_column(column.heading, justify="left" if name in ("candidate", "mark") else "right", no_wrap=True)
    for row, line in enumerate(lines):
        table.add_row(*(escape(c.cells[row]) for c in columns.values()), style="bold" if line["deployed"] else None)
    out.print(table)
    for remark in remarks(info):
        out.print(escape(remark), soft_wrap=True)


def caption(info: Mapping[str, Any]) -> str:
    """What the columns hold, and on how many records."""
    measure, verdict = Measure(info["metric"]), info["verdict"]
    unit = f" in {measure.unit}" if measure.unit else ""
    if not verdict["held_out"] and verdict["gain"] is None:
        return "Nothing was held out, so no candidate has a score:"
    if not verdict["held_out"]:
        return f"Nothing was held out; gains{unit} over {verdict['reference']} are expected from other data:"
    better = "" if info["higher_is_better"] else " (lower is better)"
    return (
        f"held-out {measure.name}{better} and gain{unit} over {verdict['reference']}, "
        f"on {verdict['held_out']:,} {measure.noun} with 95 % intervals:"
    )


def all_columns(info: Mapping[str, Any], lines: list[Mapping[str, Any]]) -> dict[str, Column]:
    """Every column that has anything to tell, in full."""
    measure, reference = Measure(info["metric"]), info["verdict"]["reference"]
    judged = info["verdict"]["held_out"] > 0
    gains = [
        ("reference",) * 2
        if judged and line["candidate"] == reference
        else _gain(measure, line, "gain", "gain_low", "gain_high")
        for line in lines
    ]
    expected = [_gain(measure, line, "expected_gain", "expected_low", "expected_high") for line in lines]
    columns = {
        "candidate": Column("candidate", [line["candidate"] for line in lines]),
        "score": Column("score", [_score(measure, e) for e in lines], [_middle(measure, e["score"]) for e in lines]),
        "gain": Column("gain", [full for full, _ in gains], [brief for _, brief in gains]),
        "expected": Column("expected gain", [full for full, _ in expected]),
        "test": Column("test", [_middle(measure, line["test"]) for line in lines]),
        "time": Column("time", [duration(line["seconds"]) for line in lines]),
        "mark": Column("", [_mark(line) for line in lines]),
    }
    return {name: column for name, column in columns.items() if any(column.cells)}


def fitted(columns: dict[str, Column], width: int) -> dict[str, Column]:
    """The columns that fit: expectations go first, then intervals of scores, times, intervals of gains, the test."""
    columns = dict(columns)
    for name in ("expected", "score", "time", "gain", "test"):
        if sum(column.width + GAP for column in columns.values()) - GAP <= width:
            break
        if (column := columns.get(name)) is None:
            continue
        if column.brief is None:
            del columns[name]
        else:
            columns[name] = Column(column.heading, column.brief)
    return columns


def remarks(info: Mapping[str, Any]) -> Iterator[str]:
    """A line for every candidate that was skipped or cut short: why. Of those that failed the notes tell."""
    for line in info["leaderboard"]:
        if line["note"] and line["status"] != "failed":
            words = {"skipped": " was skipped", "cut": " was cut short"}.get(line["status"], "")
            yield f"{line['candidate']}{words}: {line['note']}"


def _score(measure: Measure, line: Mapping[str, Any]) -> str:
    middle, low, high = line["score"], line["low"], line["high"]
    if low is None or high is None:
        return _middle(measure, middle)
    return f"{_middle(measure, middle)} ({measure.span(low, high)})"


def _middle(measure: Measure, value: float | None) -> str:
    return measure.score(value) if value is not None and math.isfinite(value) else ""


def _gain(measure: Measure, line: Mapping[str, Any], *names: str) -> tuple[str, str]:
    """A gain with its interval, and without."""
    middle, low, high = (line[name] for name in names)
    if middle is None or low is None or high is None or not math.isfinite(middle):
        return "", ""
    return measure.difference(middle, low, high), measure.signed(middle)


def _mark(line: Mapping[str, Any]) -> str:
    return "deployed" if line["deployed"] else "cut short" if line["status"] == "cut" else ""
