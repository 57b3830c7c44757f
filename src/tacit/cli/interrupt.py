"""Ctrl-C: once to finish the step and keep it, twice to leave at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tacit.cli.progress import Lines


@contextmanager
def interruptible(watch: Lines) -> Iterator[None]:
    """Within the block the first SIGINT asks ``watch`` for a stop, the second raises `KeyboardInterrupt`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        watch.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        watch.say("stopping after this step; press Ctrl-C again to leave at once")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
