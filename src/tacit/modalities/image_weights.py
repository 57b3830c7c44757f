"""What the name of an image encoder stands for: the small one trained here, or one of timm's with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from tacit.modalities.base import Weights
from tacit.nets.image import SMALL
from tacit.nets.timm_encoder import find

PUBLISHED = "resnet18.a1_in1k"
"""What "auto" takes where its weights are at hand: small enough to be tuned on a CPU, trained on ImageNet-1k by
Wightman et al. 2021 ("ResNet strikes back", arXiv 2110.00476), under Apache-2.0."""
FROM = 64
"""Pixels of the shorter side from which published weights are worth it; below, their last map has a cell or two."""
LARGEST = 96
"""Pixels to which "auto" shrinks images for published weights: about 150 a second and core are encoded."""
_MOST_CHANNELS = 4
_SCRATCH = "small convolutional network, trained from scratch"


@dataclass(frozen=True)
class Choice:
    """An encoder's weights for the record, and the side to which images are resized; None keeps what they have."""

    weights: Weights
    side: int | None = None


def choose(name: str, side: int, channels: int) -> Choice:
    """Resolve "auto", "small", or a timm model as "timm:NAME" or NAME, for images of that shorter side in pixels.

    "auto" takes `PUBLISHED` for images of `FROM` pixels and more where its weights are in the local Hugging Face
    cache or within reach (never with HF_HUB_OFFLINE), else the small network; the note says which and why. Raises
    `InputError` for a name that timm does not know.
    """
    if name == SMALL:
        return _small("")
    if name != "auto":
        return _named(name.removeprefix("timm:"))
    if side < FROM:
        return _small(f": images below {FROM} pixels")
    if channels > _MOST_CHANNELS:
        return _small(f": published weights are for colour images, these have {channels} channels")
    found = _named(PUBLISHED)
    if not found.weights.pretrained:
        return _small(f": the weights of {PUBLISHED} are neither in the local cache nor within reach")
    return Choice(found.weights, min(side, LARGEST))


def _small(reason: str) -> Choice:
    return Choice(Weights(SMALL, pretrained=False, note=_SCRATCH + reason))


def _named(name: str) -> Choice:
    """A timm model; with weights it reads images of the size that they were trained on."""
    model = find(name)
    spec = f"timm:{model.name}"
    if model.file is None:
        note = f"timm's {model.name}, trained from scratch: no safetensors in the local cache or within reach"
        return Choice(Weights(spec, pretrained=False, note=note))
    licence, digest = model.licence, str(model.sha256)
    note = f"timm's {model.name} with the weights {model.hub}; licence {licence or 'not stated'}; sha256 {digest[:12]}"
    return Choice(Weights(spec, True, note, licence, digest), model.size)
