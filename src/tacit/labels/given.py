"""Labels from whatever the user gave: an array, a list, a file, or a column of the records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.read import read_labels as read_values
from tacit.labels.values import Values
from tacit.labels.values_io import is_unknown

Kind = Literal["classes", "regression"]
MANY = 20
"""Distinct numbers beyond which a numeric target may be a regression."""


def read_labels(path: str | Path, records: Records, *, target: str | None = None, kind: Kind | None = None) -> Labels:
    """Labels from a file of ``id,label``, aligned to ``records``; ids that do not exist are an `InputError`."""
    return labels_from(read_values(Path(path), records, target=target).tolist(), kind)


def labels_of(given: Any, records: Records, kind: Kind | None = None) -> Labels:
    """`Labels` for ``records`` from labels, a path, values aligned to the records, or None for class folders."""
    if isinstance(given, Labels):
        labels = given
    elif given is None:
        if "folder" not in records.columns:
            raise InputError(
                "no labels were given: name a file (--labels), a column (--target), or put images into class "
                "folders; to learn from the data without labels use `tacit embed`"
            )
        labels = labels_from(records.column("folder").tolist(), kind)
    elif isinstance(given, str | Path):
        labels = read_labels(given, records, kind=kind)
    else:
        labels = labels_from(list(np.asarray(given, dtype=object)), kind)
    if len(labels) != len(records):
        raise InputError(f"there are {len(labels)} labels for {len(records)} records; give one a record")
    return labels


def labels_from(values: Sequence[Any], kind: Kind | None = None) -> Labels:
    """Classes or numbers from raw values, None and NaN unknown.

    Numbers with more than ``MANY`` distinct values that are not all whole, or with hundreds of them, could be
    either; then ``kind`` has to say.
    """
    known = [v for v in values if not is_unknown(v)]
    if kind == "regression":
        return Values.from_values(values)
    if kind is None and looks_numeric(known):
        distinct = {float(v) for v in known}
        whole = all(v.is_integer() for v in distinct)
        if len(distinct) > MANY and (not whole or len(distinct) >= 100):
            raise InputError(
                f"the target holds {len(distinct)} different numbers: is it a number to predict or are they "
                "classes? Say --task regression or --task classes"
            )
    return Exact.from_values(values)


def looks_numeric(known: Sequence[Any]) -> bool:
    """Whether every known value is a finite number or text that reads as one."""
    try:
        return bool(known) and bool(np.isfinite([float(v) for v in known if not isinstance(v, bool)]).all())
    except (TypeError, ValueError):
        return False


def require_usable(labels: Labels) -> None:
    """Raise `InputError` where there is nothing to learn from: no label, or one class only."""
    count = len(labels.labelled())
    if count == 0:
        raise InputError(
            "no record has a label, so there is nothing to fit; label a few records, or learn from the data alone "
            "with `tacit embed`"
        )
    if isinstance(labels, Exact) and labels.y.ndim == 1:
        present = np.flatnonzero(labels.counts())
        if len(present) < 2:
            only = labels.task.names[int(present[0])]
            raise InputError(
                f"all {count} labels are of one class, {only!r}; label at least one record of another class"
            )
