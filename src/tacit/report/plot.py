"""Dots in a plane, drawn as one SVG path per colour, with what to say of each when it is pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tacit.report.previews import Preview

COLOURS = 10
OTHER = COLOURS


@dataclass(frozen=True)
class Dot:
    """What a point says: ``title`` and ``lines`` of text, its colour group, whether it is ringed."""

    title: str
    lines: tuple[str, ...]
    group: int
    ringed: bool
    preview: Preview | None = None


@dataclass(frozen=True)
class Group:
    """Dots of one colour as path data; ``tag`` is where its name stands, in percent."""

    key: int
    name: str
    count: int
    plain: str
    ringed: str
    tag: tuple[float, float] | None = None


@dataclass(frozen=True)
class Plot:
    """A box of ``width`` by ``height`` units with groups of dots; ``at`` in the same units, one per dot."""

    width: int
    height: int
    groups: list[Group]
    dots: list[Dot]
    at: list[tuple[int, int]]

    def to_json(self) -> list[list[object]]:
        """Per dot: x, y, group, title, lines, preview or null. The page's script reads this."""
        return [
            [x, y, d.group, d.title, list(d.lines), d.preview.to_json() if d.preview else None]
            for (x, y), d in zip(self.at, self.dots, strict=True)
        ]


def plot(
    at: NDArray[np.float64],
    dots: Sequence[Dot],
    names: Sequence[str],
    size: tuple[int, int],
    tags: bool = False,
) -> Plot:
    """``at``: (n, 2) units from the upper left corner; ``names``: one per group; ``tags`` writes them in."""
    units = [(round(x), round(y)) for x, y in at.tolist()]
    groups = []
    for key, name in enumerate(names):
        members = [i for i, dot in enumerate(dots) if dot.group == key]
        if not members:
            continue
        middle = np.median(at[members], axis=0) / np.array(size) * 100
        tag = (round(float(middle[0]), 1), round(float(middle[1]), 1)) if tags and key != OTHER else None
        plain = _path([units[i] for i in members if not dots[i].ringed])
        ringed = _path([units[i] for i in members if dots[i].ringed])
        groups.append(Group(key, name, len(members), plain, ringed, tag))
    return Plot(size[0], size[1], groups, list(dots), units)


def _path(points: Sequence[tuple[int, int]]) -> str:
    """Zero-length strokes: with round caps they are dots whose size does not scale with the drawing."""
    return "".join(f"M{x} {y}h0" for x, y in points)
