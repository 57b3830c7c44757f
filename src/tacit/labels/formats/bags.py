"""Tables of bags that hold a positive record, or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable
from tacit.errors import InputError
from tacit.labels.bags import NAMES, Bags
from tacit.labels.base import Labels
from tacit.labels.formats.bag_table import BagTable, write_bags
from tacit.labels.formats.base import Options
from tacit.labels.formats.cells import numbers, required, truths
from tacit.labels.formats.look import Look
from tacit.labels.read import named_column


class BagLabels(BagTable):
    """``id,bag,positive``, or ``id,bag`` and ``bag,positive``; with ``k`` where more than one has to be positive.

    ``classes``: the names of negative and positive, if not these. Written, it does not hold them.
    """

    name = "bags"
    title = "a table of positive and negative bags"
    kind = "bags"

    def speaks(self, look: Look) -> bool:
        return look.column("positive") is not None

    def columns(self, raw: RawTable) -> list[str]:
        k = named_column(raw.table.column_names, ["k"])
        return [required(raw, "positive"), *([k] if k is not None else [])]

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        bagging = self.bagging(look, records)
        raw = bagging.raw
        positive = truths(raw, required(raw, "positive"))[bagging.row_of]
        k = named_column(raw.table.column_names, ["k"])
        asked = np.ones(len(positive)) if k is None else numbers(raw, k)[bagging.row_of]
        asked = np.where(np.isnan(asked), 1.0, asked)
        for wrong, what in (
            (
                ~((asked >= 1) & (asked == np.floor(asked)) & (asked < 2**31)),
                "has a k that is no whole number from 1 on",
            ),
            ((positive == 1) & (asked > bagging.members), "has fewer records than its k"),
        ):
            if len(bad := np.flatnonzero(wrong)):
                raise InputError(f"{bagging.where(int(bad[0]))} {what}.")
        classes = NAMES if options.classes is None else options.classes
        whole = asked.astype(np.int64)
        return Bags.from_members(bagging.record, bagging.bag, positive, len(records), whole, classes)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Bags)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Bags)
        positive = [None if p < 0 else p for p in labels.positive.tolist()]
        write_bags(path, labels.members, ids, ["positive", "k"], [positive, labels.k.tolist()])
