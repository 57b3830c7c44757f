"""The records that a file of labels mentions, where the data themselves are not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tacit.data.records import Records
from tacit.data.sources.columns import Columns, id_cells, ids_of
from tacit.data.sources.files import TABLE_SUFFIXES
from tacit.data.sources.texts import TextList
from tacit.errors import InputError
from tacit.labels.formats.cells import ITEM_NAMES
from tacit.labels.formats.look import Look
from tacit.labels.formats.pairs import FIRST, SECOND
from tacit.labels.ids import Place
from tacit.labels.read import ID_NAMES, named_column

ENDS = ((FIRST, SECOND), (("winner",), ("loser",)))
"""Names of two columns that both hold ids."""

MEMBERS = ("id", "first", "second", "winner", "loser")
"""Fields of JSON lines that hold an id."""


def mentioned(look: Look) -> Records:
    """Records of the ids in the file, in the order in which they come; an `InputError` where none can be found."""
    ids = list(dict.fromkeys(name for name in _ids(look) if name is not None))
    if not ids:
        raise InputError(f"{look.name} does not say by itself which records there are; name the data too (--data)")
    return Records(TextList(ids, ids=ids, description=f"{len(ids):,} ids in {look.name}"))


def rows(look: Look, id: str | None = None) -> Records:
    """A record for every row of a table, with its columns beside it; ids as `tacit.read` finds them."""
    if look.folder or look.suffix not in (*TABLE_SUFFIXES, ".txt"):
        raise InputError(
            f"{look.name} is no table, so it has no columns; give one ({', '.join(sorted(TABLE_SUFFIXES))})"
        )
    ids, _ = ids_of(look.table, id)
    return Records(
        TextList(ids, ids=ids, columns=Columns(look.table.table), description=f"{len(ids):,} rows of {look.name}")
    )


def _ids(look: Look) -> Iterator[str | None]:
    if look.folder:
        return
    if look.is_json:
        yield from _in_objects(look)
        return
    names = look.table.table.column_names
    pair = next((p for p in ENDS if all(named_column(names, end) for end in p)), None)
    columns = [named_column(names, end) for end in pair] if pair else [named_column(names, ITEM_NAMES)]
    for column in columns:
        if column is not None:
            cells = id_cells(look.table.column(column))
            place = Place.column(look.table, column)
            if None in cells:
                raise InputError(f"{place.cell(cells.index(None))}: the id is missing. Give every row one.")
            yield from cells


def _in_objects(look: Look) -> Iterator[str | None]:
    for entry in look.rows.objects:
        data = entry.get("data")
        if isinstance(data, dict):
            yield _shown(data)
        for field in MEMBERS:
            if isinstance(entry.get(field), str | int) and data is None:
                yield str(entry[field])
        bag = entry.get("bag")
        if isinstance(bag, list):
            yield from (name for name in bag if isinstance(name, str))


def _shown(data: dict[str, Any]) -> str | None:
    """What names a task: a field called id or the like, else the first that is a text or a number."""
    keys = [*(k for k in ID_NAMES if k in data), *data]
    return next((str(data[k]) for k in keys if isinstance(data[k], str | int)), None)
