"""A look at a file or folder before it is read: what its format may be told by."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from tacit.data.sources.columns import RawTable
from tacit.data.sources.files import TABLE_SUFFIXES, suffix, walk
from tacit.errors import InputError
from tacit.labels.json_text import JSON_SUFFIXES, Rows, load_table, rows_of
from tacit.labels.read import LABEL_NAMES, named_column

START = 1 << 20
"""Bytes at the start of a file that are looked at."""

END = 1 << 16
"""Bytes at its end that are looked at."""


class Look:
    """What is at ``path``. Only ``table`` and ``rows`` read all of it, once, and raise; nothing else raises.

    ``beside``: a second file that was given with it.
    """

    def __init__(self, path: Path, beside: Path | None = None) -> None:
        self.path, self.beside = path, beside

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    @property
    def suffix(self) -> str:
        """The suffix in lower case, looking through ``.gz``."""
        return suffix(self.path)

    def second(self, word: str) -> Path | None:
        """The second file: the one given, else NAME.word.csv where this is NAME.csv and that exists."""
        if self.beside is not None or self.suffix not in TABLE_SUFFIXES:
            return self.beside
        found = beside(self.path, word)
        return found if found.is_file() else None

    @cached_property
    def folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @cached_property
    def files(self) -> list[str]:
        """Relative posix paths of the files in the folder, sorted; none where it is a file."""
        return walk(self.path) if self.folder else []

    @cached_property
    def start(self) -> str:
        """The text that the file starts with, unpacked; empty where it is none."""
        try:
            with gzip.open(self.path) if self.path.name.lower().endswith(".gz") else self.path.open("rb") as file:
                return file.read(START).decode("utf-8-sig", "ignore")
        except (OSError, EOFError, zlib.error):
            return ""

    @cached_property
    def end(self) -> str:
        """The text that the file ends with; empty where it is packed or none."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - END))
                return file.read().decode("utf-8", "ignore")
        except OSError:
            return ""

    @property
    def is_json(self) -> bool:
        """Whether its name says that it holds JSON."""
        return self.suffix in JSON_SUFFIXES

    @cached_property
    def first(self) -> dict[str, Any]:
        """The first object of a file of JSON lines, or of an array; else empty."""
        text = self.start.lstrip() if self.is_json else ""
        try:
            value, _ = json.JSONDecoder().raw_decode(text.removeprefix("[").lstrip())
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @cached_property
    def table(self) -> RawTable:
        """The file as a table."""
        return load_table(self.path)

    @cached_property
    def rows(self) -> Rows:
        """The objects of a file of JSON lines, or of an array."""
        return rows_of(self.path)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table, or the fields of the first object in JSON; none where it is neither."""
        if self.folder or self.suffix not in TABLE_SUFFIXES:
            return ()
        if self.is_json:
            return tuple(self.first)
        if self.suffix == ".parquet":
            return () if self.parquet is None else tuple(self.parquet.names)
        try:
            return tuple(self.table.table.column_names)
        except InputError:
            return ()

    @cached_property
    def parquet(self) -> pa.Schema | None:
        """The schema of a Parquet file."""
        try:
            return pa.parquet.read_schema(self.path)
        except (pa.ArrowException, OSError):
            return None

    def column(self, *names: str) -> str | None:
        """The column called by the first of ``names`` that any is called, whatever its case."""
        return named_column(self.columns, names)

    @property
    def labelled(self) -> bool:
        """Whether a column is called label or the like, so that this may be a table of labels."""
        return named_column(self.columns, LABEL_NAMES) is not None


def beside(path: Path, word: str) -> Path:
    """NAME.word.csv for NAME.csv."""
    end = suffix(path)
    return path.with_name(f"{path.name.removesuffix('.gz').removesuffix(end)}.{word}{end}")
