"""Reading what ``tacit fit`` was pointed at: records, labels and groups by the names of their columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tacit.errors import InputError

if TYPE_CHECKING:
    from tacit.data.records import Records

THINGS = {"image": "images", "set": "bags", "table": "a table", "text": "texts"}
OBVIOUS = ("label", "target", "class", "y")
"""Names of columns that hold labels without anyone saying so."""


@dataclass(frozen=True)
class Columns:
    """What options say about the columns of a table. ``target`` is in the label file where there is one."""

    target: str | None = None
    id: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    path: str | None = None
    bag: str | None = None
    votes: tuple[str, ...] = ()

    def no_features(self, labelled: bool) -> tuple[str, ...]:
        """Columns of the source that a model must not read; ``labelled``: whether the target is in another file."""
        named = (None if labelled else self.target, self.group, *self.drop, *self.votes)
        return tuple(name for name in named if name is not None)


def read_source(source: str, columns: Columns, modality: str | None, labelled: bool) -> tuple[Records, str | None]:
    """The records, and the column of theirs that holds the labels: None for class folders, votes or a label file.

    Without ``--target`` an obvious name is taken; where there is none, an `InputError` lists the columns.
    """
    from tacit.data.read import read

    def again(exclude: Sequence[str]) -> Records:
        return read(
            source,
            modality,
            id=columns.id,
            exclude=tuple(exclude),
            text=columns.text or None,
            path=columns.path,
            bag=columns.bag,
        )

    exclude = columns.no_features(labelled)
    records = again(exclude)
    for name in columns.votes:
        records.column(name)
    if labelled:
        leaked = [n for n in records.columns if n == columns.target and n not in exclude]
        return (again([*exclude, *leaked]) if leaked else records), None
    if columns.target is not None:
        records.column(columns.target)
        return records, columns.target
    if columns.votes:
        leaked = [name for name in records.columns if name.strip().lower() in OBVIOUS and name not in exclude]
        return (again([*exclude, *leaked]) if leaked else records), None
    if not records.columns or is_folder(records):
        return records, None
    target = _obvious(records)
    return again([*exclude, target]), target


def is_folder(records: Records) -> bool:
    """Whether the records are the files of a folder."""
    return "folder" in records.columns and records.root is not None and records.root.is_dir()


def has_class_folders(records: Records) -> bool:
    """Whether they are, and lie in folders that name classes of any of them."""
    return is_folder(records) and any(name is not None for name in records.column("folder"))


def _obvious(records: Records) -> str:
    found = [name for name in records.columns if name.strip().lower() in OBVIOUS]
    if len(found) == 1:
        return found[0]
    seen = ", ".join(records.columns[:20]) + (" ..." if len(records.columns) > 20 else "")
    raise InputError(
        f"which column holds the labels? Found: {seen}. Name it with --target, or give a file of id,label with "
        "--labels."
    )


def read_alike(path: str, schema: dict[str, Any], modality: str, owner: str, id: str | None = None) -> Records:
    """Records in the form of ``schema``; columns that are no features may be missing.

    Data that looks like another modality is an `InputError` that begins with ``owner`` ("the model in R was trained
    on") and says what either is.
    """
    from tacit.data.like import read_like
    from tacit.data.sources.files import TABLE_SUFFIXES, existing, suffix

    try:
        return read_like(path, schema, modality, id=id)
    except InputError:
        # of a table that lacks a column, the column is the better thing to name
        table = modality in ("set", "table") and suffix(existing(path)) in TABLE_SUFFIXES
        if table or (found := _modality(path)) in (None, modality):
            raise
    raise InputError(f"{owner} {THINGS[modality]}, but {path} holds {THINGS[found]}; give {THINGS[modality]}")


def _modality(path: str) -> str | None:
    """What the data looks like by itself; None where it cannot be read."""
    from tacit.data.read import read

    try:
        return read(path).modality
    except InputError:
        return None


def test_values(records: Records, target: str | None, path: str) -> Any:
    """What is known of test records: their target column or class folders; `InputError` where neither is there."""
    if target is not None and target in records.columns:
        return records.column(target)
    if target is None and has_class_folders(records):
        return records.column("folder")
    missing = f"it has no column {target!r}" if target is not None else "it has no class folders"
    raise InputError(f"the test data {path} needs labels, but {missing}. Add them, or give --test-labels FILE.")


def group_values(records: Records, column: str | None) -> list[Any] | None:
    """(records,) names of groups; a record without one is a group of its own."""
    if column is None:
        return None
    values = records.column(column).tolist()
    return [f"alone {i}" if _missing(value) else value for i, value in enumerate(values)]


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
