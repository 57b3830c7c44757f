"""Watches for people: a live display on a terminal, plain lines elsewhere, silence for machines."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tacit.cli.show import console
from tacit.figures import Measure, duration
from tacit.train.watch import Watch

ROOM_FOR_RATE, ROOM_FOR_BEST = 100, 150
"""Columns of a terminal on which a line of progress also tells these; what it cuts off would say nothing."""


class Lines(Watch):
    """Says each thing once, on stderr, and how each candidate did."""

    def __init__(self, out: Console | None = None) -> None:
        self.out = out or console(stderr=True)
        self._said: set[str] = set()

    def say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self.out.print(escape(message), soft_wrap=True)

    def compared(self, candidate: str, score: float, metric: str, seconds: float) -> None:
        measure = Measure(metric)
        self.say(f"{candidate}: held-out {measure.name} {measure.score(score)}, {duration(seconds)}")

    def close(self) -> None:
        """Nothing more will come."""


class Silent(Lines):
    """For machines: errors alone are told."""

    def say(self, message: str) -> None:
        """Nothing."""


class Live(Lines):
    """What runs now with its bar and time left and, where there is room, records a second and the best so far."""

    def __init__(self, out: Console) -> None:
        super().__init__(out)
        more = [TextColumn("{task.fields[rate]}")] if out.width >= ROOM_FOR_RATE else []
        more += [TextColumn("{task.fields[best]}")] if out.width >= ROOM_FOR_BEST else []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24 if more else 12),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            *more,
            console=out,
            transient=True,
        )
        self._task: TaskID | None = None
        self._best: tuple[float, str] | None = None
        self._since = time.monotonic()

    def begin(self, what: str, steps: int) -> None:
        self._drop()
        self._task = self._progress.add_task(escape(what), total=steps, rate="", best=self._best_text())
        self._progress.start()
        self._since = time.monotonic()

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        if self._task is None:
            return
        now = time.monotonic()
        rate = records / max(now - self._since, 1e-9)
        self._since = now
        shown = f"{rate:,.0f} records/s" if records else ""
        self._progress.update(self._task, completed=step, rate=shown, refresh=True)

    def end(self, what: str, seconds: float) -> None:
        self._drop()

    def compared(self, candidate: str, score: float, metric: str, seconds: float) -> None:
        from tacit.compare.scores import CLASS_METRICS, NUMBER_METRICS

        super().compared(candidate, score, metric, seconds)
        sign = 1.0 if {**CLASS_METRICS, **NUMBER_METRICS}[metric].higher_is_better else -1.0
        if self._best is None or sign * score > self._best[0]:
            self._best = (sign * score, f"best so far: {candidate}, {Measure(metric).score(score)}")

    def close(self) -> None:
        self._drop()
        self._progress.stop()

    def _best_text(self) -> str:
        return "" if self._best is None else escape(self._best[1])

    def _drop(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def watch(json: bool) -> Lines:
    """The watch that suits where output goes."""
    if json:
        return Silent()
    out = console(stderr=True)
    return Live(out) if out.is_terminal else Lines(out)
