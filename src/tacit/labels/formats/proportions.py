"""Tables of bags with counts of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.bag_table import BagTable, columns_but, write_bags
from tacit.labels.formats.base import Options
from tacit.labels.formats.cells import numbers
from tacit.labels.formats.look import Look
from tacit.labels.proportions import Proportions
from tacit.labels.values_io import positions
from tacit.listing import pick

COUNT = "count:"


class BagCounts(BagTable):
    """``id,bag`` and a column ``count:CLASS`` for each class, in one table or in one of bags.

    Once asked for, every other column is a class. Columns order the classes.
    """

    name = "proportions"
    title = "a table of bags with counts of classes"
    kind = "proportions"

    def speaks(self, look: Look) -> bool:
        return sum(name.startswith(COUNT) for name in look.columns) > 1

    def columns(self, raw: RawTable) -> list[str]:
        return [name for name in raw.table.column_names if name.startswith(COUNT)] or columns_but(raw)

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        bagging = self.bagging(look, records)
        columns = self.columns(bagging.raw)
        names = [name.removeprefix(COUNT) for name in columns]
        if len(names) < 2:
            raise InputError(
                f"{bagging.raw.name} has no counts; give a column count:CLASS for each of two classes or more"
            )
        if options.classes is not None:
            place = positions(names)
            columns = [columns[pick(name, place, "class")] for name in options.classes]
            names = list(options.classes)
        counts = bagging.of_bags(np.stack([numbers(bagging.raw, column) for column in columns], axis=1))
        known = ~np.isnan(counts)
        total, size = np.where(known, counts, 0).sum(axis=1), bagging.members
        for wrong, what in (
            (known.any(axis=1) & ~known.all(axis=1), "has counts of some classes only; give all of them or none"),
            (
                (known & ((counts < 0) | (counts != np.floor(counts)))).any(axis=1),
                "has a count that is no whole number",
            ),
            (known.all(axis=1) & (total != size), "has counts that sum to {0:g}, but it holds {1} records"),
        ):
            if len(bad := np.flatnonzero(wrong)):
                bag = int(bad[0])
                raise InputError(f"{bagging.where(bag)} {what.format(total[bag], size[bag])}.")
        return Proportions.from_members(bagging.record, bagging.bag, counts, len(records), names)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Proportions)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Proportions)
        cells = [[None if count < 0 else count for count in column] for column in labels.counts.T.tolist()]
        write_bags(path, labels.members, ids, [f"{COUNT}{name}" for name in labels.task.names], cells)
