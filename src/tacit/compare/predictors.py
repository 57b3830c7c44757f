"""Predictors on fixed features: what heads, neighbours and trees leave behind, saved as arrays or through skops."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tacit.compare.workbench import Workbench, dense_features
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Prediction
from tacit.data.records import Records
from tacit.data.task import Classes, Number, Task
from tacit.engines.features import Linear, Neighbours
from tacit.modalities.base import Prepared
from tacit.train.predict import embed, read_features, record_batches

Kind = Literal["frozen", "plain", "tfidf", "readings"]
"""What a predictor reads: the frozen encoder's embedding, plain dense features, a sparse TF-IDF matrix, or several
readings side by side."""

TRUSTED = [
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "numpy.dtype",
    "functools.partial",
]
"""The only types that a saved estimator may hold beyond skops' own list."""


class Reader:
    """Reads a predictor's features from records; holds the frozen encoder where one is needed."""

    def __init__(
        self, prepared: Prepared, kind: Kind, bench: Workbench | None = None, names: Sequence[str] = ()
    ) -> None:
        """``names``: the readings, for that kind."""
        self.prepared, self.kind, self.names = prepared, kind, tuple(names)
        self.bench = bench
        self._encoder: nn.Module | None = None

    def __call__(self, records: Records) -> Any:
        """(n, D) float32, or a sparse matrix of TF-IDF weights."""
        if self.kind == "tfidf":
            tfidf: Any = self.prepared
            return tfidf.tfidf(records.gather())
        if self.kind == "readings":
            return side_by_side(self._readings(records), self.names)
        if self.kind == "frozen" and self.bench is not None:
            return self.bench.features(records)
        if self.kind == "frozen":
            return embed(self.encoder(), record_batches(records, self.prepared), self.prepared)
        blocks = [self.prepared.plain(samples) for samples in records.blocks(4096)]
        return np.concatenate(blocks).astype(np.float32)

    def _readings(self, records: Records) -> dict[str, NDArray[np.float32]]:
        if self.bench is not None:
            return self.bench.readings(records)
        readings = dense_features(records, self.prepared)
        if self._needs_encoder:
            readings |= read_features(self.encoder(), record_batches(records, self.prepared), self.prepared)
        return readings

    @property
    def _needs_encoder(self) -> bool:
        return self.kind == "frozen" or (self.kind == "readings" and self.prepared.weights.pretrained)

    def encoder(self) -> nn.Module:
        """The frozen encoder with its weights."""
        if self._encoder is None:
            self._encoder = self.prepared.encoder().requires_grad_(False)
        return self._encoder

    def save(self, folder: Path) -> None:
        """The kind, and the encoder's weights so that the model needs nothing outside its folder."""
        atomic_write(folder / "reader.json", json.dumps({"kind": self.kind, "names": self.names}))
        if self._needs_encoder:
            state = {k: v.detach().cpu().contiguous().clone() for k, v in self.encoder().state_dict().items()}
            atomic_write(folder / "encoder.safetensors", save(state))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared) -> Self:
        """The inverse of `save`."""
        meta = json.loads((folder / "reader.json").read_text())
        reader = cls(prepared, meta["kind"], None, meta.get("names", ()))
        if reader._needs_encoder:
            reader._encoder = prepared.encoder(pretrained=False).requires_grad_(False)
            reader._encoder.load_state_dict(load_file(folder / "encoder.safetensors"))
        return reader


def side_by_side(readings: Mapping[str, NDArray[np.float32]], names: Sequence[str]) -> NDArray[np.float32]:
    """The named readings, (n, D) each, in one matrix."""
    return np.concatenate([readings[name] for name in names], axis=1)


class LinearPredictor:
    """A linear head on features."""

    kind: ClassVar[str] = "linear"

    def __init__(self, reader: Reader, task: Task, head: Linear) -> None:
        self.reader, self.task, self.head = reader, task, head

    def __call__(self, records: Records) -> Prediction:
        return self.task.prediction(self.head(self.reader(records)))

    def save(self, folder: Path) -> None:
        self.reader.save(folder)
        atomic_write(folder / "head.safetensors", save({k: v.contiguous() for k, v in self.head.tensors().items()}))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        return cls(Reader.load(folder, prepared), task, Linear.of(**load_file(folder / "head.safetensors")))


class SparseLinearPredictor:
    """A linear head on a sparse TF-IDF matrix."""

    kind: ClassVar[str] = "sparse-linear"

    def __init__(self, reader: Reader, task: Task, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self.reader, self.task, self.weight, self.bias = reader, task, weight, bias

    def __call__(self, records: Records) -> Prediction:
        outputs = np.asarray(self.reader(records) @ self.weight + self.bias, dtype=np.float32)
        return self.task.prediction(torch.from_numpy(outputs))

    def save(self, folder: Path) -> None:
        self.reader.save(folder)
        tensors = {"weight": torch.from_numpy(self.weight), "bias": torch.from_numpy(self.bias)}
        atomic_write(folder / "head.safetensors", save(tensors))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        head = load_file(folder / "head.safetensors")
        return cls(Reader.load(folder, prepared), task, head["weight"].numpy(), head["bias"].numpy())


class NeighboursPredictor:
    """Spread label distributions, read by nearest neighbours."""

    kind: ClassVar[str] = "neighbours"

    def __init__(self, reader: Reader, task: Task, head: Neighbours, centre: Tensor, scale: Tensor) -> None:
        self.reader, self.task, self.head, self.centre, self.scale = reader, task, head, centre, scale

    def __call__(self, records: Records) -> Prediction:
        features = (torch.from_numpy(self.reader(records)) - self.centre) / self.scale
        return self.task.prediction(self.head(features.numpy()))

    def save(self, folder: Path) -> None:
        self.reader.save(folder)
        atomic_write(folder / "head.json", json.dumps({"k": self.head.k}))
        tensors = {
            "points": torch.from_numpy(self.head.points),
            "distributions": torch.from_numpy(self.head.distributions),
            "centre": self.centre,
            "scale": self.scale,
        }
        atomic_write(folder / "head.safetensors", save({k: v.contiguous() for k, v in tensors.items()}))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        tensors = load_file(folder / "head.safetensors")
        k = int(json.loads((folder / "head.json").read_text())["k"])
        head = Neighbours(tensors["points"].numpy(), tensors["distributions"].numpy(), k)
        return cls(Reader.load(folder, prepared), task, head, tensors["centre"], tensors["scale"])


class EstimatorPredictor:
    """A scikit-learn estimator on features. ``present``: class numbers of the estimator's columns."""

    kind: ClassVar[str] = "estimator"

    def __init__(self, reader: Reader, task: Task, estimator: Any, present: NDArray[np.int64], spread: float) -> None:
        self.reader, self.task, self.estimator = reader, task, estimator
        self.present, self.spread = present, spread

    def __call__(self, records: Records) -> Prediction:
        features = self.reader(records)
        if isinstance(self.task, Number):
            mean = (np.asarray(self.estimator.predict(features)) - self.task.centre) / self.task.scale
            log_scale = np.full(len(mean), np.log(max(self.spread, 1e-6) / self.task.scale))
            return self.task.prediction(torch.from_numpy(np.stack([mean, log_scale], axis=1).astype(np.float32)))
        assert isinstance(self.task, Classes)
        p = np.full((len(records), self.task.outputs), 1e-6, dtype=np.float32)
        p[:, self.present] += self.estimator.predict_proba(features).astype(np.float32)
        return self.task.prediction(torch.from_numpy(np.log(p)))

    def save(self, folder: Path) -> None:
        import skops.io

        self.reader.save(folder)
        atomic_write(folder / "head.json", json.dumps({"present": self.present.tolist(), "spread": self.spread}))
        atomic_write(folder / "estimator.skops", skops.io.dumps(self.estimator))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        import skops.io

        meta = json.loads((folder / "head.json").read_text())
        estimator = skops.io.load(folder / "estimator.skops", trusted=TRUSTED)
        present = np.array(meta["present"], dtype=np.int64)
        return cls(Reader.load(folder, prepared), task, estimator, present, float(meta["spread"]))
