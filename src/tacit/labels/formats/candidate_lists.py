"""Lists of classes, one a record: what candidates and excluded classes share."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from tacit.data.atomic import atomic_write
from tacit.data.records import Records
from tacit.data.sources.columns import plain
from tacit.data.sources.files import suffix
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.candidates import Candidates
from tacit.labels.exact import sort_names
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import id_column, keeps_classes, keeps_ids, once, others, record_of, truths, write_cells
from tacit.labels.formats.json_cells import field_of, keeps_names, names_of, records_of
from tacit.labels.formats.look import Look
from tacit.labels.ids import Place
from tacit.labels.read import ID_NAMES, named_column
from tacit.labels.values_io import label_text, positions
from tacit.listing import nearest

BAR = "|"


class ClassLists(Format):
    """JSON with a list of classes in a field ``fields``; a table whose column of that name joins them by ``|``.

    Null, or an empty cell, is unknown. Once asked for, it may also be a table with a column of 1 and 0 for each class.
    Recognised by the field or column beside an id, and no label. Written, it does not hold the order of the classes,
    or classes that no list names.
    """

    suffixes = (".csv", ".jsonl")
    fields: ClassVar[tuple[str, ...]]
    excludes: ClassVar[bool] = False

    @property
    @abstractmethod
    def evidence(self) -> type[Candidates]:
        """The kind that the lists are."""

    def recognises(self, look: Look) -> bool:
        listed = look.column(*self.fields) is not None and look.column(*ID_NAMES) is not None
        return listed and not look.labelled

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        if not look.is_json and look.column(*self.fields) is None:
            return self._from_grid(look, records, options)
        record, lists, place = self._json(look, records) if look.is_json else self._table(look, records)
        once(np.array(record, dtype=np.int64), records, look.name, place.where)
        named = {name for names in lists if names is not None for name in names}
        classes = sort_names(named) if options.classes is None else list(options.classes)
        number = positions(classes)
        mask = np.full((len(records), len(classes)), -1, dtype=np.int64)
        for row, names in enumerate(lists):
            if names is None:
                continue
            mask[record[row]] = 0
            for name in names:
                if name not in number:
                    raise InputError(f"{place.cell(row)}: {name!r} is none of the classes. {nearest(name, classes)}")
                mask[record[row], number[name]] = 1
            if (mask[record[row]] == int(self.excludes)).all():
                raise InputError(f"{place.cell(row)}: no class is left; leave one, or null where nothing is known")
        if not classes:
            raise InputError(f"{look.name}: no list names a class, so nothing says what the classes are")
        return self.evidence(mask, classes)

    def holds(self, labels: Labels) -> bool:
        return type(labels) is self.evidence

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        lists = {row["id"]: row[self.fields[0]] for row in labels.rows(ids)}
        if suffix(path) == ".jsonl":
            keeps_names([*lists, *(name for names in lists.values() for name in names)], self.title)
            lines = [{"id": name, self.fields[0]: names} for name, names in lists.items()]
            atomic_write(path, "".join(json.dumps(line) + "\n" for line in lines))
            return
        used = [name for names in lists.values() for name in names]
        if lost := [name for name in used if BAR in name or not name]:
            raise InputError(f"a table cannot join lists with the class {lost[0]!r} in them; write JSON lines (.jsonl)")
        keeps_classes(used)
        cells = [BAR.join(names) for names in lists.values()]
        write_cells(path, ["id", self.fields[0]], [keeps_ids(list(lists)), cells])

    def _json(self, look: Look, records: Records) -> tuple[Sequence[int], list[list[str] | None], Place]:
        rows = look.rows
        fields = list(dict.fromkeys(name for row in rows.objects for name in row))
        field = named_column(fields, self.fields)
        if field is None:
            raise InputError(f"{look.name}, {rows.where(0)}: no field is called {self.fields[0]!r}")
        values, place = field_of(rows, field)
        lists = [None if value is None else names_of(value, place.cell(k)) for k, value in enumerate(values)]
        return records_of(rows, records).tolist(), lists, place

    def _table(self, look: Look, records: Records) -> tuple[Sequence[int], list[list[str] | None], Place]:
        raw = look.table
        column = look.column(*self.fields)
        assert column is not None
        record = record_of(raw, id_column(raw), records).tolist()
        cells = [None if value is None else label_text(value) for value in plain(raw.column(column)).tolist()]
        lists = [None if cell is None else [name.strip() for name in cell.split(BAR)] for cell in cells]
        place = Place.column(raw, column)
        for row, names in enumerate(lists):
            if names is not None and "" in names:
                raise InputError(f"{place.cell(row)}: {cells[row]!r} has nothing between two bars; name a class")
        return record, lists, place

    def _from_grid(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        ids = id_column(raw)
        names = others(raw, ids) if options.classes is None else list(options.classes)
        if not names:
            raise InputError(f"{look.name} has no column {self.fields[0]!r}, nor one for each class")
        record = record_of(raw, ids, records)
        once(record, records, raw.name, raw.where)
        mask = np.full((len(records), len(names)), -1, dtype=np.int64)
        for c, name in enumerate(names):
            mask[record, c] = truths(raw, name)
        return self.evidence(mask, names)
