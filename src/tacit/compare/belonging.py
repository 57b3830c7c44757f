"""Columns whose rows seem to belong together though nobody said so: folds that part them flatter every candidate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.tabular import from_values
from tacit.errors import InputError
from tacit.figures import share
from tacit.labels.base import Labels
from tacit.labels.exact import Exact

LEAST_VALUES = 20
ROWS_A_VALUE = (2.0, 200.0)
"""How many labelled rows a value has on average."""

AGREED = 0.95
BEYOND_CHANCE = 0.7
"""The least share of the way from agreement by chance to certainty."""

SHUFFLES = 200
"""How often labels are shuffled, never to agree so well."""

MOST_VALUES = 300
"""Values of larger columns whose rows are shuffled."""

MOST_COLUMNS = 300
"""Columns that are looked at, those with a name of persons or the like first."""

MOST_HINTS = 3
"""Columns that are named: the first that are found, which ends the search."""

Ints = NDArray[np.int64]

_PERSONS = frozenset({"patient", "subject", "person", "participant", "user", "customer", "client", "donor"})
_OTHERS = frozenset(
    {"animal", "family", "household", "group", "site", "hospital", "session", "device", "author", "speaker", "bag"}
    | {"slide", "scan", "case"}
)
_NUMBERED = frozenset({"no", "nr", "num", "number", "code", "key", "name"})
_WORD = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|\d+")
_AMOUNT = re.compile(r"\W*\d")
_FIGURE = re.compile(r"(?:(?<![\w.])-)?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Belonging:
    """A column, how often two rows of one value have the same label, and how often any two rows have."""

    column: str
    agreed: float
    chance: float

    def hint(self, bags: bool) -> str:
        """What to do about it, for people; ``bags``: whether the rows could be instances of bags."""
        name = self.column
        or_bag = f", or --bag {name} where only all of them together have a label" if bags else ""
        return (
            f"rows with the same {name!r} nearly always have the same label ({share(self.agreed)} of pairs, "
            f"{share(self.chance)} by chance); if they belong together, as those of one patient or site do, scores are "
            f"too good unless folds keep them together: give --group {name} (groups= in Python){or_bag}"
        )


def belonging_hints(records: Records, labels: Labels) -> list[str]:
    """A sentence for each column by which labelled rows seem to belong together; none but for one exact class each."""
    if not isinstance(labels, Exact) or labels.y.ndim != 1:
        return []
    known = labels.labelled()
    if len(known) < LEAST_VALUES * ROWS_A_VALUE[0]:
        return []
    y = labels.y[known]
    looked_at = islice(_columns(records, known), MOST_COLUMNS)
    seen = (belonging(name, cells, y) for name, cells in looked_at)
    found = islice((column for column in seen if column is not None), MOST_HINTS)
    return [column.hint(records.modality == "table") for column in sorted(found, key=lambda column: -column.agreed)]


def belonging(name: str, cells: pa.Array, y: Ints) -> Belonging | None:
    """Whether rows with equal ``cells`` (rows,), null where missing, share their class ``y`` (rows,) beyond chance.

    Not where every class has hardly more than one value, as in a copy of the labels; not for numbers with fractions;
    nor for whole numbers, and texts that begin with one, whose neighbours share the class too, which measure something,
    unless ``name`` says they count persons or the like.
    """
    cells, y = cells.drop_null(), y[cells.is_valid().to_numpy(zero_copy_only=False)]
    distinct = pc.count_distinct(cells).as_py()
    low, high = ROWS_A_VALUE
    if distinct < max(LEAST_VALUES, 2 * len(np.unique(y))) or not low <= len(y) / distinct <= high:
        return None
    number = pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)
    if number and not pc.all(pc.equal(pc.floor(cells), cells)).as_py():
        return None
    value, ranked = _codes(cells)
    agreed, chance = agreement(value, y), agreement(np.zeros_like(y), y)
    if agreed < AGREED or agreed - chance < BEYOND_CHANCE * (1 - chance):
        return None
    if ranked and not identifies(name) and _smooth(value, y):
        return None
    return None if _by_chance(value, y, agreed) else Belonging(name, agreed, chance)


def identifies(name: str) -> bool:
    """Whether a column of this name holds who or what rows are of, and measures nothing of them.

    Its last word is *id*, or a person; other things, of which something may be measured too, stand alone, or before
    a word for their number. Numbers at the end count for nothing.
    """
    words = [word.lower() for word in _WORD.findall(name) if not word.isdigit()]
    if not words:
        return False
    last = words[-1]
    if len(words) > 1 and last in _NUMBERED:
        return words[-2] in _PERSONS | _OTHERS
    owner = last.removesuffix("id")
    return last == "id" or owner in _PERSONS or (owner in _OTHERS and (owner != last or len(words) == 1))


def _by_chance(value: Ints, y: Ints, agreed: float) -> bool:
    """Whether shuffled labels ever agree as well."""
    rng = np.random.default_rng(0)
    some = value[value < MOST_VALUES]
    shuffled = (y[rng.choice(len(y), len(some), replace=False)] for _ in range(SHUFFLES))
    return any(agreement(some, labels) >= agreed for labels in shuffled)


def agreement(value: Ints, y: Ints) -> float:
    """How often a row and another with the same ``value`` have the same class ``y``; 0 where no value repeats."""
    of, _, own = _counts(value, y)
    size = np.bincount(value)
    repeated = size[of] > 1
    rows = int(size[size > 1].sum())
    own, size = own[repeated], size[of[repeated]]
    return float((own * (own - 1) / (size - 1)).sum() / rows) if rows else 0.0


def _smooth(value: Ints, y: Ints) -> bool:
    """Whether neighbouring values have the same most frequent class far more often than others."""
    of, classes, own = _counts(value, y)
    order = np.lexsort((own, of))
    top = classes[order[np.searchsorted(of[order], np.arange(int(value.max()) + 1), side="right") - 1]]
    chance = agreement(np.zeros_like(top), top)
    return float((top[1:] == top[:-1]).mean()) > (1 + chance) / 2


def _counts(value: Ints, y: Ints) -> tuple[Ints, Ints, Ints]:
    """Each value with each class that it has, and how many rows have both; (pairs,) each."""
    classes = int(y.max()) + 1
    key = value * classes + y
    if (int(value.max()) + 1) * classes <= 8 * len(key):
        # a tenth of the time of sorting
        count = np.bincount(key)
        pair = np.flatnonzero(count)
        own = count[pair]
    else:
        pair, own = np.unique(key, return_counts=True)
    return pair // classes, pair % classes, own


def _codes(cells: pa.Array) -> tuple[Ints, bool]:
    """(rows,) which value a cell has, from 0; and whether values are in an order: of numbers, or those in texts."""
    encoded = cells.dictionary_encode()
    code, values = np.asarray(encoded.indices, dtype=np.int64), encoded.dictionary
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        order = np.argsort(values.to_numpy(zero_copy_only=False))
    else:
        texts = list(map(str, values.to_pylist()))
        if not all(map(_AMOUNT.match, texts)):
            return code, False
        figures = [tuple(map(float, _FIGURE.findall(text))) for text in texts]
        order = np.array(sorted(range(len(texts)), key=figures.__getitem__), dtype=np.int64)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[code], True


def _columns(records: Records, known: Ints) -> Iterator[tuple[str, pa.Array]]:
    """Cells of the labelled records by column, of features as they are read and of columns that are none."""
    samples = records.gather(known) if records.modality == "table" else None
    features = samples if isinstance(samples, pa.Table) else pa.table({})
    dates = {c["name"] for c in records.schema.get("columns", ()) if isinstance(c, dict) and c.get("kind") == "date"}
    read = set(features.column_names)
    names = [name for name in dict.fromkeys([*features.column_names, *records.columns]) if name not in dates]
    for name in sorted(names, key=identifies, reverse=True):
        if name in read:
            yield name, features.column(name).combine_chunks()
            continue
        try:
            yield name, from_values(records.column(name)[known].tolist())
        except InputError:
            # of a bag whose rows differ
            continue
