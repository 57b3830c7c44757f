"""The records that a file of labels mentions, where the data themselves are not at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


class Mentioned(Records):
    """Records of which no more is known than the ids in a file of labels."""


def mentioned(look: Look) -> Mentioned:
    """Records of the ids in the file, in the order in which they come; an `InputError` where none can be found."""
    ids = list(dict.fromkeys(name for name in _ids(look) if name is not None))
    if not ids:
        raise InputError(f"{look.name} does not say by itself which records there are; name the data too (--data)")
    return Mentioned(TextList(ids, ids=ids, description=f"{len(ids):,} ids in {look.name}"))


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
    for entry, task in zip(look.rows.objects, task_ids(look.rows.objects), strict=True):
        if task is not None:
            yield task
        for field in MEMBERS:
            if isinstance(entry.get(field), str | int) and entry.get("data") is None:
                yield str(entry[field])
        bag = entry.get("bag")
        if isinstance(bag, list):
            yield from (name for name in bag if isinstance(name, str))


def task_ids(entries: Sequence[dict[str, Any]]) -> list[str | None]:
    """What names each task of an annotation tool, an object with ``data`` of its own; None for what is none.

    It is the first field called id or the like that the data of all tasks have, else the tasks' own ids, as texts may
    be the same; where tasks lack these too, the first of its data that is a text or a number.
    """
    data = [_known(entry["data"]) if isinstance(entry.get("data"), dict) else None for entry in entries]
    tasks = [(entry, known) for entry, known in zip(entries, data, strict=True) if known is not None]
    shared = [key for key in (tasks[0][1] if tasks else ()) if all(key in known for _, known in tasks)]
    field = named_column(shared, ID_NAMES)
    if field is not None:
        return [None if known is None else known[field] for known in data]
    if all("id" in _known(entry) for entry, _ in tasks):
        return [None if known is None else str(entry["id"]) for entry, known in zip(entries, data, strict=True)]
    return [None if known is None else next(iter(known.values()), None) for known in data]


def _known(fields: dict[str, Any]) -> dict[str, str]:
    """Those that are a text or a number."""
    return {name: str(value) for name, value in fields.items() if isinstance(value, str | int) and value != ""}
