"""Tasks of an annotation tool: which record each speaks of, and what annotators said."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.files import listed
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.formats.base import Options
from tacit.labels.formats.cells import numbered
from tacit.labels.formats.long_votes import votes_once
from tacit.labels.formats.mentioned import Mentioned
from tacit.labels.ids import Named
from tacit.labels.json_text import said
from tacit.labels.read import ID_NAMES
from tacit.labels.values_io import label_text, positions

_UPLOADED = re.compile(r"^[0-9a-f]{8}-(.+)$", re.DOTALL)
MODEL = "model:"
"""What names of models begin with, and all that is known of one without a version."""

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://|^/data/")


@dataclass(frozen=True)
class Said:
    """One annotation: its source, with a number that orders it where there is one, and its class, None to abstain."""

    source: tuple[int | None, str]
    label: str | None
    where: str


@dataclass(frozen=True)
class Task:
    """``data``: what was shown. ``names``: what else may name its record. ``where``: for messages.

    ``own``: what the file itself calls it, where there are no other records.
    """

    data: dict[str, Any]
    names: dict[str, Any]
    votes: list[Said]
    where: str
    own: str | None


def members(entry: dict[str, Any], field: str, where: str) -> list[dict[str, Any]]:
    """A list of objects; empty where the field is missing or null."""
    found = entry.get(field)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InputError(f"{where}, {field}: expected a list, found {said(found)}.")
    for k, value in enumerate(found):
        if not isinstance(value, dict):
            raise InputError(f"{where}, {field}[{k}]: expected an object, found {said(value)}.")
    return found


def place(name: str, tasks: Sequence[Task], records: Records) -> NDArray[np.int64]:
    """(tasks,) the record of each, by the first field that names a record in every task.

    Fields of ``data`` called id, file or the like come first, then its other fields, the file that was uploaded, and
    the task's number, which is no id where records are numbered by position. A value is an id, or a text that is one
    record's; files may be named by an address, and by a name that an upload has given eight hexadecimal digits.
    Where the records are no more than what the file itself mentions, each is its task's own.
    """
    number = positions(records.ids) if isinstance(records, Mentioned) else {}
    own = [number[task.own] for task in tasks if task.own in number]
    if len(own) == len(tasks):
        return np.array(own, dtype=np.int64)
    finder = Finder(records)
    best, best_field = list(range(len(tasks))), None
    for field, values in _fields(tasks, records):
        found = [finder.find(value) for value in values]
        if None not in found:
            return np.array(found, dtype=np.int64)
        if len(lost := [k for k, f in enumerate(found) if f is None]) < len(best):
            best, best_field = lost, field
    if best_field is None:
        raise InputError(f"{name}: no field of a task names a record; put the record's id into its data")
    where = listed([tasks[k].where.removeprefix(f"{name}, ") for k in best])
    raise InputError(
        f"{name}: {len(best)} of {len(tasks)} tasks name no record, or no single one ({where}; of all fields "
        f"{best_field!r} names most). The records' ids are like {records.ids[0]!r}; put the id into the task's data."
    )


def evidence(name: str, record: NDArray[np.int64], tasks: Sequence[Task], records: Records, options: Options) -> Labels:
    """Exact labels of a single annotator, else votes; what an annotator says of a record again counts once."""
    votes = _models_apart([(int(i), vote) for i, task in zip(record, tasks, strict=True) for vote in task.votes])
    texts = [vote.label for _, vote in votes]
    y, names = numbered(texts, options.classes, lambda row: votes[row][1].where)
    if not any(text is not None for text in texts):
        raise InputError(f"{name}: every annotation is cancelled or empty, so there is nothing to learn from")
    item = np.array([i for i, _ in votes], dtype=np.int64)
    sources = _sources([vote.source for _, vote in votes])
    number = positions(sources)
    source = np.array([number[vote.source[1]] for _, vote in votes], dtype=np.int64)

    def clash(first: int, second: int) -> str:
        spots = [votes[line][1].where.removeprefix(f"{name}, ") for line in (first, second)]
        return (
            f"{name}: {spots[0]} and {spots[1]} are different labels by {votes[first][1].source[1]!r} for "
            f"{records.ids[item[first]]!r}, {texts[first]!r} and {texts[second]!r}. Keep one of them."
        )

    found = votes_once(item, source, y, len(records), names, options.abstain, sources, clash)
    if len(sources) == 1 and not sources[0].startswith(MODEL):
        exact = np.full(len(records), -1, dtype=np.int64)
        exact[found.ballots.item] = found.ballots.vote
        return Exact(exact, names)
    return found


def _models_apart(votes: list[tuple[int, Said]]) -> list[tuple[int, Said]]:
    """The votes, those of models without a version numbered record by record, if any contradict each other on one.

    No model contradicts itself, so they are several; which is which is not known but by the order.
    """
    unnamed = [k for k, (_, vote) in enumerate(votes) if vote.source == (None, MODEL)]
    labels: defaultdict[int, set[str | None]] = defaultdict(set)
    for k in unnamed:
        labels[votes[k][0]].add(votes[k][1].label)
    if all(len(said - {None}) < 2 for said in labels.values()):
        return votes
    found, count = list(votes), Counter[int]()
    for k in unnamed:
        i, vote = votes[k]
        count[i] += 1
        if count[i] > 1:
            found[k] = i, replace(vote, source=(None, f"{MODEL} {count[i]}"))
    return found


def _sources(sources: Sequence[tuple[int | None, str]]) -> list[str]:
    """Annotators with a number by it, then the others as they appear; models last."""
    distinct = dict.fromkeys(sources)
    ranked = sorted(distinct, key=lambda s: (s[1].startswith(MODEL) and s[0] is None, s[0] is None, s[0] or 0))
    return list(dict.fromkeys(name for _, name in ranked))


def _fields(tasks: Sequence[Task], records: Records) -> Iterator[tuple[str, list[Any]]]:
    keys = list(dict.fromkeys(key for task in tasks for key in task.data))
    keys.sort(key=lambda key: ID_NAMES.index(key.lower()) if key.lower() in ID_NAMES else len(ID_NAMES))
    for key in keys:
        yield key, [task.data.get(key) for task in tasks]
    counted = records.ids == tuple(map(str, range(len(records))))
    for key in dict.fromkeys(key for task in tasks for key in task.names):
        if key != "id" or not counted:
            yield key, [task.names.get(key) for task in tasks]


class Finder:
    """The record that a field of a task names: by its id, its file, or its text."""

    def __init__(self, records: Records) -> None:
        self._named = Named(records)
        self._texts: dict[str, set[int]] = {}
        texts = (text for block in records.blocks() for text in block) if records.modality == "text" else ()
        for i, text in enumerate(texts):
            self._texts.setdefault(str(text).strip(), set()).add(i)

    def find(self, value: Any) -> int | None:
        """The record; None where there is none, or no single one."""
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return None
        text = label_text(value)
        for name in (text, *_files(text)):
            found = self._named.find(name) or self._texts.get(name.strip(), set())
            if found:
                return next(iter(found)) if len(found) == 1 else None
        return None


def _files(value: str) -> Iterator[str]:
    """The names that a file's address may stand for, from long to short."""
    if "\n" in value or len(value) > 4096:
        return
    path = value
    if _SCHEME.match(value):
        try:
            parts = urlsplit(value)
        except ValueError:
            return
        path = unquote(parse_qs(parts.query).get("d", [parts.path])[0])
    names = PurePosixPath(path.replace("\\", "/")).parts
    names = names[1:] if names[:1] == ("/",) else names
    for start in range(len(names)):
        yield "/".join(names[start:])
    if names and (uploaded := _UPLOADED.match(names[-1])):
        yield uploaded[1]
