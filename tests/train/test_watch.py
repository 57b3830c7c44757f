"""What a watch is told of work without steps, and how it ends it."""

from __future__ import annotations

import time

import pytest

from tacit.errors import Interrupted
from tacit.train.watch import Aside, Deadline, Watch


class Notes(Watch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def say(self, message: str) -> None:
        self.heard.append(("say", message))

    def begin(self, what: str, steps: int) -> None:
        self.heard.append(("begin", what, steps))

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        self.heard.append(("advance", step))

    def end(self, what: str, seconds: float) -> None:
        self.heard.append(("end", what))


def test_work_without_steps_is_said_once_and_shown() -> None:
    watch = Notes()
    for done in range(4):
        watch.through("sorting", done, 3)
    assert watch.heard == [
        ("say", "sorting"),
        ("begin", "sorting", 3),
        ("advance", 1),
        ("advance", 2),
        ("end", "sorting"),
    ]


def test_a_stop_that_was_asked_for_ends_it_and_says_what_was_going_on() -> None:
    watch = Notes()
    watch.through("sorting", 0, 3)
    watch.interrupted = True
    with pytest.raises(Interrupted, match="interrupted while sorting"):
        watch.through("sorting", 1, 3)


def test_work_aside_shows_no_steps_but_hears_and_says() -> None:
    watch = Notes()
    aside = Aside(watch)
    aside.begin("probe", 5)
    aside.advance(1, 10, {})
    aside.end("probe", 0.1)
    assert watch.heard == []
    aside.through("sorting", 0, 1)
    assert ("say", "sorting") in watch.heard
    assert not aside.interrupted
    watch.interrupted = True
    assert aside.interrupted
    with pytest.raises(Interrupted):
        aside.through("sorting", 1, 1)
    aside.interrupted = False
    assert not watch.interrupted


def test_a_deadline_runs_out_and_forgives() -> None:
    assert Deadline(None).left() == float("inf") and not Deadline(None).over
    soon = Deadline(0.01)
    time.sleep(0.02)
    assert soon.over
    soon.forgive(60)
    assert 59 < soon.left() < 60.01
