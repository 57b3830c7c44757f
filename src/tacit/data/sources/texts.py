"""Texts as records: columns of a table, a folder of .txt files, a list in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Samples
from tacit.data.sources.columns import Columns, RawTable, id_entry, ids_of, require_columns
from tacit.data.sources.files import decode_text, folder_columns, listed, manifest, read_bytes
from tacit.data.sources.kinds import is_free_text
from tacit.errors import InputError


class TextTable:
    """One text per row: the cells of ``names``, joined by a line break where there are several."""

    modality = "text"

    def __init__(
        self, raw: RawTable, names: Sequence[str], *, id: str | None = None, exclude: Sequence[str] = ()
    ) -> None:
        raw.check(names)
        self._raw, self._id, self._names, self._exclude = raw, id, tuple(names), tuple(exclude)
        self.root = raw.root
        self.ids, id_column = ids_of(raw, id)
        self.columns = Columns(raw.table)
        self.schema: dict[str, Any] = {"columns": list(names)} | id_entry(id_column)
        cells = [["" if v is None else str(v) for v in raw.column(name).to_pylist()] for name in names]
        self._texts = ["\n".join(filter(None, row)) for row in zip(*cells, strict=True)]
        if not any(text.strip() for text in self._texts):
            raise InputError(f"{raw.name}, column {', '.join(map(repr, names))}: every text is empty.")
        by = f"; ids from {id_column!r}" if id_column is not None else ""
        which = " and ".join(map(repr, names))
        others = [name for name in raw.table.column_names if name not in (*names, *exclude, id_column)]
        unread = f"; not read: {listed(others, 6)}" if others else ""
        self.description = f"{raw.table.num_rows:,} texts in {raw.name} (column {which}{by}{unread})"

    def gather(self, index: NDArray[np.int64]) -> Samples:
        return [self._texts[i] for i in index.tolist()]

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self._raw.digest} {json.dumps(self._names)}".encode()).hexdigest()

    def conform(self, schema: dict[str, Any]) -> TextTable:
        """The same rows read from the columns of ``schema``; a single column of free text may have another name."""
        wanted = _wanted(schema, self.description)
        if not wanted or self._stands_for(wanted):
            return self
        require_columns(self._raw, wanted)
        return TextTable(self._raw, wanted, id=self._id, exclude=self._exclude)

    def _stands_for(self, wanted: Sequence[str]) -> bool:
        """Whether the only text here must be what another table calls by the one name in ``wanted``."""
        names = self._raw.table.column_names
        if len(wanted) != 1 or len(self._names) != 1 or wanted[0] in names:
            return False
        return len(names) == 1 or is_free_text(self._raw.table.column(self._names[0]))


class TextList:
    """Texts in memory, one record each; ids are their positions unless given."""

    modality = "text"
    columns: Mapping[str, NDArray[np.object_]]

    def __init__(
        self,
        texts: Sequence[str],
        *,
        description: str | None = None,
        ids: Sequence[str] | None = None,
        columns: Mapping[str, NDArray[np.object_]] | None = None,
        root: Path | None = None,
    ) -> None:
        self._texts = tuple(texts)
        self.root = root
        self.ids = tuple(str(i) for i in range(len(texts))) if ids is None else tuple(ids)
        self.columns = columns or {}
        self.schema: dict[str, Any] = {"columns": []}
        self.description = description or f"{len(texts):,} texts in memory"
        if not any(text.strip() for text in self._texts):
            raise InputError(f"{self.description}: every text is empty.")

    def gather(self, index: NDArray[np.int64]) -> Samples:
        return [self._texts[i] for i in index.tolist()]

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for text in self._texts:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def conform(self, schema: dict[str, Any]) -> TextList:
        _wanted(schema, self.description)
        return self


class TextFiles:
    """A folder of UTF-8 text files, read when asked for; ids are relative posix paths."""

    modality = "text"

    def __init__(self, root: Path, paths: Sequence[str], *, note: str = "") -> None:
        self.root = root
        self.ids = tuple(paths)
        self.columns = folder_columns(paths)
        self.schema: dict[str, Any] = {"columns": []}
        self.description = f"{len(paths):,} texts in {root.name or root}/ (.txt files{note})"

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """Texts at ``index``; a file that is not UTF-8 is an `InputError` that names it and the byte."""
        paths = [self.root / self.ids[i] for i in index.tolist()]
        return [decode_text(read_bytes(path), path).strip() for path in paths]

    def fingerprint(self) -> str:
        return manifest(self.root, self.ids)

    def conform(self, schema: dict[str, Any]) -> TextFiles:
        _wanted(schema, self.description)
        return self


def _wanted(schema: dict[str, Any], description: str) -> list[str]:
    """The text columns that a model was made with; none where it was made with files or a list."""
    names = schema.get("columns")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{description} cannot be read in the form {schema}: that is no text's.")
    return names
