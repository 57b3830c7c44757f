"""Tables of bags: which records are in which, and what is known of each; what all three kinds share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.columns import RawTable, id_cells, plain
from tacit.errors import InputError
from tacit.labels.formats.base import Format
from tacit.labels.formats.cells import id_column, keeps_ids, others, record_of, required, write_cells
from tacit.labels.formats.look import Look
from tacit.labels.ids import Place
from tacit.labels.membership import Membership
from tacit.labels.read import ID_NAMES, named_column
from tacit.labels.values_io import positions

BAG_NAMES = ("bag", "bag_id", "group")


@dataclass(frozen=True)
class Bagging:
    """Rows of a record and the bag it is in, bags numbered as they first appear; ``members`` (bags,) counts them.

    ``raw``: the table that says something of bags; ``row_of`` (bags,): where each is first spoken of in it.
    """

    record: NDArray[np.int64]
    bag: NDArray[np.int64]
    names: tuple[str, ...]
    raw: RawTable
    row_of: NDArray[np.int64]

    @property
    def members(self) -> NDArray[np.int64]:
        """(bags,) how many records each holds."""
        return np.bincount(self.bag, minlength=len(self.names))

    def of_bags(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """(bags, ...) what the rows of ``raw`` say of each bag."""
        return cells[self.row_of]

    def where(self, bag: int) -> str:
        """Names a bag in a message."""
        return f"{self.raw.name}, {self.raw.where(int(self.row_of[bag]))}: the bag {self.names[bag]!r}"


class BagTable(Format):
    """One table of ``id``, ``bag`` and what is known of the bag, the same in all its rows; or two.

    The second has a row a bag: ``bag`` and what is known. It is given (``beside``), or called NAME.bags.csv where the
    first is NAME.csv. A record may be in several bags, a row each. Recognised by the columns, where none is a label.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classes",)
    suffixes = (".csv",)
    paired = True

    def recognises(self, look: Look) -> bool:
        if look.labelled or look.column(*ID_NAMES) is None or look.column(*BAG_NAMES) is None:
            return False
        second = look.second("bags")
        return self.speaks(look if second is None else Look(second))

    @abstractmethod
    def speaks(self, look: Look) -> bool:
        """Whether columns hold what this kind knows of bags."""

    @abstractmethod
    def columns(self, raw: RawTable) -> list[str]:
        """The columns that hold what is known of bags, which all rows of one bag have to agree on."""

    def bagging(self, look: Look, records: Records) -> Bagging:
        """Which records are in which bag, and where what is known of these stands."""
        raw = look.table
        ids, bag = id_column(raw), required(raw, *BAG_NAMES)
        record, cells = record_of(raw, ids, records), id_cells(raw.column(bag))
        inside = [row for row, cell in enumerate(cells) if cell is not None]
        names = list(dict.fromkeys(str(cells[row]) for row in inside))
        number = positions(names)
        of_row = np.array([number[str(cells[row])] for row in inside], dtype=np.int64)
        _require_once(record[inside], of_row, names, records, raw.name)
        second = look.second("bags")
        if second is None:
            _, first = np.unique(of_row, return_index=True)
            row_of = np.array(inside, dtype=np.int64)[first]
            self._require_agreement(raw, list(zip(inside, of_row.tolist(), strict=True)), names)
            return Bagging(record[inside], of_row, tuple(names), raw, row_of)
        other = Look(second).table
        return Bagging(record[inside], of_row, tuple(names), other, self._rows(other, names, raw.name))

    def _rows(self, raw: RawTable, names: Sequence[str], first: str) -> NDArray[np.int64]:
        """(bags,) the row of each bag in a table of its own."""
        column = required(raw, *BAG_NAMES)
        place, number = Place.column(raw, column), positions(names)
        rows: dict[int, int] = {}
        for row, cell in enumerate(id_cells(raw.column(column))):
            if cell is None or cell not in number:
                raise InputError(f"{place.cell(row)}: no record of {first} is in a bag {cell!r}.")
            if number[cell] in rows:
                earlier = raw.where(rows[number[cell]])
                raise InputError(f"{raw.name}: {earlier} and {raw.where(row)} both speak of the bag {cell!r}.")
            rows[number[cell]] = row
        if missing := [name for k, name in enumerate(names) if k not in rows]:
            raise InputError(f"{raw.name} has no row for the bag {missing[0]!r} of {first}.")
        return np.array([rows[k] for k in range(len(names))], dtype=np.int64)

    def _require_agreement(self, raw: RawTable, rows: Sequence[tuple[int, int]], names: Sequence[str]) -> None:
        for column in self.columns(raw):
            cells = plain(raw.column(column)).tolist()
            first: dict[int, int] = {}
            for row, bag in rows:
                earlier = first.setdefault(bag, row)
                if cells[earlier] != cells[row]:
                    raise InputError(
                        f"{raw.name}, column {column!r}: {raw.where(earlier)} and {raw.where(row)} give the bag "
                        f"{names[bag]!r} different values, {cells[earlier]!r} and {cells[row]!r}."
                    )


def write_bags(
    path: Path, members: Membership, ids: Sequence[str], names: Sequence[str], known: Sequence[Sequence[object]]
) -> None:
    """``id,bag`` and the columns ``names``, whose cells ``known`` (columns, bags) are repeated for each member."""
    bag = members.owner.tolist()
    if not bag:
        raise InputError("no record is in a bag; write JSON lines (.jsonl)")
    record = keeps_ids([ids[i] for i in members.records.tolist()])
    write_cells(path, ["id", "bag", *names], [record, bag, *([column[b] for b in bag] for column in known)])


def _require_once(
    record: NDArray[np.int64], bag: NDArray[np.int64], names: Sequence[str], records: Records, name: str
) -> None:
    seen: set[tuple[int, int]] = set()
    for pair in zip(record.tolist(), bag.tolist(), strict=True):
        if pair in seen:
            raise InputError(f"{name}: {records.ids[pair[0]]!r} is in the bag {names[pair[1]]!r} twice; name it once")
        seen.add(pair)


def columns_but(raw: RawTable) -> list[str]:
    """All columns but those of ids and bags."""
    names = raw.table.column_names
    return others(raw, named_column(names, ID_NAMES), named_column(names, BAG_NAMES))
