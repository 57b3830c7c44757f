"""A table with one column a label: 1 where the record has it, 0 where not, empty where that is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.task import MultiLabel
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import id_column, keeps_ids, once, others, record_of, truths, write_cells
from tacit.labels.formats.look import Look
from tacit.labels.values_io import positions
from tacit.listing import pick


class MultiLabelTable(Format):
    """``id`` and a column for each label. Only read when asked for: features look the same."""

    name = "multilabel"
    title = "a table with a column for each label"
    kind = "multilabel"
    suffixes = (".csv",)

    def recognises(self, look: Look) -> bool:
        return False

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        ids = id_column(raw)
        names = others(raw, ids)
        if not names:
            raise InputError(f"{look.name} has no column beside {ids!r}; give a column for each label")
        record = record_of(raw, ids, records)
        once(record, records, raw.name, raw.where)
        y = np.full((len(records), len(names)), -1, dtype=np.int64)
        for k, name in enumerate(names):
            y[record, k] = truths(raw, name)
        if options.classes is None:
            return Exact(y, names)
        place = positions(names)
        return Exact(y[:, [pick(name, place, "column") for name in options.classes]], options.classes)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Exact) and isinstance(labels.task, MultiLabel)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Exact)
        columns = [[None if v < 0 else v for v in labels.y[:, k].tolist()] for k in range(labels.y.shape[1])]
        names = labels.task.names
        if clash := [name for name in names if name.lower() == "id"]:
            raise InputError(f"a table cannot have a column for a label {clash[0]!r} beside its own; rename the label")
        write_cells(path, ["id", *names], [keeps_ids(ids), *columns])
