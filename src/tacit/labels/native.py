"""Evidence of any kind, alone or mixed, as lines of JSON: nothing is lost, and a person can read it.

A part starts with a line of its own, ``{"tacit": "labels", "format": 1, "kind": "Candidates", ...}``, which says the
classes in their order and whatever parameters the kind has. Every further line is one observation, which names its
records by their ids. Evidence of several kinds is several parts, one after another.
"""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.data.atomic import atomic_write
from tacit.data.sources.files import decode_text, read_bytes
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.json_text import encodable, parse, said
from tacit.labels.parts import Parts
from tacit.listing import pick, subclasses

FORMAT = 1
_FAULTS = (KeyError, TypeError, ValueError, AttributeError, AssertionError, IndexError, ArithmeticError)
"""What reading a part raises where a line is not as it was written."""


def write_evidence(path: Path, labels: Labels, ids: Sequence[str]) -> None:
    """Write ``labels``, aligned to ``ids``, as lines of JSON; a parameter that JSON cannot hold is an `InputError`."""
    parts, trusts = (labels.parts, labels.trust) if isinstance(labels, Parts) else ((labels,), (1.0,))
    lines: list[Mapping[str, Any]] = []
    for part, trust in zip(parts, trusts, strict=True):
        lines.append({"tacit": "labels", "format": FORMAT, "kind": type(part).__name__, "trust": trust} | part.header())
        lines += part.rows(ids)
    try:
        atomic_write(path, "".join(_line(line) for line in lines))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name}: the labels hold a number that is not finite, which JSON cannot say") from None


def is_native(path: Path) -> bool:
    """Whether the file starts as this module writes it."""
    with path.open("rb") as file:
        start = file.readline(1_000_000)
    try:
        first = json.loads(start)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and first.get("tacit") == "labels"


def read_evidence(path: Path, ids: Sequence[str]) -> Labels:
    """The inverse of `write_evidence`; a line that cannot be read is an `InputError` that names it."""
    lines = Lines(path)
    parts: list[Labels] = []
    trust: list[float] = []
    kinds = {name: kind for name, kind in subclasses("tacit.labels", Labels).items() if not issubclass(kind, Parts)}
    while (header := lines.header()) is not None:
        if header.get("format") != FORMAT:
            raise InputError(f"{lines.where} has format {header.get('format')!r}; this version reads format {FORMAT}")
        kind = pick(str(header.get("kind")), kinds, f"kind of evidence ({lines.where})")
        trust.append(_trust(header, lines.where))
        parts.append(_part(kind, header, lines, ids))
    if not parts:
        raise InputError(f"{path} holds no evidence")
    if len(parts) == 1 and trust == [1.0]:
        return parts[0]
    try:
        return Labels.combine(*parts, trust=trust)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


def _part(kind: type[Labels], header: Mapping[str, Any], lines: Lines, ids: Sequence[str]) -> Labels:
    """The evidence of one part; a fault is an `InputError` that names its line.

    That is the one read last where others are left, else the first up to which the lines cannot be read.
    """
    start = lines.read

    def made(most: int | None = None) -> Labels:
        lines.read = start
        with np.errstate(invalid="raise"):
            return kind.from_rows(header, itertools.islice(lines.rows(), most), ids)

    try:
        return made()
    except _FAULTS as error:
        if isinstance(error, InputError) and lines.name in str(error):
            raise
        fault = error

    def fails(most: int) -> bool:
        try:
            made(most)
        except _FAULTS:
            return True
        return False

    stopped = lines.read
    read_all = next(lines.rows(), None) is None
    lines.read = stopped if not read_all else start + bisect.bisect_left(range(stopped - start), True, key=fails)
    what = f"no record, class or field is named {fault.args[0]!r}" if isinstance(fault, KeyError) else str(fault)
    said = what or "its header says something else"
    raise InputError(f"{lines.where} cannot be read: {said}; mend the line or drop it") from None


def _line(value: Mapping[str, Any]) -> str:
    """One line; half a surrogate pair, which names of files may hold, is escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return (text if encodable(text) else json.dumps(value)) + "\n"


def _trust(header: Mapping[str, Any], where: str) -> float:
    found = header.get("trust", 1.0)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= 1:
        raise InputError(f"{where}: expected a trust above 0 and at most 1, found {said(found)}")
    return float(found)


class Lines:
    """The objects of a file, part by part; ``read`` counts those that have been read."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        text = decode_text(read_bytes(path), path)
        self._lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        self.read = 0

    @property
    def where(self) -> str:
        """The line that was read last."""
        number = self._lines[self.read - 1][0] if self.read else 1
        return f"{self.name}, line {number}"

    def header(self) -> dict[str, Any] | None:
        """The next part's first line; None at the end."""
        if self.read == len(self._lines):
            return None
        found = self._object(halves=False)
        self.read += 1
        if found.get("tacit") != "labels":
            raise InputError(f'{self.where} does not start a part; expected {{"tacit": "labels", ...}}')
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """The observations of the part; where they speak of one record each, no record comes twice."""
        first: dict[str, str] = {}
        while self.read < len(self._lines) and (found := self._object()).get("tacit") != "labels":
            self.read += 1
            name = found.get("id")
            if isinstance(name, str) and first.setdefault(name, self.where) != self.where:
                raise InputError(f"{self.where} speaks of {name!r}, as does {first[name]}; keep one of them")
            yield found

    def _object(self, *, halves: bool = True) -> dict[str, Any]:
        number, line = self._lines[self.read]
        where = f"{self.name}, line {number}"
        found = parse(line, where, halves=halves)
        if not isinstance(found, dict):
            raise InputError(f"{where} holds no JSON object, but {said(found)}")
        return found
