"""What kind a table column is: numeric, boolean, date or categorical, or of no use, and why.

A kind is a small dictionary ``{"name", "kind", ...}`` that is kept with the model, so that a later table is
read in the same way even where few rows would suggest another kind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tacit.data.sources.columns import CODE, NUMBER, RawTable, cell_texts, is_text, matches, to_float, trimmed
from tacit.errors import InputError

Kind = dict[str, Any]

CONSTANT = "it is constant"

_WORDS = (
    {"true": True, "false": False},
    {"yes": True, "no": False},
    {"t": True, "f": False},
    {"y": True, "n": False},
)
_ISO = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_DATES = ("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%dT%H%M%S", "%d %b %Y", "%b %d, %Y")
_DATE_LIKE = r"^(\d{1,4}[./]\d{1,2}[./]\d{2,4}|\d{8}T\d{6}|\d{1,2} [A-Za-z]{3} \d{4}|[A-Za-z]{3} \d{1,2}, \d{4})$"
_ID_NAME = re.compile(r"(?i)^(.*[_ -])?(id|uuid|guid|index|idx|rowid)$|^unnamed.*$")
_FEW = 20
_DAY = 86400.0


def decide(raw: RawTable, name: str, *, keep_constant: bool = False) -> Kind | str:
    """The kind of a column, or the reason why it is no feature."""
    column = raw.table.column(name)
    kind = column.type
    if is_text(column):
        column = trimmed(column)
    known = len(column) - column.null_count
    if known == 0:
        return "it is empty"
    if not (is_text(column) or kind in (pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us"))):
        return f"cells of type {kind} are no single values"
    distinct = pc.count_distinct(column).as_py()
    if distinct == 1 and known == len(column) and not keep_constant:
        return CONSTANT
    if is_text(column):
        return _decide_text(name, column, known, distinct)
    if kind == pa.bool_():
        return {"name": name, "kind": "boolean"}
    if kind == pa.timestamp("us"):
        return {"name": name, "kind": "date", "format": "iso"}
    return _decide_number(name, column, known, distinct, named=raw.named)


def _decide_number(name: str, column: pa.ChunkedArray, known: int, distinct: int, *, named: bool) -> Kind | str:
    if named and distinct == known == len(column) and known > 2:
        if _ID_NAME.match(name) and pc.all(pc.equal(pc.floor(column), column)).as_py():
            return "it is an id: every value is different"
        values = column.to_numpy()
        if values[0] in (0, 1) and known >= _FEW and bool((np.diff(values) == 1).all()):
            return "it counts the rows"
    return {"name": name, "kind": "numeric"}


def _decide_text(name: str, column: pa.ChunkedArray, known: int, distinct: int) -> Kind | str:
    coded = bool(pc.any(pc.match_substring_regex(column, CODE)).as_py())
    if not coded and matches(column, NUMBER):
        return _decide_number(name, to_float(column), known, distinct, named=True)
    values = [v for v in pc.unique(column).to_pylist() if v is not None]
    if any({v.lower() for v in values} <= set(words) for words in _WORDS):
        return {"name": name, "kind": "boolean"}
    if (form := _date_format(column, values)) is not None:
        return {"name": name, "kind": "date", "format": form}
    if not coded and (odd := _odd_words(column, known)):
        return {"name": name, "kind": "numeric", "missing": odd}
    if known >= _FEW and distinct > 0.9 * known:
        return "almost every value is different: it is an id or free text"
    if known >= _FEW and distinct > 0.5 * known and is_free_text(column):
        return "it is free text"
    return {"name": name, "kind": "categorical"}


def _odd_words(column: pa.ChunkedArray, known: int) -> list[str] | None:
    """The few words in a column of numbers otherwise: at most 2 % of cells, at most three different."""
    numeric = pc.match_substring_regex(column, NUMBER)
    if known - pc.sum(numeric).as_py() > 0.02 * known:
        return None
    odd = [v for v in pc.unique(column.filter(pc.invert(numeric))).to_pylist() if v is not None]
    return sorted(odd) if len(odd) <= 3 else None


def _date_format(column: pa.ChunkedArray, values: list[str]) -> str | None:
    if matches(column, _ISO):
        return "iso" if _all_parse(values, "iso") else None
    if not matches(column, _DATE_LIKE):
        return None
    return next((form for form in _DATES if _all_parse(values, form)), None)


def _all_parse(values: list[str], form: str) -> bool:
    try:
        for value in values:
            _days(value, form)
    except ValueError:
        return False
    return True


def _days(value: str, form: str) -> float:
    """Days since 1970 (UTC where no zone is given)."""
    when = datetime.fromisoformat(value) if form == "iso" else datetime.strptime(value, form)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() / _DAY


def is_free_text(column: pa.ChunkedArray) -> bool:
    """Whether cells are mostly different and of several words (or long, in scripts without spaces)."""
    cells = [v for v in column.slice(0, 1000).to_pylist() if v and v.strip()]
    if not cells or len(set(cells)) <= 0.5 * len(cells):
        return False
    words = sum(len(v.split()) for v in cells) / len(cells)
    letters = sum(len(v) for v in cells)
    foreign = sum(sum(ord(c) > 0x2E7F for c in v) for v in cells)
    return words >= 3 or (foreign > 0.5 * letters and letters >= 8 * len(cells))


def typed(raw: RawTable, kind: Kind) -> pa.ChunkedArray:
    """A column by its kind, float64, bool or string, null where missing; `InputError` names a misfit."""
    name = kind["name"]
    column = raw.column(name)
    match kind["kind"]:
        case "numeric":
            return _finite(raw, name, _numbers(raw, name, column, kind.get("missing", [])))
        case "boolean" if column.type == pa.bool_():
            return column
        case "boolean":
            return _cells(raw, name, column, _truth, pa.bool_(), "yes or no")
        case "date" if not is_text(column) and column.type == pa.timestamp("us"):
            return pc.divide(pc.cast(pc.cast(column, pa.int64()), pa.float64()), _DAY * 1e6)
        case "date":
            form = kind["format"]
            return _cells(raw, name, column, lambda v: _days(v, form), pa.float64(), f"a date ({form})")
        case _ if is_text(column):
            return trimmed(column)
        case _:
            return pa.chunked_array([pa.array(cell_texts(column), pa.string())])


def _numbers(raw: RawTable, name: str, column: pa.ChunkedArray, missing: list[str]) -> pa.ChunkedArray:
    if not is_text(column):
        if column.type in (pa.int64(), pa.float64(), pa.bool_()):
            return pc.cast(column, pa.float64(), safe=False)
        raise InputError(f"{raw.name}, column {name!r} holds {column.type}; numbers are expected.")
    known = trimmed(column)
    if missing:
        known = pc.if_else(pc.is_in(known, value_set=pa.array(missing)), pa.scalar(None, pa.string()), known)
    fits = pc.fill_null(pc.match_substring_regex(known, NUMBER), True)
    if not pc.all(fits).as_py():
        row = pc.index(fits, False).as_py()
        raise InputError(
            f"{raw.cell(row, name)}: {known[row].as_py()!r} is no number. Mend the cell, or leave it empty if unknown."
        )
    return to_float(known)


def _finite(raw: RawTable, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    infinite = pc.fill_null(pc.is_inf(column), False)
    if pc.any(infinite).as_py():
        row = pc.index(infinite, True).as_py()
        raise InputError(f"{raw.cell(row, name)}: the number is infinite. Leave the cell empty if it is unknown.")
    return column


def _truth(cell: str) -> bool:
    for words in (*_WORDS, {"1": True, "0": False}):
        if cell.lower() in words:
            return words[cell.lower()]
    raise ValueError(cell)


def _cells(raw: RawTable, name: str, column: pa.ChunkedArray, parse: Any, kind: Any, what: str) -> pa.ChunkedArray:
    known: dict[str, Any] = {}
    cells = cell_texts(column)
    for row, cell in enumerate(cells):
        if cell is None or cell in known:
            continue
        try:
            known[cell] = parse(cell)
        except ValueError as error:
            raise InputError(f"{raw.cell(row, name)}: {cell!r} is not {what}.") from error
    return pa.chunked_array([pa.array([None if c is None else known[c] for c in cells], kind)])
