"""Shares of the classes: a column a class, or an object of numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tacit.data.atomic import atomic_write
from tacit.data.records import Records
from tacit.data.sources.files import suffix
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import grid, id_column, keeps_ids, once, others, record_of, write_cells
from tacit.labels.formats.json_cells import field_of, keeps_names, records_of, shares_of
from tacit.labels.formats.look import Look
from tacit.labels.read import ID_NAMES, named_column
from tacit.labels.soft import OFF, Soft
from tacit.labels.values_io import positions
from tacit.listing import nearest

_SHARE = re.compile(r"(?s)(?:p:|prob_)(.+)")
FIELDS = ("probabilities", "shares")


class SoftTable(Format):
    """``id`` and columns ``p:CLASS`` or ``prob_CLASS``, empty where unknown; or JSON with ``probabilities``.

    Recognised by two such columns, or that field, beside an id and no label. Once asked for, every column but the id
    is a class. Columns order the classes; so do objects, by where a class first stands. A class that an object leaves
    out has no share. Virtual evidence is not written.
    """

    name = "soft"
    title = "a table of probabilities"
    kind = "soft"
    suffixes = (".csv", ".jsonl")

    def recognises(self, look: Look) -> bool:
        if look.labelled or look.column(*ID_NAMES) is None:
            return False
        return look.column(*FIELDS) is not None or sum(_SHARE.fullmatch(name) is not None for name in look.columns) > 1

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        if look.is_json and look.column(*FIELDS) is not None:
            return self._json(look, records, options)
        raw = look.table
        ids = id_column(raw)
        shares = [name for name in raw.table.column_names if _SHARE.fullmatch(name)] or others(raw, ids)
        if len(shares) < 2:
            raise InputError(
                f"{look.name} has no columns of probabilities; give p:CLASS for each of two classes or more"
            )
        names = [found[1] if (found := _SHARE.fullmatch(name)) else name for name in shares]
        record = record_of(raw, ids, records)
        q = grid(raw, shares, records, record)
        _require_shares(q[record], lambda row: f"{raw.name}, {raw.where(row)}")
        return _ordered(q, names, options.classes, look.name)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Soft) and not labels.virtual

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Soft)
        names, known = labels.task.names, labels.observed().tolist()
        q = labels.q[known].tolist()
        keeps_names([*(ids[i] for i in known), *names], self.title)
        if suffix(path) == ".jsonl":
            lines = [
                {"id": ids[i], FIELDS[0]: dict(zip(names, row, strict=True))} for i, row in zip(known, q, strict=True)
            ]
            atomic_write(path, "".join(json.dumps(line) + "\n" for line in lines))
            return
        columns = [[repr(row[c]) for row in q] for c in range(len(names))]
        write_cells(path, ["id", *(f"p:{name}" for name in names)], [keeps_ids([ids[i] for i in known]), *columns])

    def _json(self, look: Look, records: Records, options: Options) -> Labels:
        rows = look.rows
        field = named_column(list(rows.objects[0]), FIELDS)
        assert field is not None
        values, place = field_of(rows, field)
        said = [None if value is None else shares_of(value, place.cell(k)) for k, value in enumerate(values)]
        names = list(dict.fromkeys(name for shares in said if shares is not None for name in shares))
        if not names:
            raise InputError(f"{look.name}: no line names a class, so nothing says what the classes are")
        record, number = records_of(rows, records), positions(names)
        once(record, records, look.name, rows.where)
        q = np.full((len(records), len(names)), np.nan)
        for row, shares in enumerate(said):
            if shares is not None:
                q[record[row]] = 0.0
                q[record[row], [number[name] for name in shares]] = list(shares.values())
        _require_shares(q[record], place.cell)
        return _ordered(q, names, options.classes, look.name)


def _require_shares(q: NDArray[np.float64], where: Callable[[int], str]) -> None:
    """`InputError` that names the first row that is no distribution."""
    known = ~np.isnan(q)
    total = np.where(known, q, 0.0).sum(axis=1)
    for wrong, what in (
        (known.any(axis=1) & ~known.all(axis=1), "probabilities of some classes only; give all of them or none"),
        ((known & ~((q >= 0) & (q < np.inf))).any(axis=1), "a probability below 0, or infinite"),
        (known.all(axis=1) & ~(np.abs(total - 1) <= OFF), "probabilities that do not sum to 1"),
    ):
        if len(bad := np.flatnonzero(wrong)):
            raise InputError(f"{where(int(bad[0]))} has {what}.")


def _ordered(q: NDArray[np.float64], names: Sequence[str], classes: Sequence[str] | None, name: str) -> Soft:
    """In the order of ``classes``, which may name more than the file does."""
    if classes is None:
        return Soft(q, names)
    place = positions(classes)
    for found in names:
        if found not in place:
            raise InputError(f"{name}: {found!r} is none of the classes. {nearest(found, classes)}")
    wide = np.where(np.isnan(q[:, :1]), np.nan, np.zeros((len(q), len(classes))))
    wide[:, [place[found] for found in names]] = q
    return Soft(wide, classes)
