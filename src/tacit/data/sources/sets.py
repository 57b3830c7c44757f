"""Bags as records: rows of a table that share a bag, or arrays of instances in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tacit.data.records import Samples
from tacit.data.sources.columns import NUMBER, Columns, RawTable, id_cells, is_text, trimmed
from tacit.data.sources.files import listed, objects
from tacit.data.sources.kinds import CONSTANT, Kind, decide, typed
from tacit.data.sources.tables import EXCLUDED
from tacit.errors import InputError
from tacit.figures import plural

BAG = "bag"
"""Name of a column of bags that is taken without anyone saying so."""

_NUMBERS = ("numeric", "boolean", "date")
_NO_NUMBER = "it holds no numbers"


class SetTable:
    """The bags of a table in the order of their first rows; a sample is (instances, columns) float64, NaN missing.

    ``bag`` names the column that says which rows belong together; its cells are the records' ids. Side columns speak
    of bags: asked for one whose cells differ within a bag, `column` is an `InputError` that names it. ``kinds``:
    the features and how they are read, where a model says it; else every column that holds numbers is one.
    """

    modality = "set"

    def __init__(
        self, raw: RawTable, *, bag: str | None = None, exclude: Sequence[str] = (), kinds: Sequence[Kind] | None = None
    ) -> None:
        raw.check(exclude)
        self._raw, self._bag, self._exclude = raw, _bag_column(raw, bag), tuple(exclude)
        self.root = raw.root
        cells = id_cells(raw.column(self._bag))
        if None in cells:
            raise InputError(f"{raw.cell(cells.index(None), self._bag)}: the bag is missing. Every row needs one.")
        self.ids = tuple(str(cell) for cell in dict.fromkeys(cells))
        numbers = {name: i for i, name in enumerate(self.ids)}
        owner = np.array([numbers[str(cell)] for cell in cells], dtype=np.int64)
        rows = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[rows], np.arange(len(self.ids) + 1))
        left_out: list[dict[str, str]] = []
        if kinds is None:
            kinds, left_out = _features(raw, self._bag, exclude)
        self.schema: dict[str, Any] = {"columns": list(kinds), "left_out": left_out, "bag": self._bag}
        matrix = np.stack([_floats(typed(raw, kind)) for kind in kinds], axis=1)
        self._bags = np.split(matrix[rows], starts[1:-1])
        self.columns = BagColumns(raw, self.ids, owner)
        out = [f"{entry['name']} ({entry['reason'].removeprefix('it is ')})" for entry in left_out]
        self.description = (
            f"{_sizes(self._bags)} in {raw.name} ({len(kinds)} columns of numbers; bags by {self._bag!r}"
            + (f"; left out: {listed(out, 8)}" if out else "")
            + ")"
        )

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """The bags at ``index``."""
        return [self._bags[i] for i in index.tolist()]

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self._raw.digest} {json.dumps(self.schema, sort_keys=True)}".encode()).hexdigest()

    def conform(self, schema: dict[str, Any]) -> SetTable:
        """The same bags with the columns and kinds of ``schema``; a missing column is an `InputError`."""
        kinds = _columns_of(schema, self.description)
        exclude = [name for name in self._exclude if name not in {kind["name"] for kind in kinds}]
        return SetTable(self._raw, bag=self._bag, exclude=exclude, kinds=kinds)


class BagColumns(Mapping[str, NDArray[np.object_]]):
    """Every column of a table as one value a bag, (bags,); rows of a bag that differ are an `InputError`.

    ``owner``: (rows,) the number of each row's bag.
    """

    def __init__(self, raw: RawTable, ids: tuple[str, ...], owner: NDArray[np.int64]) -> None:
        self._raw, self._ids, self._owner = raw, ids, owner
        self._cells = Columns(raw.table)
        self._first = np.unique(owner, return_index=True)[1]

    def __getitem__(self, name: str) -> NDArray[np.object_]:
        cells = self._cells[name]
        values = cells[self._first]
        others = np.flatnonzero(values[self._owner] != cells)
        if len(others):
            row, bag = int(others[0]), int(self._owner[others[0]])
            first = int(self._first[bag])
            raise InputError(
                f"{self._raw.name}, bag {self._ids[bag]!r}: the column {name!r} is {cells[first]!r} in "
                f"{self._raw.where(first)} and {cells[row]!r} in {self._raw.where(row)}. A bag has one value: mend "
                "the rows, or name another column."
            )
        return objects(values.tolist())

    def __contains__(self, name: object) -> bool:
        return name in self._raw.table.column_names

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


class SetArrays:
    """Bags in memory, each (instances, columns); ids are their positions."""

    modality = "set"
    root: Path | None = None
    columns: Mapping[str, NDArray[np.object_]]

    def __init__(self, bags: Sequence[Any], name: str = "the list") -> None:
        self._bags = [_matrix(bag, i, name) for i, bag in enumerate(bags)]
        widths = [bag.shape[1] for bag in self._bags]
        odd = next((i for i, width in enumerate(widths) if width != widths[0]), None)
        if odd is not None:
            raise InputError(
                f"{name}, bag {odd}: its instances have {widths[odd]} columns, those of bag 0 have {widths[0]}. Give "
                "all the same."
            )
        self.ids = tuple(str(i) for i in range(len(self._bags)))
        self.columns = {}
        kinds = [{"name": f"x{i}", "kind": "numeric"} for i in range(widths[0])]
        self.schema: dict[str, Any] = {"columns": kinds, "left_out": [], "bag": None}
        self.description = f"{_sizes(self._bags)} in memory ({widths[0]} columns of numbers)"

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """The bags at ``index``."""
        return [self._bags[i] for i in index.tolist()]

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for bag in self._bags:
            digest.update(f"{bag.shape}".encode() + bag.tobytes())
        return digest.hexdigest()

    def conform(self, schema: dict[str, Any]) -> SetArrays:
        """The same bags; `InputError` where they have another number of columns than the schema's."""
        wanted, found = len(_columns_of(schema, self.description)), self._bags[0].shape[1]
        if wanted != found:
            raise InputError(f"{self.description}: instances have {found} columns, the model reads {wanted}.")
        return self


def _bag_column(raw: RawTable, bag: str | None) -> str:
    if bag is not None:
        raw.check([bag])
        return bag
    found = [name for name in raw.table.column_names if name.strip().lower() == BAG]
    if len(found) != 1:
        raise InputError(
            f"which column of {raw.name} says the bag of a row? Found: {listed(raw.table.column_names, 20)}. Name it "
            "with --bag (bag=)."
        )
    return str(found[0])


def _features(raw: RawTable, bag: str, exclude: Sequence[str]) -> tuple[list[Kind], list[dict[str, str]]]:
    """The columns of numbers with their kinds, and the others with the reason why they are none.

    A cell of text among numbers is an `InputError` that names it: a column cannot be both.
    """
    kinds: list[Kind] = []
    left_out: list[dict[str, str]] = []
    for name in raw.table.column_names:
        if name == bag:
            continue
        found = EXCLUDED if name in exclude else decide(raw, name)
        if isinstance(found, dict) and found["kind"] in _NUMBERS and "missing" not in found:
            kinds.append(found)
            continue
        if name not in exclude:
            _require_no_numbers(raw, name)
        left_out.append({"name": name, "reason": found if isinstance(found, str) else _NO_NUMBER})
    if not kinds:
        # a single instance, say, of which a model is asked: every column is constant
        constant = [entry["name"] for entry in left_out if entry["reason"] == CONSTANT]
        again = [decide(raw, name, keep_constant=True) for name in constant]
        kinds = [kind for kind in again if isinstance(kind, dict) and kind["kind"] in _NUMBERS]
        left_out = [entry for entry in left_out if entry["name"] not in {kind["name"] for kind in kinds}]
    if not kinds:
        raise InputError(f"{raw.name} has no column of numbers, which the instances of bags are made of.")
    return kinds, left_out


def _require_no_numbers(raw: RawTable, name: str) -> None:
    """Raise where a column of text holds numbers and something else."""
    column = raw.column(name)
    if not is_text(column):
        return
    known = trimmed(column)
    fits = pc.match_substring_regex(known, NUMBER)
    if pc.any(fits).as_py() and not pc.all(fits).as_py():
        row = pc.index(fits, False).as_py()
        raise InputError(
            f"{raw.cell(row, name)}: {known[row].as_py()!r} is no number. Mend the cell, leave it empty if unknown, or "
            "say that the column is no feature (--drop, exclude=)."
        )


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)


def _matrix(bag: Any, number: int, name: str) -> NDArray[np.float64]:
    array = np.asarray(bag)
    if array.ndim != 2:
        raise InputError(
            f"{name}, bag {number}: its shape is {array.shape}, and (instances, columns) is expected. Flatten every "
            "instance to a row."
        )
    if not array.size:
        raise InputError(f"{name}, bag {number} has no instances (shape {array.shape}); leave it out.")
    if array.dtype.kind not in "buif":
        array = _parsed(array, number, name)
    matrix = np.ascontiguousarray(array, dtype=np.float64)
    if np.isinf(matrix).any():
        row, column = np.argwhere(np.isinf(matrix))[0]
        raise InputError(f"{name}, bag {number}, row {row}, column {column}: the number is infinite; NaN is missing.")
    return matrix


def _parsed(array: NDArray[Any], number: int, name: str) -> NDArray[np.float64]:
    values = np.empty(array.shape)
    for (row, column), cell in np.ndenumerate(array):
        try:
            values[row, column] = np.nan if cell is None else float(cell)
        except (TypeError, ValueError):
            raise InputError(f"{name}, bag {number}, row {row}, column {column}: {str(cell)!r} is no number.") from None
    return values


def _columns_of(schema: dict[str, Any], description: str) -> list[Kind]:
    kinds = schema.get("columns", [])
    if "bag" not in schema or not kinds:
        raise InputError(f"{description} cannot be read in the form {schema}: that is no bags'.")
    return list(kinds)


def _sizes(bags: Sequence[NDArray[np.float64]]) -> str:
    sizes = [len(bag) for bag in bags]
    low, high = min(sizes), max(sizes)
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{plural(len(bags), 'bag')} of {each} instance{'s' * (high != 1)}"
