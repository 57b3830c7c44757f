"""Learning curves as small multiples: one row per measure, one panel per candidate, one scale per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.figures import significant
from tacit.report.folder import Absent, Curve, RunFolder
from tacit.report.text import Axis, visible

_POINTS = 160


@dataclass(frozen=True)
class Panel:
    """``lines``: SVG path data in a box of 100 by 100; ``points``: the same in data units, to read off."""

    candidate: str
    deployed: bool
    lines: str
    last: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Multiples:
    """All candidates that logged one measure."""

    measure: str
    panels: list[Panel]
    x_marks: list[tuple[float, str]]
    y_marks: list[tuple[float, str]]
    x: tuple[float, float]
    y: tuple[float, float]


def curves(folder: RunFolder) -> list[Multiples] | Absent:
    """The measures, those that most candidates share first, else in the order they were logged."""
    if not folder.curves:
        return Absent("No curves were logged: nothing in this run was trained in steps.")
    measures: dict[str, dict[str, Curve]] = {}
    for candidate, logged in folder.curves.items():
        for name, curve in logged.items():
            measures.setdefault(name, {})[candidate] = curve
    ranked = sorted(measures, key=lambda name: -len(measures[name]))
    return [_multiples(name, measures[name], folder.deployed) for name in ranked]


def _multiples(name: str, by_candidate: dict[str, Curve], deployed: str) -> Multiples:
    runs = {candidate: [thin(run) for run in split(curve)] for candidate, curve in by_candidate.items()}
    everything = [point for lines in runs.values() for line in lines for point in line]
    x = Axis.around([step for step, _ in everything], wanted=3, pad=0.0)
    y = Axis.around([value for _, value in everything], wanted=3)
    panels = [
        Panel(
            candidate=visible(candidate),
            deployed=candidate == deployed,
            lines="".join(_path(line, x, y) for line in runs[candidate]),
            last=significant(by_candidate[candidate][-1][1]),
            points=[(step, float(f"{value:.4g}")) for line in runs[candidate] for step, value in line],
        )
        for candidate in sorted(runs, key=lambda c: (c != deployed, c))
    ]
    return Multiples(visible(name, 60), panels, x.marks(), y.marks(), (x.low, x.high), (y.low, y.high))


def split(curve: Curve) -> list[Curve]:
    """One line per stage or fold: a new one begins where the step does not go on."""
    lines: list[Curve] = []
    for point in curve:
        if not lines or point[0] <= lines[-1][-1][0]:
            lines.append([])
        lines[-1].append(point)
    return lines


def thin(curve: Sequence[tuple[float, float]], most: int = _POINTS) -> Curve:
    """Means over consecutive blocks of equal length, at most ``most`` points; short curves as they are."""
    block = -(-len(curve) // most)
    if block <= 1:
        return list(curve)
    parts = [curve[i : i + block] for i in range(0, len(curve), block)]
    return [(sum(s for s, _ in p) / len(p), sum(v for _, v in p) / len(p)) for p in parts]


def _path(line: Curve, x: Axis, y: Axis) -> str:
    points = [f"{x.at(step):g} {100 - y.at(value):g}" for step, value in line]
    return f"M{points[0]}h0" if len(points) == 1 else "M" + "L".join(points)
