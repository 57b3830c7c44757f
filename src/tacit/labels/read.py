"""Label files: ``id,label`` in CSV, TSV, JSONL or Parquet, matched to records by id."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable, id_cells, plain
from tacit.data.sources.files import existing, listed
from tacit.errors import InputError
from tacit.labels.ids import Place, match_ids
from tacit.labels.json_text import load_table

ID_NAMES = ("id", "file", "filename", "file_name", "path", "image", "name")
LABEL_NAMES = ("label", "labels", "target", "class", "y", "category")


def read_labels(
    path: str | os.PathLike[str], records: Records, *, target: str | None = None, id: str | None = None
) -> NDArray[np.object_]:
    """(records,) raw label values, None where unknown: a str, int, float or bool each.

    The id column is ``id``, else one named id, file, filename, path, image or name, else the first; the label
    column is ``target``, else one named label, target, class, y or category, else the only other one. Ids
    match `Records.ids` (`tacit.labels.ids`). Cells are kept as they are, whatever they hold, but for spaces around
    them, numbers, which become numbers, and cells that stand for a missing value (empty, NA, NaN, None, ?). Ids
    that no record has, and rows that contradict each other, are an `InputError` that names the rows.
    """
    return labels_in(load_table(existing(path)), records, target=target, id=id)


def labels_in(
    raw: RawTable, records: Records, *, target: str | None = None, id: str | None = None
) -> NDArray[np.object_]:
    """As `read_labels`, of a table that is loaded."""
    id_column = id if id is not None else _id_column(raw, target)
    label_column = target if target is not None else _label_column(raw, id_column)
    ids, values = id_cells(raw.column(id_column)), plain(raw.column(label_column))
    found = match_ids(ids, records, Place.column(raw, id_column))
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


def named_column(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Of the columns ``names``, the one that is called by the first of ``known``, whatever its case; None for none."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in known if name in lower), None)


def _said(value: Any) -> str:
    return "none (empty)" if value is None else repr(value)


def _id_column(raw: RawTable, target: str | None) -> str:
    names = [name for name in raw.table.column_names if name != target]
    if not names:
        raise InputError(f"{raw.name} has one column only; a file of labels needs an id and a label for each row.")
    return named_column(names, ID_NAMES) or names[0]


def _label_column(raw: RawTable, id_column: str) -> str:
    names = [name for name in raw.table.column_names if name != id_column]
    if not names:
        raise InputError(f"{raw.name} has one column only; a file of labels needs an id and a label for each row.")
    found = named_column(names, LABEL_NAMES) or (names[0] if len(names) == 1 else None)
    if found is None:
        raise InputError(
            f"{raw.name} has no column named label; which is it: {listed(names, 8)}? Name the target; or where they "
            "are annotators' columns, name these (--votes), or say kind='wide-votes' where all of them are."
        )
    return found
