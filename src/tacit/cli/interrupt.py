"""Ctrl-C: in training once to finish the step and keep it, twice to leave at once; at any other time to leave."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tacit.cli.progress import Lines

STATUS = 130
NOTHING = "interrupted before anything was written"


class Left(BaseException):
    """Ctrl-C where nothing is under way that could be kept. No `KeyboardInterrupt`, which Typer ends by itself."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Within the block SIGINT ends the program with one line; what is written is written whole or not at all."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise Left

    with _on_interrupt(leave):
        try:
            yield
        except (Left, KeyboardInterrupt):
            print(NOTHING, file=sys.stderr)
            sys.exit(STATUS)


@contextmanager
def interruptible(watch: Lines) -> Iterator[None]:
    """Within the block the first SIGINT asks ``watch`` for a stop, the second raises `KeyboardInterrupt`."""

    def ask(number: int, frame: FrameType | None) -> None:
        watch.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        watch.say("stopping after this step; press Ctrl-C again to leave at once")

    with _on_interrupt(ask):
        yield


@contextmanager
def _on_interrupt(handler: signal._HANDLER) -> Iterator[None]:
    """The handler for SIGINT within the block; signals reach the main thread only, so elsewhere nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
