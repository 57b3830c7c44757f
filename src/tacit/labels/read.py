"""Label files: ``id,label`` in CSV, TSV, JSONL or Parquet, matched to records by id."""

from __future__ import annotations

import difflib
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable, id_cells, plain
from tacit.data.sources.files import IMAGE_SUFFIXES, existing, listed
from tacit.data.sources.tabular import load
from tacit.errors import InputError

_IDS = ("id", "file", "filename", "file_name", "path", "image", "name")
_FILES = IMAGE_SUFFIXES | {".txt"}
_LABELS = ("label", "labels", "target", "class", "y", "category")


def read_labels(
    path: str | os.PathLike[str], records: Records, *, target: str | None = None, id: str | None = None
) -> NDArray[np.object_]:
    """(records,) raw label values, None where unknown: a str, int, float or bool each.

    The id column is ``id``, else one named id, file, filename, path, image or name, else the first; the label
    column is ``target``, else one named label, target, class, y or category, else the only other one. Ids
    match `Records.ids`; where they are files, their name without folder, or without suffix too, will do if
    only one record has it. Cells are kept as they are, whatever they hold, but for spaces around them,
    numbers, which become numbers, and cells that stand for a missing value (empty, NA, NaN, None, ?). Ids
    that no record has, and rows that contradict each other, are an `InputError` that names the rows.
    """
    raw = load(existing(path))
    id_column = id if id is not None else _id_column(raw, target)
    label_column = target if target is not None else _label_column(raw, id_column)
    ids, values = id_cells(raw.column(id_column)), plain(raw.column(label_column))
    found = _match(ids, records, raw, id_column)
    labels = np.full(len(records), None, dtype=object)
    row_of: dict[int, int] = {}
    for row, (record, value) in enumerate(zip(found, values.tolist(), strict=True)):
        earlier = row_of.setdefault(record, row)
        if earlier != row and value != labels[record]:
            raise InputError(
                f"{raw.name}: {raw.where(earlier)} and {raw.where(row)} give {records.ids[record]!r} "
                f"different labels, {_said(labels[record])} and {_said(value)}. Keep one of them."
            )
        labels[record] = value
    return labels


def _said(value: Any) -> str:
    return "none (empty)" if value is None else repr(value)


def _id_column(raw: RawTable, target: str | None) -> str:
    names = [name for name in raw.table.column_names if name != target]
    if not names:
        raise InputError(f"{raw.name} has one column only; a file of labels needs an id and a label for each row.")
    return _named(names, _IDS) or names[0]


def _label_column(raw: RawTable, id_column: str) -> str:
    names = [name for name in raw.table.column_names if name != id_column]
    if not names:
        raise InputError(f"{raw.name} has one column only; a file of labels needs an id and a label for each row.")
    found = _named(names, _LABELS) or (names[0] if len(names) == 1 else None)
    if found is None:
        raise InputError(f"{raw.name} has no column named label; which is it: {listed(names, 8)}? Name the target.")
    return found


def _named(names: Sequence[str], known: Sequence[str]) -> str | None:
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in known if name in lower), None)


def _match(ids: Sequence[str | None], records: Records, raw: RawTable, column: str) -> list[int]:
    """(rows,) position of the record that each id names."""
    exact = {name: i for i, name in enumerate(records.ids)}
    short: dict[str, set[int]] | None = None
    found: list[int] = []
    unknown: list[int] = []
    for row, name in enumerate(ids):
        if name is None:
            raise InputError(f"{raw.cell(row, column)}: the id is missing. Every label needs the id of its record.")
        if name in exact:
            found.append(exact[name])
            continue
        short = _short_names(records.ids) if short is None else short
        candidates = next((short[key] for key in _keys(name, records.root) if key in short), set())
        if len(candidates) > 1:
            both = [records.ids[i] for i in sorted(candidates)]
            raise InputError(
                f"{raw.cell(row, column)}: {name!r} could be any of {len(both)} records ({listed(both)}). "
                "Give the id in full."
            )
        found.append(next(iter(candidates), -1))
        if not candidates:
            unknown.append(row)
    if unknown:
        raise InputError(_no_record(ids, unknown, records, raw, column))
    return found


def _keys(name: str, root: Path | None) -> list[str]:
    """What a label's id may mean: the path as written on other systems, or with the records' own folder."""
    path = name.replace("\\", "/").removeprefix("./")
    if root is None:
        return [path]
    return [path, path.removeprefix(f"{root.absolute().as_posix()}/"), path.removeprefix(f"{root.name}/")]


def _short_names(ids: Sequence[str]) -> dict[str, set[int]]:
    """Every shorter way to name a record that is a file: its path from any folder on, suffix or none."""
    names: defaultdict[str, set[int]] = defaultdict(set)
    for i, name in enumerate(ids):
        path = PurePosixPath(name)
        if path.suffix.lower() not in _FILES:
            continue
        for start in range(len(path.parts)):
            tail = PurePosixPath(*path.parts[start:])
            names[str(tail)].add(i)
            names[str(tail.with_suffix(""))].add(i)
    return names


def _no_record(ids: Sequence[str | None], unknown: Sequence[int], records: Records, raw: RawTable, column: str) -> str:
    first = unknown[0]
    shown = [f"{ids[row]!r} ({raw.where(row)})" for row in unknown]
    close = difflib.get_close_matches(str(ids[first]), records.ids, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}?" if close else f"The records' ids are like {records.ids[0]!r}."
    return (
        f"{raw.name}, column {column!r}: no record has the id {listed(shown)}. {hint} "
        f"({len(ids) - len(unknown)} of {len(ids)} ids match.)"
    )
