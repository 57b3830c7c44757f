"""Raw label values: what counts as unknown, how a value is named, and how labels are written."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.data.atomic import atomic_write


def is_unknown(value: Any) -> bool:
    """None, NaN, pandas' NA and blank text are unknown."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return type(value).__name__ in ("NAType", "NaTType")


def label_text(value: Any) -> str:
    """The class name of a raw value: whole floats lose their ``.0``, so 3 and 3.0 are one class."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def write_labels(path: Path, ids: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> None:
    """A CSV of ``id`` and the columns, empty where unknown; written atomically."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", *columns])
    for row, id_ in enumerate(ids):
        writer.writerow([id_, *("" if c[row] is None else c[row] for c in columns.values())])
    atomic_write(path, text.getvalue())
