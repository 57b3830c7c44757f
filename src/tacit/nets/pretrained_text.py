"""A local Transformers or sentence-transformers folder as an encoder; weights come from safetensors only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from tacit.data.batch import Batch, Features
from tacit.errors import InputError
from tacit.nets.text import by_length
from tacit.nets.transformer import masked_mean

_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}


class PretrainedText(nn.Module):
    """A Transformers model and its pooling (mean, first token or maximum over present tokens).

    ``pooled`` is made from the last layer, as the folder says. ``local`` is the mean of the upper half of the
    layers: the last one is shaped by what the model was trained for, the middle ones know more of words and
    their order (Tenney et al. 2019).

    ``config`` is the JSON of the folder's ``config.json``: it builds the architecture without the folder.
    With ``normalise`` the pooled vector has the direction of the folder's own unit vector and length
    sqrt(width), so that heads see features of unit scale.
    """

    def __init__(
        self, config: dict[str, Any], pad_id: int, *, pooling: str = "mean", normalise: bool = False,
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.model = _load(folder) if folder is not None else _build(config)
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None  # its output is not read: no gradient, no weights to save
        self.width = int(self.model.config.hidden_size)
        self.pad_id = pad_id
        self.pooling = pooling
        self.normalise = normalise

    def forward(self, batch: Batch) -> Features:
        return by_length(batch["tokens"], self.pad_id, self._encode)

    def _encode(self, ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        attended = present.clone()
        attended[:, 0] = True
        out = self.model(input_ids=ids, attention_mask=attended.long(), output_hidden_states=True)
        pooled = self._pool(out.last_hidden_state, present)
        if self.normalise:
            pooled = normalize(pooled, dim=1) * self.width**0.5
        layers = out.hidden_states[1:]
        local = torch.stack(layers[len(layers) // 2 :]).mean(0)
        return pooled, local

    def _pool(self, local: Tensor, present: Tensor) -> Tensor:
        if self.pooling == "cls":
            return local[:, 0]
        if self.pooling == "max":
            hidden = local.masked_fill(~present.unsqueeze(2), -torch.inf).amax(1)
            return torch.where(present.any(1, keepdim=True), hidden, torch.zeros_like(hidden))
        return masked_mean(local, present)


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's ``config.json``; raises `InputError` where it or the safetensors weights are absent."""
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(f"The encoder folder {folder} has no config.json; give one saved by Transformers.")
    if not list(folder.glob("*.safetensors")):
        raise InputError(
            f"The encoder folder {folder} has no .safetensors weights; save the model again with "
            "save_pretrained (weights in pickle files are never read)."
        )
    return dict(json.loads(path.read_text(encoding="utf-8")))


def read_pooling(folder: Path) -> tuple[str, bool]:
    """How a sentence-transformers folder pools ("mean", "cls", "max"), else mean; whether it normalises."""
    modules = folder / "modules.json"
    if not modules.is_file():
        return "mean", False
    pooling, normalise = "mean", False
    for module in json.loads(modules.read_text(encoding="utf-8")):
        kind = str(module["type"]).rsplit(".", 1)[-1]
        if kind == "Normalize":
            normalise = True
        elif kind == "Pooling":
            path = folder / module["path"] / "config.json"
            pooling = _pooling(json.loads(path.read_text(encoding="utf-8")))
        elif kind != "Transformer":
            raise InputError(
                f"The encoder folder {folder} has a {kind} layer, which is not supported; give a folder with "
                "Transformer, Pooling and Normalize only."
            )
    return pooling, normalise


def _pooling(config: dict[str, Any]) -> str:
    if "pooling_mode" in config:
        named = config["pooling_mode"]
        chosen = [named] if isinstance(named, str) else list(named)
    else:
        on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
        chosen = [_POOLINGS.get(key, key) for key in on]
    known = [name for name in chosen if name in ("mean", "cls", "max")]
    if len(chosen) != 1 or not known:
        raise InputError(f"The encoder pools by {', '.join(chosen)}; supported is one of mean, cls and max.")
    return known[0]


def sha256_of(folder: Path) -> str:
    """Hash of the folder's safetensors files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def licence_of(folder: Path) -> str | None:
    """The licence that the folder's model card names in its header, or None."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    lines = card.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines[1:40] if lines and lines[0].strip() == "---" else []:
        if line.startswith("license:"):
            return line.split(":", 1)[1].strip() or None
    return None


def _load(folder: Path) -> Any:
    from transformers import AutoModel

    with _quiet():
        return AutoModel.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)


def _build(config: dict[str, Any]) -> Any:
    from transformers import AutoConfig, AutoModel

    kind = str(config["model_type"])
    rest = {key: value for key, value in config.items() if key != "model_type"}
    return AutoModel.from_config(AutoConfig.for_model(kind, **rest))


@contextmanager
def _quiet() -> Iterator[None]:
    """Transformers' loading bar and its table of unused keys say nothing to our users."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
