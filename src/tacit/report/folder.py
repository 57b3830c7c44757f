"""A run folder as the page reads it: every file but ``run.json`` may be absent."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.figures import Measure
from tacit.report.text import visible

Curve = list[tuple[float, float]]


@dataclass(frozen=True)
class Absent:
    """A section that is left out, and the sentence that says why."""

    reason: str


@dataclass(frozen=True)
class RunFolder:
    """What the sections of the page read. Tables are read once, when first asked for."""

    path: Path
    run: dict[str, Any]
    plan: Any | None

    @property
    def kind(self) -> str:
        """``classes``, ``multilabel`` or ``number``."""
        return str(self.run.get("task", {}).get("kind", "classes"))

    @property
    def names(self) -> list[str]:
        """Class names in the order of the model's outputs; empty for numbers."""
        return [str(name) for name in self.run.get("task", {}).get("names") or ()]

    @property
    def measure(self) -> Measure:
        return Measure(str(self.run.get("metric", "score")))

    @property
    def deployed(self) -> str:
        return str(self.run.get("verdict", {}).get("deployed", ""))

    @cached_property
    def oof(self) -> pa.Table | None:
        """Held-out predictions of all candidates."""
        return self._table("oof.parquet", needs=("id", "candidate", "given"))

    @cached_property
    def predictions(self) -> pa.Table | None:
        """One row per record, without the probabilities of all classes (see `probabilities`).

        ``label`` is what is predicted: a class, several in one string, or a number (``value`` in the file).
        """
        predicted = "value" if self.kind == "number" else "label"
        columns = ("id", predicted, "given", "split", "oof", "doubt", "scale")
        table = self._table("predictions.parquet", needs=("id", predicted), columns=columns)
        return table if table is None else table.rename_columns({predicted: "label"})

    @cached_property
    def evidence(self) -> dict[str, Any] | None:
        """What was learned of labels that are not exact; None where all are."""
        path = self.path / "evidence.json"
        found = _json(path) if path.is_file() else None
        if found is not None and not isinstance(found, dict):
            raise InputError(f"{path} is damaged: it holds no JSON object. Restore the file or remove it.")
        return found

    @cached_property
    def map(self) -> pa.Table | None:
        """One point in the plane per record."""
        return self._table("map.parquet", needs=("id", "x", "y"))

    @cached_property
    def curves(self) -> dict[str, dict[str, Curve]]:
        """Candidate to measure to (step, value) pairs in file order, without values that are not finite."""
        files = sorted((self.path / "curves").glob("*.csv"))
        return {file.stem: curve for file in files if (curve := _read_curves(file))}

    @cached_property
    def uncounted(self) -> str:
        """Why fewer records are counted than are labelled: a sentence, empty where all are counted."""
        table = self.predictions
        if self.evidence is None or table is None or not {"given", "split"} <= set(table.column_names):
            return ""
        labelled = pc.equal(table["split"], "labelled")
        total = pc.sum(labelled).as_py() or 0
        without = pc.sum(pc.and_(labelled, pc.is_null(table["given"]))).as_py() or 0
        if not without:
            return ""
        naively = "; ".join(dict.fromkeys(str(part["naively"]) for part in self.evidence.get("parts") or ()))
        how = f" ({visible(naively, 200)})" if naively else ""
        return (
            f"Not counted here: {without:,} of {total:,} labelled records, of which what is known gives no single "
            f"{'value' if self.kind == 'number' else 'class'} when it is read naively{how}."
        )

    def probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Class probabilities of some rows of `predictions`, (rows, C); None where the file has none.

        Read in blocks, because a pool of millions times hundreds of classes does not fit in memory.
        """
        path = self.path / "predictions.parquet"
        wanted = [f"p_{name}" for name in self.names]
        if not wanted or not path.exists():
            return None
        file = pq.ParquetFile(path)
        if not set(wanted) <= set(file.schema_arrow.names):
            return None
        order = np.argsort(rows, kind="stable")
        out = np.full((len(rows), len(wanted)), math.nan)
        start = done = 0
        for block in file.iter_batches(columns=wanted):
            stop = int(np.searchsorted(rows[order], start + block.num_rows))
            here = order[done:stop]
            if len(here):
                taken = block.take(pa.array(rows[here] - start))
                out[here] = np.column_stack([floats(taken.column(name)) for name in wanted])
            start, done = start + block.num_rows, stop
        return out

    def _table(self, name: str, needs: Sequence[str], columns: Sequence[str] = ()) -> pa.Table | None:
        path = self.path / name
        if not path.exists():
            return None
        try:
            present = pq.read_schema(path).names
            table = pq.read_table(path, columns=[c for c in columns if c in present] if columns else None)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{path} is damaged: {error}. Restore the file or remove it.") from error
        if missing := [c for c in needs if c not in table.column_names]:
            raise InputError(f"{path} has no column {missing[0]!r}. Restore the file or remove it.")
        return table


def read_folder(path: Path) -> RunFolder:
    """The run in ``path``. Raises `InputError` where the folder is no run or a file of it is damaged."""
    if not (path / "run.json").is_file():
        raise InputError(f"{path} is not a run: it has no run.json. Give a folder that `tacit fit` wrote.")
    run = _json(path / "run.json")
    if not isinstance(run, dict):
        raise InputError(f"{path / 'run.json'} is damaged: it holds no JSON object. Restore the file.")
    plan = path / "plan.json"
    return RunFolder(path, run, _json(plan) if plan.is_file() else None)


def floats(column: Any) -> NDArray[np.float64]:
    """A numeric Arrow column as float64, missing as NaN."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def strings(column: Any) -> list[str | None]:
    """An Arrow column of any simple type as text, missing as None."""
    return [None if value is None else str(value) for value in column.to_pylist()]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}. Restore the file.") from error


def _read_curves(path: Path) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                step, name, value = float(row["step"]), row["name"], float(row["value"])
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{path}, line {line}: expected step,name,value. Restore the file or remove it."
                ) from error
            if math.isfinite(step) and math.isfinite(value):
                curves.setdefault(name, []).append((step, value))
    return curves
