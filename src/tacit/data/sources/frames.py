"""Data frames in memory (pandas, polars, pyarrow and what else narwhals knows) as raw tables."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from tacit.data.sources.columns import RawTable
from tacit.data.sources.tabular import canonical, from_values
from tacit.errors import InputError


def from_frame(source: Any) -> RawTable | list[Any] | None:
    """A data frame as a raw table, a series as a list, None for anything else."""
    import narwhals as nw

    native = nw.from_native(source, pass_through=True, allow_series=True)
    if isinstance(native, nw.Series):
        return native.to_list()
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if not isinstance(native, nw.DataFrame):
        return None
    names = [str(name) for name in native.columns]
    if len(set(names)) < len(names):
        raise InputError("two columns of the data frame have the same name. Rename one.")
    if not names or len(native) == 0:
        raise InputError(f"the data frame has shape {native.shape}: it holds no records.")
    columns = [_column(native.get_column(name)) for name in native.columns]
    return raw_table(pa.table(dict(zip(names, columns, strict=True))), "the data frame")


def raw_table(table: pa.Table, name: str) -> RawTable:
    """A table in memory; rows are counted from 0."""
    table = canonical(table)
    return RawTable(table, name, _digest(table), lambda row: f"row {row}, counting from 0")


def _column(series: Any) -> pa.ChunkedArray:
    try:
        array = series.to_arrow()
    except (pa.ArrowException, TypeError):
        array = from_values(series.to_list())
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _digest(table: pa.Table) -> str:
    """SHA-256 (hex) of names, types and cells, however the columns are chunked."""
    digest = hashlib.sha256(str([(f.name, str(f.type)) for f in table.schema]).encode())
    for column in table.columns:
        if column.type not in (pa.int64(), pa.float64()):
            digest.update(repr(column.to_pylist()).encode("utf-8", "surrogatepass"))
        else:
            digest.update(column.is_null().to_numpy().tobytes())
            digest.update(column.fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()
