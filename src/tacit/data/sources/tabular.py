"""Table files as raw tables: CSV and TSV (also .gz), JSONL and JSON, Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from tacit.data.sources.columns import RawTable
from tacit.data.sources.files import TABLE_SUFFIXES, decode_text, read_bytes, suffix
from tacit.errors import InputError

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def load(path: Path) -> RawTable:
    """Any table file by its suffix; `InputError` names the file and the row or line at fault."""
    data = read_bytes(path)
    if not data.strip():
        raise InputError(f"{path} is empty. It needs a row of column names and rows of data.")
    where: Callable[[int], str]
    match suffix(path):
        case ".parquet":
            table, where = _parquet(data, path), _from_zero
        case ".jsonl" | ".ndjson" | ".json":
            table, where = _json(decode_text(data, path), path)
        case ".csv" | ".tsv" | ".tab" | ".txt":
            table, where = _separated(decode_text(data, path), path), _after_header
        case other:
            raise InputError(
                f"{path}: {other or 'no suffix'} is no kind of table; known are {', '.join(sorted(TABLE_SUFFIXES))}."
            )
    if table.num_rows == 0:
        raise InputError(f"{path} has column names but no rows.")
    digest = hashlib.sha256(data).hexdigest()
    return RawTable(canonical(table), path.name, digest, where, root=path)


def canonical(table: pa.Table) -> pa.Table:
    """Columns as text, int64, float64, bool or timestamp[us]; NaN is null; nested columns stay."""
    return pa.table({name: _canonical(table.column(i)) for i, name in enumerate(table.column_names)})


def _canonical(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind, is_a = column.type, pa.types
    if is_a.is_dictionary(kind):
        return _canonical(pc.cast(column, kind.value_type))
    if is_a.is_boolean(kind) or is_a.is_string(kind):
        return column
    if is_a.is_large_string(kind) or is_a.is_null(kind) or str(kind) == "string_view":
        return pc.cast(column, pa.string())
    if is_a.is_uint64(kind):
        return pc.cast(column, pa.float64(), safe=False)
    if is_a.is_integer(kind):
        return pc.cast(column, pa.int64())
    if is_a.is_floating(kind) or is_a.is_decimal(kind):
        floats = pc.cast(column, pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)
    if is_a.is_timestamp(kind) or is_a.is_date(kind):
        return pc.cast(column, pa.timestamp("us"), safe=False)
    if is_a.is_duration(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.duration("us"), safe=False), pa.int64()), 1e6)
    return column


def _from_zero(row: int) -> str:
    return f"row {row}, counting from 0"


def _after_header(row: int) -> str:
    """As spreadsheets count: the header is row 1."""
    return f"row {row + 2}"


def _parquet(data: bytes, path: Path) -> pa.Table:
    try:
        return pa.parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is no readable Parquet file: {error}. Write or fetch it again.") from error


def _json(text: str, path: Path) -> tuple[pa.Table, Callable[[int], str]]:
    lines: list[int]
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is no valid JSON: {error.msg} in line {error.lineno}.") from error
        except (RecursionError, ValueError) as error:
            raise InputError(f"{path}: {_strange(error)}.") from error
        lines, where = list(range(len(rows))), _from_zero
    else:
        pairs = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        lines, rows = [n for n, _ in pairs], [_json_line(line, n, path) for n, line in pairs]

        def where(row: int) -> str:
            return f"line {lines[row]}"

    for n, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f"{path}, {where(n)}: expected an object {{column: value, ...}}, found {row!r:.40}.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: from_values([row.get(name) for row in rows]) for name in names}), where


def _json_line(line: str, number: int, path: Path) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {number}: no valid JSON: {error.msg} at character {error.colno}.") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{path}, line {number}: {_strange(error)}.") from error


def _strange(error: Exception) -> str:
    """What is wrong with JSON that is valid and cannot be held."""
    return "JSON nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"


def from_values(values: list[Any]) -> pa.Array:
    """Python values as one column: numbers, booleans, dates or text; where kinds are mixed, text."""
    if any(isinstance(v, dict | list) for v in values):
        return pa.array([None if v is None else json.dumps(v) for v in values])
    kinds = {type(v) for v in values if v is not None}
    try:
        if str in kinds and len(kinds) > 1:
            raise pa.ArrowInvalid("mixed")
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if v is None or v != v else str(v) for v in values], pa.string())


def _separated(text: str, path: Path) -> pa.Table:
    header, _, _ = text.partition("\n")
    separator = _separator(header, path)
    names = _header(text, separator, path)
    loose = _unquoted(text, names) if separator == "\t" and len(names) > 1 and '"' in text else None
    try:
        table = _parse(text, separator, names, quoted=True)
    except pa.ArrowException as error:
        if loose is None:
            raise InputError(_ragged(text, separator, path) or f"{path} cannot be read as CSV: {error}.") from error
        return loose
    # A quote that opens a cell and is not meant to would swallow the lines up to the next one.
    return loose if loose is not None and loose.num_rows > table.num_rows else table


def _separator(header: str, path: Path) -> str:
    """Tab in .tsv files, else whichever known separator the header has most of."""
    if suffix(path) in (".tsv", ".tab"):
        return "\t"
    return max(_SEPARATORS, key=header.count)


def _header(text: str, separator: str, path: Path) -> list[str]:
    """Column names; an empty one is numbered, a repeated one is an `InputError`."""
    first = next(csv.reader(io.StringIO(text), delimiter=separator))
    names = [name.strip() or f"unnamed {i}" for i, name in enumerate(first)]
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InputError(
            f"{path}: two columns are named {name!r}. The first row must hold the column names, each once."
        )
    return names


LARGE = 1 << 24
"""Characters from which a table is read by several threads: they can abort a program that ends right afterwards."""


def _parse(text: str, separator: str, names: list[str], *, quoted: bool) -> pa.Table:
    return pa.csv.read_csv(
        pa.BufferReader(text.encode()),
        read_options=pa.csv.ReadOptions(
            use_threads=len(text) > LARGE, column_names=names, skip_rows_after_names=1, block_size=LARGE
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=separator, quote_char='"' if quoted else False, newlines_in_values=quoted
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=False
        ),
    )


def _unquoted(text: str, names: list[str]) -> pa.Table | None:
    """A TSV whose quotes are ordinary characters."""
    try:
        return _parse(text, "\t", names, quoted=False)
    except pa.ArrowException:
        return None


def _ragged(text: str, separator: str, path: Path) -> str | None:
    """The first row with another number of cells than the header."""
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    expected = len(next(reader))
    for row, cells in enumerate(reader, 2):
        if cells and len(cells) != expected:
            return (
                f"{path}, row {row} (line {reader.line_num}): {len(cells)} cells, but the header has "
                f"{expected} columns. Cells are separated by {_SEPARATORS[separator]}s: mend the row, or put "
                "a cell that holds one in double quotes."
            )
    return None
