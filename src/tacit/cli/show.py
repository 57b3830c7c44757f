"""What commands print: JSON for machines, sentences and tables for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from tacit.cli.board import print_board

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
    """The verdict in one sentence, the leaderboard, and what there is to know beside it."""
    out = console()
    out.print(f"\n[bold]{escape(info['verdict']['sentence'])}[/bold]\n", soft_wrap=True)
    print_board(info, out)
    for note in info["notes"]:
        out.print(f"note: {escape(note)}", soft_wrap=True)
