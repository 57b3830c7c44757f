"""What commands print: JSON for machines, sentences and tables for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPE_WIDTH = 160
"""Columns of output that goes to a file or pipe, where nothing says how wide it may be."""


def console(stderr: bool = False) -> Console:
    """The terminal's own width and colours, or plain wide text where it is none."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """One JSON object on stdout; numbers that JSON does not know become null."""
    print(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def print_run(info: Mapping[str, Any]) -> None:
    """The verdict in one sentence, and the leaderboard."""
    out = console()
    out.print(f"\n[bold]{escape(info['verdict']['sentence'])}[/bold]\n", soft_wrap=True)
    out.print(leaderboard(info))
    for line in info["leaderboard"]:
        if line["note"]:
            out.print(f"{escape(line['candidate'])}, {line['status']}: {escape(line['note'])}", soft_wrap=True)
    for note in info["notes"]:
        out.print(f"note: {escape(note)}", soft_wrap=True)


def leaderboard(info: Mapping[str, Any]) -> Table:
    """One row a candidate, in the order of the run; the deployed one is marked."""
    from tacit.report.text import Measure

    measure = Measure(info["metric"])
    reference = info["verdict"]["reference"]
    tested = any(line["test"] is not None for line in info["leaderboard"])
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", no_wrap=True)
    table.add_column(f"held-out {measure.name}", justify="right")
    table.add_column(f"gain over {reference}", justify="right")
    table.add_column("expected gain", justify="right")
    if tested:
        table.add_column("test", justify="right")
    table.add_column("time", justify="right")
    table.add_column("")
    for line in info["leaderboard"]:
        table.add_row(*_cells(line, measure, tested, reference), style="bold" if line["deployed"] else None)
    return table


def _cells(line: Mapping[str, Any], measure: Any, tested: bool, reference: str) -> list[str]:
    from tacit.report.text import duration

    score = _spanned(measure.score, measure.span, line["score"], line["low"], line["high"])
    gain = "reference" if line["candidate"] == reference else _gain(measure, line, "gain", "gain_low", "gain_high")
    expected = _gain(measure, line, "expected_gain", "expected_low", "expected_high")
    test = [] if not tested else ["" if line["test"] is None else measure.score(line["test"])]
    mark = "deployed" if line["deployed"] else "" if line["status"] == "ok" else line["status"]
    return [escape(line["candidate"]), score, gain, expected, *test, duration(line["seconds"]), mark]


def _spanned(score: Any, span: Any, value: float | None, low: float | None, high: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{score(value)} ({span(low, high)})" if low is not None and high is not None else str(score(value))


def _gain(measure: Any, line: Mapping[str, Any], *names: str) -> str:
    middle, low, high = (line[name] for name in names)
    if middle is None or low is None or high is None or not math.isfinite(middle):
        return ""
    return str(measure.gain(middle, low, high))
