"""What was known beside exact labels: how sources err, who disagrees with whom, which labels are contradicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tacit.figures import share
from tacit.report.folder import RunFolder
from tacit.report.previews import Album, Preview
from tacit.report.text import visible

MOST_SOURCES = 40
MOST_PAIRS = 6
MOST_CARDS = 24
MOST_CLASSES = 12
_SIDE = 96


@dataclass(frozen=True)
class Bar:
    """A share of 0 to 1 with its interval, in percent, and in words; the interval may be None."""

    name: str
    note: str
    at: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class Matrix:
    """``rows``: a truth, and of each class how often it is given; cells are percent, and its text."""

    title: str
    names: list[str]
    rows: list[tuple[str, list[tuple[int, str]]]]


@dataclass(frozen=True)
class Contradiction:
    """A record, what was given and what is believed of it, with the probability of either."""

    id: str
    given: str
    believed: str
    p: str
    p_given: str
    preview: Preview | None


@dataclass(frozen=True)
class Evidence:
    """The section; each list may be empty. ``left_out``: sources beyond those shown."""

    parts: list[str]
    naively: list[str]
    sources: list[Bar]
    left_out: int
    pairs: list[str]
    priors: list[Bar]
    matrices: list[Matrix]
    cards: list[Contradiction]


def evidence(folder: RunFolder, album: Album) -> Evidence | None:
    """The section of a run on weaker evidence; None for one on exact labels."""
    found = folder.evidence
    if found is None:
        return None
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for entry in found.get("findings") or ():
        by_kind.setdefault(str(entry.get("about")), []).append(entry)
    told = by_kind.get("sources", [])
    sources = [_source(s) for entry in told for s in entry["sources"]]
    pairs = [_pair(p) for entry in told for p in entry["pairs"][:MOST_PAIRS]]
    matrices = [_matrix("What sources say of each class, all together", folder, e["confusion"]) for e in told]
    matrices += [
        _matrix(f"Estimated noise: {share(e['right'])} of the labels are right", folder, e["transition"])
        for e in by_kind.get("transition", [])
    ]
    return Evidence(
        [visible(part["said"], 400) for part in found.get("parts") or ()],
        [visible(part["naively"], 200) for part in found.get("parts") or ()],
        sorted(sources, key=lambda bar: -bar.at)[:MOST_SOURCES],
        max(len(sources) - MOST_SOURCES, 0),
        pairs,
        [_prior(line) for entry in by_kind.get("prior", []) for line in entry["labels"]],
        [m for m in matrices if m is not None],
        _cards(list(found.get("contradictions") or ())[:MOST_CARDS], album),
    )


def _source(source: Mapping[str, Any]) -> Bar:
    note = f"{source['votes']:,} {'vote' if source['votes'] == 1 else 'votes'}"
    return _bar(source["name"], note, source["right"], source["low"], source["high"])


def _prior(line: Mapping[str, Any]) -> Bar:
    return _bar(line["label"], f"{share(line['share'])} labelled", line["prior"], line["low"], line["high"])


def _bar(name: Any, note: str, value: float, low: float | None, high: float | None) -> Bar:
    text = share(value) if low is None or high is None else f"{share(value)} ({share(low)} to {share(high)})"
    ends = [None if end is None else round(100 * end, 1) for end in (low, high)]
    return Bar(visible(name, 60), note, round(100 * value, 1), ends[0], ends[1], text)


def _pair(pair: Mapping[str, Any]) -> str:
    return (
        f"{visible(pair['first'], 40)} and {visible(pair['second'], 40)} agree on {share(pair['agreed'])} of "
        f"{pair['common']:,} records (kappa {pair['kappa']:.2f})"
    )


def _matrix(title: str, folder: RunFolder, cells: list[list[float]]) -> Matrix | None:
    names = folder.names
    if not 1 < len(names) <= MOST_CLASSES or len(cells) != len(names):
        return None
    shown = [visible(name, 40) for name in names]
    rows = [(name, [(round(100 * v), share(v)) for v in row]) for name, row in zip(shown, cells, strict=True)]
    return Matrix(title, shown, rows)


def _cards(found: list[Mapping[str, Any]], album: Album) -> list[Contradiction]:
    previews = album.show([str(c["id"]) for c in found], _SIDE)
    return [
        Contradiction(
            visible(c["id"], 80),
            visible(c["given"], 60),
            visible(c["believed"], 60),
            share(c["p"]),
            share(c["p_given"]),
            preview,
        )
        for c, preview in zip(found, previews, strict=True)
    ]
