"""What is deployed: a predictor with its fitted modality and task, in a folder that needs nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from tacit.compare.blend import PARTS, Blend
from tacit.compare.candidate import Predictor
from tacit.compare.predictors import Reader
from tacit.compare.recipe import NetworkPredictor
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Categorical, Prediction
from tacit.data.records import Records
from tacit.data.task import Task, task_from_json
from tacit.errors import InputError
from tacit.listing import constants
from tacit.modalities.base import Modality, Prepared
from tacit.train.predict import embed, record_batches

FORMAT = 1
KINDS: dict[str, Any] = {**PARTS, Blend.kind: Blend}


def modalities() -> dict[str, type[Modality]]:
    """Every modality of the library by name."""
    return constants("tacit.modalities", "MODALITY")


class Model:
    """Predicts on new records in the original format. ``schema``: what samples must look like."""

    def __init__(
        self, candidate: str, predictor: Predictor, prepared: Prepared, task: Task, schema: dict[str, Any]
    ) -> None:
        self.candidate, self.predictor, self.prepared = candidate, predictor, prepared
        self.task, self.schema = task, schema

    def predict(self, records: Records) -> Prediction:
        """One prediction per site; records of another modality, shape or column set are an `InputError`."""
        return self.predictor(self.fitting(records))

    def fitting(self, records: Records) -> Records:
        """The records in the form the model was trained on, or an `InputError` that says why they cannot be."""
        if records.modality != self.prepared.name:
            raise InputError(
                f"the model was trained on {self.prepared.name} records, but {records.description} "
                f"is {records.modality}; give {self.prepared.name} records"
            )
        records = records.conform(self.schema)
        self.prepared.check(records)
        return records

    def embed(self, records: Records) -> NDArray[np.float32]:
        """(n, D) features: of the trained network, of the frozen encoder, or the plain ones."""
        records = self.fitting(records)
        if isinstance(self.predictor, NetworkPredictor):
            encoder = network_encoder(self.predictor.module)
            return embed(encoder, record_batches(records, self.prepared), self.prepared)
        pretrained = self.prepared.weights.pretrained
        bench = getattr(getattr(self.predictor, "reader", None), "bench", None)
        return np.asarray(Reader(self.prepared, "frozen" if pretrained else "plain", bench)(records))

    def release(self) -> None:
        """Let go of the run's pool and cached features, which a model needs no more once the run is over."""
        parts: list[Any] = [self.predictor]
        while parts:
            part = parts.pop()
            if hasattr(part, "bench"):
                part.bench = None
            parts += [*getattr(part, "parts", ()), *([part.reader] if hasattr(part, "reader") else [])]

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder, as JSON, safetensors and, for trees, skops."""
        self.predictor.save(folder)
        meta, tensors = self.prepared.state()
        state = {
            "format": FORMAT,
            "candidate": self.candidate,
            "kind": self.predictor.kind,
            "task": self.task.to_json(),
            "modality": self.prepared.name,
            "schema": self.schema,
            "prepared": meta,
        }
        atomic_write(folder / "prepared.safetensors", save({k: v.contiguous() for k, v in tensors.items()}))
        atomic_write(folder / "model.json", json.dumps(state, indent=1))

    @staticmethod
    def load(folder: Path) -> Model:
        """The inverse of `save`. A folder that holds no model is an `InputError`."""
        path = folder / "model.json"
        if not path.exists():
            raise InputError(f"{folder} holds no model of tacit; give the folder of a finished run")
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            if state["format"] != FORMAT:
                raise InputError(f"{path} has format {state['format']}; this version of tacit reads format {FORMAT}")
            modality: Any = modalities()[state["modality"]]
            prepared = modality.prepared.from_state(state["prepared"], load_file(folder / "prepared.safetensors"))
            task = task_from_json(state["task"])
            predictor = KINDS[state["kind"]].load(folder, prepared, task)
        except (KeyError, TypeError, ValueError, OSError, RuntimeError, SafetensorError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"the model in {folder} cannot be read: {error}; train it again") from error
        return Model(state["candidate"], predictor, prepared, task, state["schema"])


def network_encoder(module: torch.nn.Module) -> torch.nn.Module:
    """The part of a trained network that returns `Features`."""
    for name in ("encoder", "backbone"):
        if isinstance(part := getattr(module, name, None), torch.nn.Module):
            return part
    return module


def doubt(prediction: Prediction) -> NDArray[np.float64]:
    """(sites,) from 0 (sure) to 1: one minus the largest probability; for numbers the standard deviation."""
    if isinstance(prediction, Categorical):
        return (1 - prediction.p.amax(dim=1)).double().numpy()
    return prediction.log_scale.exp().double().numpy()
