"""Tables of nodes of a class tree, and of the tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable, id_cells
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import id_column, keeps_ids, names_in, numbers, once, record_of, required, write_cells
from tacit.labels.formats.look import Look, beside
from tacit.labels.ids import Place
from tacit.labels.levels import Levels
from tacit.labels.read import ID_NAMES, named_column
from tacit.labels.values_io import positions
from tacit.listing import nearest

NODE, PARENT = ("node", "name"), ("parent",)


class LevelTable(Format):
    """``id,node``, an empty node unknown, and the tree in a second table: ``node,parent``, no parent at a root.

    The tree is given (``beside``), or called NAME.tree.csv where the first is NAME.csv; a column ``class`` in it
    numbers the leaves in class order. Recognised by a column ``node`` where that file is.
    """

    name = "levels"
    title = "a table of nodes of a class tree"
    kind = "levels"
    suffixes = (".csv",)
    paired = True

    def recognises(self, look: Look) -> bool:
        named = look.column(*ID_NAMES) is not None and look.column("node") is not None
        return named and not look.labelled and look.second("tree") is not None

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        second = look.second("tree")
        if second is None:
            raise InputError(f"{look.name}: there is no class tree; give it beside, a table of node,parent")
        raw, tree = look.table, Look(second).table
        names = names_in(tree, required(tree, *NODE))
        number = positions(names)
        once_each(names, tree)
        node = required(raw, *NODE, "label")
        place, cells = Place.column(raw, node), id_cells(raw.column(node))
        for row, cell in enumerate(cells):
            if cell is not None and cell not in number:
                raise InputError(
                    f"{place.cell(row)}: no node of {tree.name} is called {cell!r}. {nearest(cell, names)}"
                )
        record = record_of(raw, id_column(raw), records)
        once(record, records, raw.name, raw.where)
        of_record = np.full(len(records), -1, dtype=np.int64)
        of_record[record] = [-1 if cell is None else number[cell] for cell in cells]
        try:
            return Levels(of_record, _parents(tree, number), names, options.classes or _class_order(tree, names))
        except InputError as error:
            raise InputError(str(error) if tree.name in str(error) else f"{tree.name}: {error}") from None

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Levels)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Levels)
        names, parent = keeps_ids(labels.tree.names), labels.tree.parent.tolist()
        order = positions(labels.task.names)
        seen = labels.observed().tolist()
        if not seen:
            raise InputError("a table of nodes cannot be empty; write JSON lines (.jsonl)")
        nodes = [names[k] for k in labels.node[seen].tolist()]
        above = [None if p < 0 else names[p] for p in parent]
        number = [None if k in set(parent) else order[name] for k, name in enumerate(names)]
        write_cells(beside(path, "tree"), ["node", "parent", "class"], [names, above, number])
        write_cells(path, ["id", "node"], [keeps_ids([ids[i] for i in seen]), nodes])


def once_each(names: Sequence[str], tree: RawTable) -> None:
    """`InputError` that names two rows of one node."""
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if first.setdefault(name, row) != row:
            raise InputError(
                f"{tree.name}: {tree.where(first[name])} and {tree.where(row)} both give the node {name!r}."
            )


def _parents(tree: RawTable, number: dict[str, int]) -> list[int]:
    column = required(tree, *PARENT)
    cells = id_cells(tree.column(column))
    for row, cell in enumerate(cells):
        if cell is not None and cell not in number:
            raise InputError(f"{tree.cell(row, column)}: no node is called {cell!r}. {nearest(cell, number)}")
    return [-1 if cell is None else number[cell] for cell in cells]


def _class_order(tree: RawTable, names: Sequence[str]) -> list[str] | None:
    """The leaves by their numbers in the column ``class``; None where there is none."""
    column = named_column(tree.table.column_names, ["class"])
    if column is None:
        return None
    place = numbers(tree, column)
    numbered = np.flatnonzero(~np.isnan(place))
    return [names[k] for k in numbered[np.argsort(place[numbered], kind="stable")].tolist()]
