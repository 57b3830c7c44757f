"""Tables of bounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import grid, id_column, keeps_ids, numbers, record_of, required
from tacit.labels.formats.look import Look
from tacit.labels.intervals import Intervals
from tacit.labels.read import ID_NAMES

LOW, HIGH = ("low", "lower"), ("high", "upper")


class IntervalTable(Format):
    """``id,low,high``: -inf and inf where a side is open, both empty where nothing is known.

    Recognised by the columns, where none is a label.
    """

    name = "intervals"
    title = "a table of intervals"
    kind = "intervals"
    tasks = ("regression",)
    suffixes = (".csv",)

    def recognises(self, look: Look) -> bool:
        return not look.labelled and all(look.column(*names) is not None for names in (ID_NAMES, LOW, HIGH))

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        columns = [required(raw, *LOW), required(raw, *HIGH)]
        low, high = (numbers(raw, column) for column in columns)
        for wrong, what in (
            (np.isnan(low) != np.isnan(high), "one bound only; write -inf or inf for a side that is open"),
            (low > high, "its lower bound above the upper one"),
            ((low == high) & np.isinf(low), "two bounds at the same infinity"),
            (low == high, "two equal bounds; a number that is known belongs in a table of id,label"),
        ):
            if len(bad := np.flatnonzero(wrong)):
                row = int(bad[0])
                raise InputError(f"{raw.name}, {raw.where(row)} ({low[row]:g} to {high[row]:g}) has {what}.")
        cells = grid(raw, columns, records, record_of(raw, id_column(raw), records))
        return Intervals(cells[:, 0], cells[:, 1])

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Intervals)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        keeps_ids(ids)
        labels.to_file(path, ids)
