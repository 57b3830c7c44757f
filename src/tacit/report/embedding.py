"""The map: every record where the encoder put it, coloured by what is predicted of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tacit.figures import share, significant
from tacit.report.folder import Absent, RunFolder, floats, strings
from tacit.report.plot import COLOURS, OTHER, Dot, Plot, plot
from tacit.report.previews import Album
from tacit.report.text import finite, visible

_LIMIT = 2000
_STEPS = 7
_AIR = 26


@dataclass(frozen=True)
class Map:
    """``shown`` of ``total`` records, all ``labelled`` first; ``ramp`` are the ends of a colour scale."""

    plot: Plot
    shown: int
    total: int
    labelled: int
    ramp: tuple[str, str] | None


@dataclass(frozen=True)
class Said:
    """What predictions.parquet says of the chosen points, None where it says nothing."""

    label: list[str | None]
    given: list[str | None]
    split: list[str | None]
    oof: list[bool]
    doubt: list[float | None]
    scale: list[float | None]
    p: list[float | None]


def embedding_map(folder: RunFolder, album: Album, hidden: Mapping[str, str]) -> Map | Absent:
    """A seeded sample of at most 2,000 points that keeps the labelled ones.

    ``hidden``: by id, what was predicted of a labelled record while its label was hidden.
    """
    if folder.map is None:
        return Absent("The run folder holds no map (map.parquet): no embedding was computed in this run.")
    ids = [i or "" for i in strings(folder.map["id"])]
    xy = np.column_stack([floats(folder.map["x"]), floats(folder.map["y"])])
    sound = np.isfinite(xy).all(axis=1)
    if not sound.any():
        return Absent("The map holds no point with finite coordinates.")
    row_of = _rows(folder)
    everything = np.flatnonzero(sound)
    labelled = _labelled(folder, ids, row_of)
    chosen = choose(everything, labelled[everything], _seed(folder))
    said = _say(folder, [row_of.get(ids[i], -1) for i in chosen])
    at, size = fit(xy[chosen])
    ringed = labelled[chosen]
    previews = album.show([ids[i] for i in chosen])
    values = [None if v is None else _float(v) for v in said.label] if folder.kind == "number" else None
    if values is not None:
        keys, names, ramp = _ramp(values)
    else:
        keys, names = _palette(folder, said.label)
        ramp = None
    dots = [
        Dot(*_words(folder.kind, said, k, ids[i], hidden), keys[k], bool(ringed[k]), previews[k])
        for k, i in enumerate(chosen)
    ]
    drawn = plot(at, dots, names, size, tags=folder.kind != "number" and len(folder.names) <= COLOURS)
    records = (folder.run.get("data") or {}).get("records")
    total = max(len(everything), records) if isinstance(records, int) else len(everything)
    return Map(drawn, len(chosen), total, int(ringed.sum()), ramp)


def choose(rows: NDArray[np.int64], labelled: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """At most `_LIMIT` rows, labelled ones before others, drawn from ``seed``; labelled ones come first."""
    rng = np.random.default_rng(seed)
    first, rest = rng.permutation(rows[labelled]), rng.permutation(rows[~labelled])
    return np.concatenate([first, rest])[:_LIMIT]


def fit(xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Points into a box 1,000 units wide, one scale for both axes, the box no taller than wide."""
    low, span = xy.min(axis=0), np.ptp(xy, axis=0)
    aspect = float(np.clip(span[1] / span[0] if span[0] > 0 else 1.0, 0.5, 1.0))
    size = (1000, round(1000 * aspect))
    scale = min(((s - 2 * _AIR) / d for s, d in zip(size, span, strict=True) if d > 0), default=1.0)
    centred = (xy - low - span / 2) * scale * np.array([1.0, -1.0])
    return centred + np.array(size) / 2, size


def _rows(folder: RunFolder) -> dict[str, int]:
    table = folder.predictions
    return {} if table is None else {i: k for k, i in enumerate(strings(table["id"])) if i is not None}


def _labelled(folder: RunFolder, ids: Sequence[str], row_of: dict[str, int]) -> NDArray[np.bool_]:
    table = folder.predictions
    if table is None or "split" not in table.column_names:
        return np.zeros(len(ids), dtype=bool)
    split = strings(table["split"])
    return np.array([i in row_of and split[row_of[i]] == "labelled" for i in ids], dtype=bool)


def _seed(folder: RunFolder) -> int:
    seed = folder.run.get("seed")
    return abs(seed) if isinstance(seed, int) else 0


def _say(folder: RunFolder, rows: list[int]) -> Said:
    """Columns of predictions.parquet at ``rows``; row -1 is a point without a prediction."""
    table = folder.predictions
    n = len(rows)
    taken = None if table is None else table.take([row if row >= 0 else None for row in rows])

    def column(name: str) -> list[object]:
        if taken is None or name not in taken.column_names:
            return [None] * n
        return list(taken[name].to_pylist())

    def words(name: str) -> list[str | None]:
        return [None if v is None else str(v) for v in column(name)]

    p = None if taken is None else folder.probabilities(np.array([max(row, 0) for row in rows]))
    top = [None] * n if p is None else [finite(float(v)) for v in p.max(axis=1)]
    return Said(
        label=words("label"),
        given=words("given"),
        split=words("split"),
        oof=[bool(v) for v in column("oof")],
        doubt=[finite(v) for v in column("doubt")],
        scale=[finite(v) for v in column("scale")],
        p=[value if row >= 0 else None for value, row in zip(top, rows, strict=True)],
    )


def _palette(folder: RunFolder, labels: list[str | None]) -> tuple[list[int], list[str]]:
    """A colour per label: in class order where all fit, else the most predicted ones and a grey rest."""
    counts = Counter(label for label in labels if label is not None)
    order = {name: i for i, name in enumerate(folder.names)}
    if len(order) <= COLOURS and set(counts) <= set(order):
        names = list(order)
    else:
        names = sorted(counts, key=lambda name: (-counts[name], order.get(name, len(order)), name))[:COLOURS]
    key = {name: i for i, name in enumerate(names)}
    padded = [visible(name, 40) for name in names] + [""] * (OTHER - len(names))
    rest = "other classes" if len(counts) > len(names) else "no prediction"
    return [OTHER if label is None else key.get(label, OTHER) for label in labels], [*padded, rest]


def _ramp(values: list[float | None]) -> tuple[list[int], list[str], tuple[str, str]]:
    """Seven equal steps between the smallest and the largest predicted value."""
    known = [v for v in values if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    width = (high - low) or 1.0
    keys = [OTHER if v is None else min(int(_STEPS * (v - low) / width), _STEPS - 1) for v in values]
    edges = [significant(low + width * k / _STEPS) for k in range(_STEPS + 1)]
    names = [f"{a} to {b}" for a, b in pairwise(edges)]
    return keys, [*names, *[""] * (OTHER - _STEPS), "no prediction"], (edges[0], edges[-1])


def _words(kind: str, said: Said, k: int, one: str, hidden: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Title and lines of a point: what is predicted, how sure, what was given."""
    label, given, p, doubt = said.label[k], said.given[k], said.p[k], said.doubt[k]
    if label is None:
        title = "no prediction"
    elif kind == "number":
        title = written(label) + (f" ± {significant(scale)}" if (scale := said.scale[k]) is not None else "")
    else:
        title = visible(label, 80) + (f", {share(p)}" if p is not None else "")
    lines = []
    if given is not None:
        where = "test label" if said.split[k] == "test" else "given label"
        differs = kind != "number" and label is not None and given != label
        value = written(given) if kind == "number" else visible(given, 80)
        lines.append(f"{where}: {value}" + (" (differs)" if differs else ""))
        if said.oof[k]:
            lines.append("predicted while its label was hidden")
        elif one in hidden:
            lines.append(f"while its label was hidden: {hidden[one]}")
    elif said.split[k] is not None:
        lines.append("no label given")
    if doubt is not None and said.scale[k] is None:
        lines.append(f"doubt {significant(doubt, 2)}")
    return title, (*lines, visible(one, 80))


def written(value: str) -> str:
    """A number that travelled as text, rounded for people."""
    number = _float(value)
    return visible(value, 40) if number is None else significant(number)


def _float(value: str) -> float | None:
    try:
        return finite(float(value))
    except ValueError:
        return None
