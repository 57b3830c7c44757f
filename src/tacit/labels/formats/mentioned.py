"""The records that a file of labels mentions, where the data themselves are not at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
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

_FILE = re.compile(r"\.\w{1,5}$")


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
    for entry, task in zip(look.rows.objects, task_ids(look), strict=True):
        if task is not None:
            yield task
        for field in MEMBERS:
            if isinstance(entry.get(field), str | int) and entry.get("data") is None:
                yield str(entry[field])
        bag = entry.get("bag")
        if isinstance(bag, list):
            yield from (name for name in bag if isinstance(name, str))


def task_ids(look: Look) -> list[str | None]:
    """What names each task of an annotation tool, an object with ``data`` of its own; None for what is none.

    It is the first field called id or the like that the data of all tasks have and that differs from task to task,
    else the tasks' own ids, as texts may be the same; where tasks lack these, the first of all data that differs. A
    field called name counts if it holds names of files. A task that is there again, the same data under the same id,
    is one; tasks that nothing tells apart are an `InputError` that names two of them.
    """
    entries = look.rows.objects
    known = {k: _known(entry["data"]) for k, entry in enumerate(entries) if isinstance(entry.get("data"), dict)}
    own = {k: _known(entries[k]).get("id") for k in known}
    again = {k: own[k] if own[k] is not None else (k,) for k in known}  # without an id each is a task of its own
    first = {(again[k], json.dumps(entries[k]["data"], sort_keys=True)): k for k in reversed(known)}
    tasks = sorted(first.values())
    fields = [key for key in known[tasks[0]] if all(key in known[k] for k in tasks)] if tasks else []
    fields = [field for field in fields if len({known[k][field] for k in tasks}) == len(tasks)]
    called = [
        field
        for field in fields
        if field.strip().lower() != "name" or all(_FILE.search(known[k][field]) for k in tasks)
    ]
    field = named_column(called, ID_NAMES)
    if field is None and None in own.values():
        field = next(iter(fields), None)
    if field is not None:
        return [known[k][field] if k in known else None for k in range(len(entries))]
    _require_apart(look, tasks, own)
    return [own.get(k) for k in range(len(entries))]


def _require_apart(look: Look, tasks: Sequence[int], own: Mapping[int, str | None]) -> None:
    """An `InputError` that names two tasks with the same id or none, if there are any."""
    first: dict[str | None, int] = {}
    for k in tasks:
        earlier = first.setdefault(own[k], k)
        if earlier != k:
            both = f"{look.rows.where(earlier)} and {look.rows.where(k)}"
            what = "have no id" if own[k] is None else f"are different tasks with the id {own[k]!r}"
            raise InputError(
                f"{look.name}: {both} {what}, and no field of their data tells all tasks apart. Give each an id of its "
                "own, or name the data too (--data)."
            )


def _known(fields: dict[str, Any]) -> dict[str, str]:
    """Those that are a text or a number."""
    return {name: str(value) for name, value in fields.items() if isinstance(value, str | int) and value != ""}
