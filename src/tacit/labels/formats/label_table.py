"""A table of ``id,label``: one class or one number a record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tacit.data.records import Records
from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import class_texts, keeps_classes, keeps_ids, numbered
from tacit.labels.formats.files import TABLE
from tacit.labels.formats.look import Look
from tacit.labels.given import labels_from, require_kind
from tacit.labels.read import labels_in
from tacit.labels.values import Values


class LabelTable(Format):
    """CSV, TSV, JSON or Parquet. Not recognised: it is what any other file is taken for.

    Written, it does not hold the order of the classes, nor classes without a label.
    """

    name = TABLE
    title = "a table of ids and labels"
    kind = "exact"
    tasks = ("classes", "regression")
    suffixes = (".csv",)
    targeted = True

    def recognises(self, look: Look) -> bool:
        return False

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        if look.folder:
            raise InputError(f"{look.path} is a folder of no kind of labels that is known; give a file")
        values = labels_in(look.table, records, target=options.target).tolist()
        if options.classes is None:
            return labels_from(values, require_kind(options.task))
        texts = class_texts(values)
        return Exact(*numbered(texts, options.classes, lambda i: f"{look.name}: the label of {records.ids[i]!r}"))

    def holds(self, labels: Labels) -> bool:
        if isinstance(labels, Values):
            return not labels.noise.any()
        return isinstance(labels, Exact) and isinstance(labels.task, Classes)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        keeps_ids(ids)
        if isinstance(labels, Exact):
            keeps_classes([labels.task.names[y] for y in labels.y.tolist() if y >= 0])
        labels.to_file(path, ids)
