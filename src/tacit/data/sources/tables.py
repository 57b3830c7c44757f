"""Tables as records: which columns are features, of which kind, and why others are not."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tacit.data.records import Samples
from tacit.data.sources.columns import Columns, RawTable, id_entry, ids_of, require_columns
from tacit.data.sources.files import listed
from tacit.data.sources.kinds import CONSTANT, Kind, decide, typed
from tacit.errors import InputError

EXCLUDED = "it was kept aside"
"""The reason why a target or group is no feature, or what a user dropped."""


class TableSource:
    """Rows of a table. ``schema`` has the ``columns`` that are features, those ``left_out`` with the reason, and
    the ``id`` column where there is one.

    ``exclude`` are columns that are known but no features (targets, groups); every column, feature or not, is
    a side column too.
    """

    modality = "table"

    def __init__(
        self,
        raw: RawTable,
        *,
        id: str | None = None,
        exclude: Sequence[str] = (),
        kinds: Sequence[Kind] | None = None,
    ) -> None:
        raw.check(exclude)
        self._raw, self._id, self._exclude = raw, id, tuple(exclude)
        self.root = raw.root
        self.ids, id_column = ids_of(raw, id)
        self.columns = Columns(raw.table)
        left_out: list[dict[str, str]] = []
        if kinds is None:
            kinds, left_out = _decide_all(raw, id_column, exclude)
        else:
            require_columns(raw, [kind["name"] for kind in kinds])
        self.schema: dict[str, Any] = {"columns": list(kinds), "left_out": left_out} | id_entry(id_column)
        self._features = pa.table({kind["name"]: typed(raw, kind) for kind in kinds}).combine_chunks()
        self.description = _describe(raw, kinds, left_out, id_column)

    def gather(self, index: NDArray[np.int64]) -> Samples:
        """Feature columns of the rows at ``index``."""
        return self._features.take(pa.array(index))

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self._raw.digest} {json.dumps(self.schema, sort_keys=True)}".encode()).hexdigest()

    def conform(self, schema: dict[str, Any]) -> TableSource:
        """The same rows with the columns and kinds of ``schema``; a missing column is an `InputError`."""
        kinds = schema.get("columns", [])
        if not kinds or not all(isinstance(kind, dict) for kind in kinds):
            raise InputError(f"{self.description} cannot be read in the form {schema}: that is no table's.")
        exclude = [name for name in self._exclude if name not in {kind["name"] for kind in kinds}]
        return TableSource(self._raw, id=self._id, exclude=exclude, kinds=kinds)


def _decide_all(
    raw: RawTable, id_column: str | None, exclude: Sequence[str]
) -> tuple[list[Kind], list[dict[str, str]]]:
    kinds: list[Kind] = []
    left_out: list[dict[str, str]] = []
    for name in raw.table.column_names:
        kind: Kind | str
        if name == id_column:
            kind = "it is the id"
        elif name in exclude:
            kind = EXCLUDED
        else:
            kind = decide(raw, name)
        if isinstance(kind, str):
            left_out.append({"name": name, "reason": kind})
        else:
            kinds.append(kind)
    constant = [entry["name"] for entry in left_out if entry["reason"] == CONSTANT]
    if not kinds and constant:
        # All that is known of a single row, say, which a model is asked about.
        again = [decide(raw, name, keep_constant=True) for name in constant]
        kinds = [kind for kind in again if not isinstance(kind, str)]
        left_out = [entry for entry in left_out if entry["name"] not in constant]
    if not kinds:
        reasons = "; ".join(f"{entry['name']!r}: {entry['reason']}" for entry in left_out[:5])
        raise InputError(f"{raw.name} has no column to learn from ({reasons}).")
    return kinds, left_out


def _describe(raw: RawTable, kinds: Sequence[Kind], left_out: list[dict[str, str]], id_column: str | None) -> str:
    counts, count = Counter(kind["kind"] for kind in kinds), len(kinds)
    what = ", ".join(f"{number} {kind}" for kind, number in counts.most_common())
    out = [f"{e['name']} ({e['reason'].removeprefix('it is ')})" for e in left_out if e["reason"] != EXCLUDED]
    without = f"; left out: {listed(out, 8)}" if out else ""
    aside = [e["name"] for e in left_out if e["reason"] == EXCLUDED]
    without += f"; kept aside: {listed(aside, 8)}" if aside else ""
    by = f"; ids from {id_column!r}" if id_column is not None else ""
    return f"{raw.table.num_rows:,} rows of {raw.name} ({count} column{'s' * (count != 1)}: {what}{without}{by})"
