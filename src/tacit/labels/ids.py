"""Which record an id names: in full, or by a shorter or longer way to name a file."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable
from tacit.data.sources.files import IMAGE_SUFFIXES, listed
from tacit.errors import InputError
from tacit.labels.values_io import positions

_FILES = IMAGE_SUFFIXES | {".txt"}


@dataclass(frozen=True)
class Place:
    """Where ids stand: in the file ``name``, the ``field`` of every row; ``where(row)`` says which row that is."""

    name: str
    field: str
    where: Callable[[int], str]

    @staticmethod
    def column(raw: RawTable, name: str) -> Place:
        """A column of a table."""
        return Place(raw.name, f"column {name!r}", raw.where)

    def cell(self, row: int) -> str:
        """Names one id in a message."""
        return f"{self.name}, {self.where(row)}, {self.field}"


class Named:
    """The records by every way to name them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._exact = positions(records.ids)

    def find(self, name: str) -> set[int]:
        """The records that ``name`` may mean: one where it is an id, else those whose file it names in short."""
        if name in self._exact:
            return {self._exact[name]}
        return next((self._short[key] for key in self._keys(name) if key in self._short), set())

    @cached_property
    def _short(self) -> dict[str, set[int]]:
        """Every shorter way to name a record that is a file: its path from any folder on, suffix or none."""
        names: defaultdict[str, set[int]] = defaultdict(set)
        for i, name in enumerate(self._records.ids):
            path = PurePosixPath(name)
            if path.suffix.lower() not in _FILES:
                continue
            for start in range(len(path.parts)):
                tail = PurePosixPath(*path.parts[start:])
                names[str(tail)].add(i)
                names[str(tail.with_suffix(""))].add(i)
        return names

    def _keys(self, name: str) -> list[str]:
        """What an id may mean: the path as written on other systems, or with the records' own folder."""
        path, root = name.replace("\\", "/").removeprefix("./"), self._records.root
        if root is None:
            return [path]
        return [path, path.removeprefix(f"{_folder(root)}/"), path.removeprefix(f"{root.name}/")]


def match_ids(ids: Sequence[str | None], records: Records, place: Place) -> list[int]:
    """(rows,) position of the record that each id names; one missing, ambiguous or unknown is an `InputError`.

    Ids match `Records.ids`; where these are files, their name without folder, or without suffix too, will do if only
    one record has it.
    """
    named = Named(records)
    found: list[int] = []
    unknown: list[int] = []
    for row, name in enumerate(ids):
        if name is None:
            raise InputError(f"{place.cell(row)}: the id is missing. Every label needs the id of its record.")
        candidates = named.find(name)
        if len(candidates) > 1:
            both = [records.ids[i] for i in sorted(candidates)]
            raise InputError(
                f"{place.cell(row)}: {name!r} could be any of {len(both)} records ({listed(both)}). "
                "Give the id in full."
            )
        found.append(next(iter(candidates), -1))
        if not candidates:
            unknown.append(row)
    if unknown:
        raise InputError(_no_record(ids, unknown, records, place))
    return found


def _folder(root: Path) -> str:
    return root.absolute().as_posix()


def _no_record(ids: Sequence[str | None], unknown: Sequence[int], records: Records, place: Place) -> str:
    first = unknown[0]
    shown = [f"{ids[row]!r} ({place.where(row)})" for row in unknown]
    close = difflib.get_close_matches(str(ids[first]), records.ids, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}?" if close else f"The records' ids are like {records.ids[0]!r}."
    return (
        f"{place.name}, {place.field}: no record has the id {listed(shown)}. {hint} "
        f"({len(ids) - len(unknown)} of {len(ids)} ids match.)"
    )
