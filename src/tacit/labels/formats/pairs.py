"""Tables of pairs of records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import keeps_ids, record_of, required, truths
from tacit.labels.formats.look import Look
from tacit.labels.pairs import Pairs

FIRST, SECOND = ("i", "first", "a"), ("j", "second", "b")


class PairTable(Format):
    """``i,j,same`` (or ``first,second,same``): two ids, and 1 where both are of one class, 0 where of two.

    The classes are not in it and have to be given. Recognised by just these columns.
    """

    name = "pairs"
    title = "a table of pairs"
    kind = "pairs"
    suffixes = (".csv",)

    def recognises(self, look: Look) -> bool:
        return len(look.columns) == 3 and all(look.column(*names) is not None for names in (FIRST, SECOND, ("same",)))

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        if options.classes is None:
            raise InputError(f"{look.name}: pairs do not say what the classes are; give classes=[...]")
        i, j = (record_of(raw, required(raw, *names), records) for names in (FIRST, SECOND))
        if len(alone := np.flatnonzero(i == j)):
            row = int(alone[0])
            raise InputError(f"{raw.name}, {raw.where(row)} joins {records.ids[i[row]]!r} to itself; name two records")
        return Pairs(i, j, truths(raw, required(raw, "same")), len(records), options.classes)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Pairs)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        keeps_ids([ids[i] for i in labels.labelled().tolist()])
        labels.to_file(path, ids)
