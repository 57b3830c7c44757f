"""What a long computation tells the outside, and the two ways the outside can end it early."""

from __future__ import annotations

import time

from tacit.errors import Interrupted


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

    def through(self, what: str, done: int, total: int) -> None:
        """So many of ``total`` parts of work without training steps are done, from 0 to all.

        Raises `Interrupted` where a stop was asked for.
        """
        if self.interrupted:
            raise Interrupted(f"interrupted while {what}")
        if done == 0:
            self.say(what)
            self.begin(what, total)
        elif done < total:
            self.advance(done, 0, {})
        else:
            self.end(what, 0.0)

    def compared(self, candidate: str, score: float, metric: str, seconds: float) -> None:
        """All folds of a candidate are done: its held-out score, and what it took."""


class Aside(Watch):
    """For work on the side, such as a measurement of speed: hands on what is said and asked, but no progress."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @property
    def interrupted(self) -> bool:
        """Whether the other watch asks for a stop."""
        return self._watch.interrupted

    @interrupted.setter
    def interrupted(self, value: bool) -> None:
        self._watch.interrupted = value

    def say(self, message: str) -> None:
        self._watch.say(message)

    def through(self, what: str, done: int, total: int) -> None:
        self._watch.through(what, done, total)


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
