"""What a long computation tells the outside, and the two ways the outside can end it early."""

from __future__ import annotations

import time


class Watch:
    """Progress goes nowhere; a face overrides what it wants to show. ``interrupted`` asks for a stop."""

    interrupted: bool = False

    def say(self, message: str) -> None:
        """Something a person should know now."""

    def begin(self, what: str, steps: int) -> None:
        """A piece of work of so many steps starts."""

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        """Now at ``step``; ``records`` went through since the last call; the newest logged losses."""

    def end(self, what: str, seconds: float) -> None:
        """The piece of work is done."""

    def best(self, candidate: str, score: float, metric: str) -> None:
        """The best candidate so far."""


class Deadline:
    """A clock that runs out after ``seconds``; None never does."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._start = time.monotonic()

    def left(self) -> float:
        """Seconds left, infinite without a limit."""
        return float("inf") if self.seconds is None else self.seconds - (time.monotonic() - self._start)

    def forgive(self, seconds: float) -> None:
        """Let the clock run out so much later: for time that no plan counts."""
        self._start += seconds

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.left() <= 0
