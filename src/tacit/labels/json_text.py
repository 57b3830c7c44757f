"""JSON from anywhere: what is no JSON, or would be misread in silence, is an `InputError` that says where.

Refused are NaN and infinities, numbers beyond what a file of labels can mean, a name given twice in one object, half
a surrogate pair, and nesting too deep to follow.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tacit.data.sources.columns import RawTable
from tacit.data.sources.files import decode_text, read_bytes, suffix
from tacit.data.sources.tabular import canonical, from_values, load
from tacit.errors import InputError

JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_LARGEST = 2**64
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class _Refused(ValueError):
    """Well-formed for Python, but no JSON or not to be trusted."""


def parse(text: str, where: str, *, missing: bool = False, halves: bool = False) -> Any:
    """The value of ``text``; what cannot be read is an `InputError` that begins with ``where``.

    ``missing``: NaN is None. ``halves``: strings may hold half a surrogate pair, as names of files may.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_real,
            parse_constant=_nan_is_missing if missing else _constant,
        )
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text.strip() else ""
        raise InputError(f"{where}: no valid JSON: {error.msg} at {line}character {error.colno}.") from None
    except RecursionError:
        raise InputError(f"{where}: the JSON is nested too deeply to be read; no file of labels is.") from None
    except _Refused as error:
        raise InputError(f"{where}: {error}.") from None
    if not halves and _HALF.search(text):
        _refuse_halves(value, where)
    return value


def document(path: Path) -> Any:
    """The value that a JSON file holds."""
    return parse(_text(path), path.name)


@dataclass(frozen=True)
class Rows:
    """The objects of a file of JSON lines, or of an array; ``where(i)`` says where object i stands."""

    name: str
    objects: list[dict[str, Any]]
    where: Callable[[int], str]


def rows_of(path: Path, *, missing: bool = False) -> Rows:
    """The objects of a file; anything else in it, or none, is an `InputError`."""
    text = _text(path)
    if text.lstrip().startswith("["):
        values = parse(text, path.name, missing=missing)
        where = _entry
    else:
        numbered = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        values = [parse(line, f"{path.name}, line {n}", missing=missing) for n, line in numbered]

        def where(row: int) -> str:
            return f"line {numbered[row][0]}"

    for row, value in enumerate(values):
        if not isinstance(value, dict):
            raise InputError(f"{path.name}, {where(row)}: expected an object {{...}}, found {said(value)}.")
    if not values:
        raise InputError(f"{path.name} has no rows.")
    return Rows(path.name, values, where)


def load_table(path: Path) -> RawTable:
    """A table file as `tacit.data` reads it; in JSON, NaN is missing and all else that is no JSON is refused."""
    if suffix(path) not in JSON_SUFFIXES:
        return load(path)
    rows = rows_of(path, missing=True)
    names = list(dict.fromkeys(name for row in rows.objects for name in row))
    if not names:
        raise InputError(f"{path.name} has rows but no columns.")
    try:
        table = pa.table({name: from_values([row.get(name) for row in rows.objects]) for name in names})
    except RecursionError:
        raise InputError(f"{path.name}: the JSON is nested too deeply to be a table.") from None
    return RawTable(canonical(table), path.name, "", rows.where, root=path)


def said(value: Any) -> str:
    """What kind of JSON a value is, for a message; the value too where it is short."""
    match value:
        case None:
            return "null"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return repr(value if len(value) <= 40 else value[:37] + "...")
        case _:
            return str(value).lower() if isinstance(value, bool) else f"the number {value:g}"


def _entry(row: int) -> str:
    return f"entry {row}, counting from 0"


def _text(path: Path) -> str:
    text = decode_text(read_bytes(path), path)
    if not text.strip():
        raise InputError(f"{path.name} is empty.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _Refused(f"an object has two values for {name!r}; keep one of them")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 21 or abs(int(digits)) >= _LARGEST:
        raise _Refused(f"the number {digits[:12]}... of {len(digits)} digits is too large; is it meant to be text?")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _Refused(f"the number {digits[:20]} is too large")
    return value


def _constant(name: str) -> Any:
    raise _Refused(f"{name} is no JSON; write null where nothing is known")


def _nan_is_missing(name: str) -> None:
    if name != "NaN":
        _constant(name)


def _refuse_halves(value: Any, where: str) -> None:
    rest = [value]
    while rest:
        found = rest.pop()
        if isinstance(found, dict):
            rest += [*found, *found.values()]
        elif isinstance(found, list):
            rest += found
        elif isinstance(found, str) and not encodable(found):
            raise InputError(f"{where}: {ascii(found)[:60]} holds half of a surrogate pair, which is no character.")


def encodable(text: str) -> bool:
    """Whether the text can be written as UTF-8: it holds no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
