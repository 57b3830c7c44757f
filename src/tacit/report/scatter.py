"""Numbers: what was predicted while the value was hidden, against what was given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tacit.figures import significant
from tacit.report.folder import RunFolder
from tacit.report.outoffold import HeldOutNumbers
from tacit.report.plot import Dot, Plot, plot
from tacit.report.previews import Album
from tacit.report.text import Axis, visible

_SIDE = 1000
_LIMIT = 2000


@dataclass(frozen=True)
class Scatter:
    """A square with one axis for both directions; ``within`` of ``total`` lie inside two deviations."""

    plot: Plot
    marks: list[tuple[float, str]]
    candidate: str
    error: str
    within: int
    total: int


def scatter(folder: RunFolder, held: HeldOutNumbers, album: Album) -> Scatter:
    """Given values to the right, predicted ones upwards; on the diagonal they agree."""
    miss = np.abs(held.mean - held.given)
    within = int((miss <= 2 * held.scale).sum())
    shown = np.arange(len(held.ids))[:_LIMIT]
    axis = Axis.around([*held.given[shown].tolist(), *held.mean[shown].tolist()], wanted=5)
    span = axis.high - axis.low
    at = np.column_stack([held.given[shown] - axis.low, axis.high - held.mean[shown]]) / span * _SIDE
    previews = album.show([held.ids[i] for i in shown])
    dots = [
        Dot(
            title=f"{significant(held.mean[i])} ± {significant(held.scale[i])}",
            lines=(f"given: {significant(held.given[i])}", visible(held.ids[i], 80)),
            group=0,
            ringed=False,
            preview=preview,
        )
        for i, preview in zip(shown, previews, strict=True)
    ]
    return Scatter(
        plot(at, dots, ["records"], (_SIDE, _SIDE)),
        axis.marks(),
        visible(folder.deployed),
        significant(float(miss.mean())),
        within,
        len(miss),
    )
