"""Any model of timm as an encoder, with its published weights where they are at hand as safetensors."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from torch import Tensor, nn

from tacit.data.batch import Batch, Features
from tacit.errors import InputError
from tacit.listing import nearest
from tacit.nets.image import grid_positions

_FILE = "model.safetensors"


@dataclass(frozen=True)
class TimmModel:
    """A timm model and its weights: ``file`` is None where they are neither cached nor within reach."""

    name: str
    size: int
    file: Path | None
    hub: str | None
    licence: str | None

    @cached_property
    def sha256(self) -> str | None:
        return None if self.file is None else hashlib.sha256(self.file.read_bytes()).hexdigest()


def find(name: str, *, weights: bool = True) -> TimmModel:
    """Look a timm model up. Its safetensors come from the local cache, or from the hub if that answers.

    Raises:
        InputError: timm knows no such model or weights; the message names the nearest model.
    """
    import timm

    known = timm.list_models()
    architecture, _, tag = name.partition(".")
    if architecture not in known:
        raise InputError(f"unknown encoder {name!r}. {nearest(name, [*known, 'auto', 'small'])}")
    tags = [str(full).partition(".")[2] for full in timm.list_pretrained(architecture + "*")]
    if tag and tag not in tags:
        raise InputError(f"timm's {architecture!r} has no weights named {tag!r}. Leave out what follows the dot.")
    config: Any = timm.get_pretrained_cfg(name)
    if config is None:
        return TimmModel(name, 224, None, None, None)
    hub = str(config.hf_hub_id) if config.hf_hub_id else None
    file = _weights_file(hub) if weights and hub else None
    return TimmModel(name, int(config.input_size[-1]), file, hub, config.license)


class TimmEncoder(nn.Module):
    """A timm model without its classifier. ``local`` are the cells of its last map or its patch tokens."""

    def __init__(self, name: str, channels: int, size: tuple[int, int], file: Path | None = None) -> None:
        """``file`` holds the weights to start from; timm adapts its first convolution to ``channels``."""
        super().__init__()
        self.model = _create(name, channels, size, file).to(memory_format=torch.channels_last)
        with torch.no_grad():
            was = self.model.training
            self.width = int(self.model.eval()(torch.zeros(1, channels, *size)).shape[1])
            self.model.train(was)

    def forward(self, batch: Batch) -> Features:
        """Standardised pixels (B, C, H, W) to pooled (B, D), local (B, N, D') and, on a grid, positions."""
        found = self.model.forward_features(batch["pixels"])
        pooled = self.model.forward_head(found, pre_logits=True)
        if found.ndim == 3:
            tokens = found[:, int(getattr(self.model, "num_prefix_tokens", 0)) :]
            rows, columns = getattr(getattr(self.model, "patch_embed", None), "grid_size", (0, 0))
            known = rows * columns == tokens.shape[1]
            return Features(pooled, tokens, _grid(tokens, rows, columns) if known else None)
        if found.ndim != 4:
            return Features(pooled)
        if found.shape[1] != self.model.num_features:  # Swin and its kin keep the channels last
            found = found.permute(0, 3, 1, 2)
        tokens = found.flatten(2).transpose(1, 2)
        return Features(pooled, tokens, _grid(tokens, found.shape[2], found.shape[3]))


def _grid(tokens: Tensor, height: int, width: int) -> Tensor:
    return grid_positions(height, width, tokens.device).expand(len(tokens), -1, -1)


def _create(name: str, channels: int, size: tuple[int, int], file: Path | None) -> Any:
    """The model for images of ``size``: networks with fixed positions need it, the others refuse the argument."""
    import timm

    settings: dict[str, Any] = {"num_classes": 0, "in_chans": channels}
    if file is not None:
        settings |= {"pretrained": True, "pretrained_cfg_overlay": {"file": str(file)}}
    try:
        return timm.create_model(name, img_size=size, **settings)
    except TypeError:
        return timm.create_model(name, **settings)


def _weights_file(hub: str) -> Path | None:
    """Only safetensors: older formats would have to be unpickled."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    cached = huggingface_hub.try_to_load_from_cache(hub, _FILE)
    if isinstance(cached, str):
        return Path(cached)
    if huggingface_hub.constants.HF_HUB_OFFLINE or not _within_reach(huggingface_hub.constants.ENDPOINT):
        return None
    try:
        return Path(huggingface_hub.hf_hub_download(hub, _FILE, etag_timeout=3))
    except (HfHubHTTPError, OSError):
        return None


def _within_reach(endpoint: str) -> bool:
    """Asked first because the hub's client retries for half a minute; behind a proxy only the client can tell."""
    if getproxies().get("https"):
        return True
    try:
        socket.create_connection((str(urlsplit(endpoint).hostname), 443), timeout=2).close()
    except OSError:
        return False
    return True
