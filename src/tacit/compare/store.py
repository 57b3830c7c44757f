"""The out-of-fold store: every prediction of a record by a model that had not seen its evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tacit.data.atomic import atomic_write
from tacit.data.prediction import Categorical, Normal, Prediction, concatenate, sites_of
from tacit.data.task import Task

Held = tuple[NDArray[np.int64], int, Prediction]
"""Positions of records, the fold that held them out, and what was predicted of them."""


class Store:
    """Out-of-fold predictions by candidate; the judge, the audit and the page read the same rows.

    A row has the record id, fold, seed, candidate, what was given, and the prediction: ``log_p`` (list of C), or
    ``mean`` and ``log_scale``.
    """

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed = task, seed
        self._parts: dict[str, list[Held]] = {}

    def add(self, candidate: str, index: NDArray[np.int64], fold: int, prediction: Prediction) -> None:
        """Predictions of the records at ``index`` (positions in the run) by a model trained without them."""
        if len(index) * self.task.sites_per_record != len(prediction):
            raise ValueError(f"{len(prediction)} predictions for {len(index)} records")
        self._parts.setdefault(candidate, []).append((index, fold, prediction))

    @property
    def candidates(self) -> list[str]:
        """Those with any prediction, in the order they came."""
        return list(self._parts)

    def of(self, candidate: str) -> tuple[NDArray[np.int64], Prediction]:
        """All held-out records of a candidate in order of position, and their predictions."""
        return in_order(self._parts[candidate], self.task.sites_per_record)

    def held(self, candidate: str) -> list[Held]:
        """Positions, fold and predictions of what each fold held out."""
        return list(self._parts[candidate])

    def write(self, path: Path, ids: tuple[str, ...], given: dict[int, str]) -> None:
        """One Parquet file of all rows."""
        rows: dict[str, list[object]] = {k: [] for k in ("id", "fold", "seed", "candidate", "given")}
        values: dict[str, list[object]] = {}
        for candidate, parts in self._parts.items():
            for index, fold, prediction in parts:
                rows["id"] += [ids[i] for i in index]
                rows["fold"] += [fold] * len(index)
                rows["seed"] += [self.seed] * len(index)
                rows["candidate"] += [candidate] * len(index)
                rows["given"] += [given.get(int(i)) for i in index]
                for name, column in prediction_columns(prediction, len(index)).items():
                    values.setdefault(name, []).extend(column)
        table = pa.table(rows | values)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        atomic_write(path, sink.getvalue().to_pybytes())


def in_order(held: Sequence[Held], sites_per_record: int) -> tuple[NDArray[np.int64], Prediction]:
    """All held-out records by position, and their predictions."""
    index = np.concatenate([records for records, _, _ in held])
    order = np.argsort(index, kind="stable")
    prediction = concatenate([p for _, _, p in held])
    return index[order], prediction.take(sites_of(order, sites_per_record))


def prediction_columns(prediction: Prediction, records: int) -> dict[str, list[object]]:
    """JSON-like columns of a prediction, one entry a record."""
    if isinstance(prediction, Categorical):
        return {"log_p": list(prediction.log_p.double().cpu().reshape(records, -1).tolist())}
    assert isinstance(prediction, Normal)
    return {"mean": prediction.mean.double().tolist(), "log_scale": prediction.log_scale.double().tolist()}


def write_prediction(path: Path, prediction: Prediction, meta: dict[str, Any]) -> None:
    """One prediction with a little JSON beside it, as a safetensors file written atomically."""
    from safetensors.torch import save

    if isinstance(prediction, Categorical):
        tensors = {"log_p": prediction.log_p.cpu().contiguous()}
    else:
        tensors = {"mean": prediction.mean.cpu().contiguous(), "log_scale": prediction.log_scale.cpu().contiguous()}
    atomic_write(path, save(tensors, metadata={"meta": json.dumps(meta)}))


def read_prediction(path: Path) -> tuple[Prediction, dict[str, Any]]:
    """The inverse of `write_prediction`."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        meta = json.loads(file.metadata()["meta"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "log_p" in tensors:
        return Categorical(tensors["log_p"]), meta
    return Normal(tensors["mean"], tensors["log_scale"]), meta
