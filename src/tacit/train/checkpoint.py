"""Checkpoints: one safetensors file, written atomically, from which a stage goes on bit for bit.

Every batch and every view is a function of (seed, step), so the step number stands for the state of all
generators; weights, buffers, per-record memory and the optimiser's moments are the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from tacit.data.atomic import atomic_write


def write_checkpoint(path: Path, method: nn.Module, optimizer: Optimizer, meta: dict[str, Any]) -> None:
    """Everything a stage needs to go on; ``meta`` is JSON."""
    tensors = {f"method.{k}": v.detach().cpu().contiguous().clone() for k, v in method.state_dict().items()}
    state = optimizer.state_dict()
    for number, entries in state["state"].items():
        for key, value in entries.items():
            if value is not None:
                tensors[f"optimizer.{number}.{key}"] = torch.as_tensor(value).detach().cpu().contiguous().clone()
    atomic_write(path, save(tensors, metadata={"meta": json.dumps(meta)}))


def read_checkpoint(path: Path, method: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Restore ``method`` and ``optimizer`` in place; returns the JSON."""
    with safe_open(path, framework="pt") as file:
        meta: dict[str, Any] = json.loads(file.metadata()["meta"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    method.load_state_dict({k.removeprefix("method."): v for k, v in tensors.items() if k.startswith("method.")})
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    _lay_out(optimizer)
    return meta


def _lay_out(optimizer: Optimizer) -> None:
    """Give every moment the memory layout of its parameter, as it has when made: sums in another order round anew."""
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[key] = torch.empty_like(parameter).copy_(value)
