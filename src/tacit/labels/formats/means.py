"""Tables of bags with the mean of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.bag_table import BagTable, write_bags
from tacit.labels.formats.base import Options
from tacit.labels.formats.cells import numbers, required
from tacit.labels.formats.look import Look
from tacit.labels.means import Means
from tacit.labels.read import named_column


class BagMeans(BagTable):
    """``id,bag,mean``, or ``id,bag`` and ``bag,mean``; with ``scale``, the standard deviation of the observation."""

    name = "means"
    title = "a table of bags with their means"
    kind = "means"
    tasks = ("regression",)

    def speaks(self, look: Look) -> bool:
        return look.column("mean") is not None

    def columns(self, raw: RawTable) -> list[str]:
        scale = named_column(raw.table.column_names, ["scale"])
        return [required(raw, "mean"), *([scale] if scale is not None else [])]

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        bagging = self.bagging(look, records)
        raw = bagging.raw
        mean = bagging.of_bags(numbers(raw, required(raw, "mean")))
        column = named_column(raw.table.column_names, ["scale"])
        scale = np.zeros(len(mean)) if column is None else bagging.of_bags(numbers(raw, column))
        scale = np.where(np.isnan(scale), 0.0, scale)
        for wrong, what in (
            (np.isinf(mean), "has an infinite mean"),
            (~((scale >= 0) & (scale < np.inf)), "has a scale that is no number from 0 on"),
        ):
            if len(bad := np.flatnonzero(wrong)):
                raise InputError(f"{bagging.where(int(bad[0]))} {what}.")
        return Means.from_members(bagging.record, bagging.bag, mean, len(records), scale)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Means)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Means)
        cells = [[None if np.isnan(v) else repr(v) for v in column.tolist()] for column in (labels.value, labels.scale)]
        write_bags(path, labels.members, ids, ["mean", "scale"], cells)
