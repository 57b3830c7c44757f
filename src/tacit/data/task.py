"""What is predicted: how many outputs a head has, and how its outputs become a `Prediction` over sites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid

from tacit.data.prediction import Categorical, Normal, Prediction


@dataclass(frozen=True)
class Classes:
    """One of C exclusive classes per record: one categorical site per record."""

    names: tuple[str, ...]

    @property
    def outputs(self) -> int:
        return len(self.names)

    @property
    def sites_per_record(self) -> int:
        return 1

    def prediction(self, outputs: Tensor) -> Prediction:
        """(B, C) logits to `Categorical` over B sites."""
        return Categorical(log_softmax(_precise(outputs), dim=1))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "classes", "names": list(self.names)}


@dataclass(frozen=True)
class MultiLabel:
    """Any subset of K labels per record: K two-class sites per record, in record order."""

    names: tuple[str, ...]

    @property
    def outputs(self) -> int:
        return len(self.names)

    @property
    def sites_per_record(self) -> int:
        return len(self.names)

    def prediction(self, outputs: Tensor) -> Prediction:
        """(B, K) logits to `Categorical` over B * K sites of (absent, present)."""
        flat = _precise(outputs).reshape(-1, 1)
        return Categorical(logsigmoid(flat * flat.new_tensor([-1.0, 1.0])))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "multilabel", "names": list(self.names)}


@dataclass(frozen=True)
class Masks:
    """One of C exclusive classes for every pixel: ``height`` x ``width`` sites per record, row by row."""

    names: tuple[str, ...]
    height: int
    width: int

    @property
    def outputs(self) -> int:
        return len(self.names)

    @property
    def sites_per_record(self) -> int:
        return self.height * self.width

    def prediction(self, outputs: Tensor) -> Prediction:
        """(B, C, height, width) logits to `Categorical` over B * height * width sites."""
        rows = _precise(outputs).permute(0, 2, 3, 1).reshape(-1, len(self.names))
        return Categorical(log_softmax(rows, dim=1))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "masks", "names": list(self.names), "height": self.height, "width": self.width}


@dataclass(frozen=True)
class Number:
    """One number per record. The head works in units of ``scale`` around ``centre``."""

    centre: float = 0.0
    scale: float = 1.0

    @property
    def outputs(self) -> int:
        return 2

    @property
    def sites_per_record(self) -> int:
        return 1

    def prediction(self, outputs: Tensor) -> Prediction:
        """(B, 2) standardised mean and log standard deviation to `Normal` over B sites."""
        outputs = _precise(outputs)
        log_scale = outputs[:, 1].clamp(-5.0, 5.0) + math.log(self.scale)
        return Normal(outputs[:, 0] * self.scale + self.centre, log_scale)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", "centre": self.centre, "scale": self.scale}


Task = Classes | MultiLabel | Masks | Number


def task_from_json(state: dict[str, Any]) -> Task:
    """The inverse of ``to_json``."""
    match state["kind"]:
        case "classes":
            return Classes(tuple(state["names"]))
        case "multilabel":
            return MultiLabel(tuple(state["names"]))
        case "masks":
            return Masks(tuple(state["names"]), _pixels(state["height"]), _pixels(state["width"]))
        case "number":
            return Number(float(state["centre"]), float(state["scale"]))
        case kind:
            raise ValueError(f"unknown kind of task {kind!r}")


def _pixels(size: Any) -> int:
    if type(size) is not int or size < 1:
        raise ValueError(f"a mask of {size!r} pixels on a side")
    return size


def _precise(outputs: Tensor) -> Tensor:
    """Half precision becomes float32; double stays, because heads on features are fitted in it."""
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))
