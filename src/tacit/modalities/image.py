"""Images: uint8 (or float) pixels in, views by one affine map and one resampling, a small network or any of timm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn.functional import interpolate, unfold

from tacit.data.batch import Affine, Batch, Tokens, View
from tacit.data.records import Records, Samples
from tacit.errors import InputError
from tacit.modalities.base import Weights
from tacit.modalities.image_shape import FULL, Geometry, fit_size, fixed_size, own_size, to_tensor, with_statistics
from tacit.modalities.image_views import STRONG, WEAK, Policy, change, erase, nearby_matrices, resample
from tacit.modalities.image_weights import LARGEST, choose
from tacit.nets.image import SMALL, SmallEncoder, grid_positions
from tacit.nets.timm_encoder import TimmEncoder, find

_PLAIN = 3072
_BLOCK = 1 << 18
_OPTIONS = ("flip", "padding", "size")


class PreparedImage:
    """Images of one size as ``Batch({"pixels": (B, C, H, W)})``: uint8 where the records are, else float32."""

    name: ClassVar[str] = "image"
    geometry: ClassVar[str] = "affine"

    def __init__(self, shape: Geometry, weights: Weights, *, weak: Policy = WEAK, strong: Policy = STRONG) -> None:
        self.shape = shape
        self.weights = weights
        self.weak_policy = weak
        self.strong_policy = strong
        self._mean = torch.tensor(shape.mean).reshape(1, -1, 1, 1)
        self._std = torch.tensor(shape.std).reshape(1, -1, 1, 1)

    def check(self, records: Records) -> None:
        """Refuse another modality, number type, number of channels or (where all had one size) another size."""
        if records.modality != self.name:
            raise InputError(f"these records are {records.modality}, the model was made for images.")
        schema, shape = records.schema, self.shape
        if schema["dtype"] != shape.dtype:
            raise InputError(
                f"these images hold {schema['dtype']} values, the model was made for {shape.dtype}; convert them."
            )
        if schema["channels"] != shape.channels:
            raise InputError(
                f"these images have {schema['channels']} channels, the model was made for {shape.channels}; "
                "convert them to the same colour mode."
            )
        if shape.fixed and fixed_size(schema) != shape.size:
            found = "several sizes" if fixed_size(schema) is None else "{} x {} pixels".format(*schema["size"])
            raise InputError(
                f"these images have {found}, the model was made for {shape.size[0]} x {shape.size[1]}; resize them."
            )

    def collate(self, samples: Samples) -> Batch:
        """List of (H, W, C) arrays to pixels; images of other sizes are resized and cropped at the centre."""
        images = cast("list[NDArray[Any]]", samples)
        if not images:
            kind = torch.uint8 if self.shape.dtype == "uint8" else torch.float32
            return Batch({"pixels": torch.zeros((0, self.shape.channels, *self.shape.size), dtype=kind)})
        if all(image.shape[:2] == self.shape.size for image in images):
            pixels = to_tensor(np.stack(images)).permute(0, 3, 1, 2).contiguous()
        else:
            pixels = torch.stack([fit_size(to_tensor(image), self.shape.size) for image in images])
        return Batch({"pixels": pixels if self.shape.dtype == "uint8" else pixels.float()})

    def clean(self, batch: Batch) -> Batch:
        """Standardised pixels, float32, channels last in memory."""
        pixels = self._standardise(self._unit(batch["pixels"]))
        return batch.replace(pixels=pixels.contiguous(memory_format=torch.channels_last))

    def weak(self, batch: Batch, rng: Generator) -> View:
        """A small shift, turn, zoom and shear."""
        return self._view(batch, self.weak_policy, rng)

    def strong(self, batch: Batch, rng: Generator) -> View:
        """RandAugment's kind of view: large geometry and colour changes, each for a share of images, and cutout."""
        return self._view(batch, self.strong_policy, rng)

    def nearby(self, batch: Batch, most: int) -> Iterator[Batch]:
        """At most ``most`` fixed small changes of the whole batch, the unchanged one among them, each a clean view."""
        unit = self._unit(batch["pixels"])
        for matrix in nearby_matrices(most, *self.shape.size):
            changed = resample(unit, matrix.to(unit.device).expand(len(unit), -1, -1), self.shape.padding)
            yield batch.replace(pixels=self._standardise(changed))

    def tokens(self, batch: Batch) -> Tokens:
        """Square patches, 4 x 4 or more of them: values (B, N, P * P * C) of clean pixels, positions in [-1, 1]."""
        pixels = self._standardise(self._unit(batch["pixels"]))
        height, width = self.shape.size
        side = max(1, min(height, width) // 8) if min(height, width) >= 16 else max(1, min(height, width) // 4)
        values = unfold(pixels, side, stride=side).transpose(1, 2)
        positions = grid_positions(height // side, width // side, pixels.device)
        padding = torch.zeros(values.shape[:2], dtype=torch.bool, device=pixels.device)
        return Tokens(values, positions.expand(len(values), -1, -1), padding)

    def encoder(self, pretrained: bool = True) -> nn.Module:
        """The network of ``weights.spec``, for `clean` or changed batches of these images."""
        if self.weights.spec == SMALL:
            return SmallEncoder(self.shape.channels, self.shape.size)
        wanted = pretrained and self.weights.pretrained
        model = find(self.weights.spec.removeprefix("timm:"), weights=wanted)
        if wanted and model.sha256 != self.weights.sha256:
            raise InputError(f"the weights of {model.name} are gone or others now; connect to the network.")
        return TimmEncoder(model.name, self.shape.channels, self.shape.size, model.file if wanted else None)

    def plain(self, samples: Samples) -> NDArray[np.float32]:
        """Standardised pixels in one row per image, averaged down to at most 3,072 numbers."""
        pixels = self._unit(self.collate(samples)["pixels"])
        _, channels, height, width = pixels.shape
        shrink = min(1.0, (_PLAIN / (channels * height * width)) ** 0.5)
        size = (max(1, int(height * shrink)), max(1, int(width * shrink)))
        if size != (height, width):
            pixels = interpolate(pixels, size, mode="area")
        flat = ((pixels - self._mean) / self._std).flatten(1)
        return cast("NDArray[np.float32]", flat.numpy().astype(np.float32))

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """JSON only: shape, weights' record and both policies."""
        return {
            "shape": asdict(self.shape),
            "weights": self.weights.to_json(),
            "weak": asdict(self.weak_policy),
            "strong": asdict(self.strong_policy),
        }, {}

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        shape = meta["shape"]
        pairs = {name: tuple(shape[name]) for name in ("size", "mean", "std")}
        return cls(
            Geometry(**{**shape, **pairs}),
            Weights(**meta["weights"]),
            weak=Policy(**meta["weak"]),
            strong=Policy(**meta["strong"]),
        )

    def _unit(self, pixels: Tensor) -> Tensor:
        """Values between 0 and 1 where the records' were between ``low`` and ``high``."""
        return (pixels.float() - self.shape.low) * (1 / (self.shape.high - self.shape.low))

    def _standardise(self, pixels: Tensor) -> Tensor:
        """In place: callers hand over a tensor of their own."""
        mean, std = self._mean.to(pixels.device), self._std.to(pixels.device)
        return pixels.sub_(mean).div_(std)

    def _view(self, batch: Batch, policy: Policy, rng: Generator) -> View:
        """The view in blocks that stay in a processor's cache; on a GPU in one piece."""
        pixels = batch["pixels"]
        block = max(1, _BLOCK // pixels[0].numel()) if pixels.device.type == "cpu" and len(pixels) else len(pixels)
        images, matrices = [], []
        for part in torch.split(pixels, max(1, block)):
            changed, matrix = change(self._unit(part), policy, rng, padding=self.shape.padding, flip=self.shape.flip)
            changed = self._standardise(changed)
            changed = erase(changed, policy.erase, rng) if policy.erase else changed
            images.append(changed.contiguous(memory_format=torch.channels_last))
            matrices.append(matrix)
        return View(batch.replace(pixels=torch.cat(images)), Affine(torch.cat(matrices)))


class ImageModality:
    """Fits `PreparedImage`: size, channels, value range and per-channel mean and deviation."""

    name: ClassVar[str] = "image"
    prepared: ClassVar[type[PreparedImage]] = PreparedImage

    def fit(self, records: Records, encoder: str = "auto", *, options: dict[str, Any] | None = None) -> PreparedImage:
        """``options``: ``flip`` (mirror views, default False), ``padding`` ("border", "reflection" or "zeros")
        and ``size`` (side in pixels). ``encoder``: "auto", "small", or a timm model as "timm:NAME" or NAME.
        """
        options = dict(options or {})
        for key in options:
            if key not in _OPTIONS:
                raise InputError(f"unknown image option {key!r}. Known are: {', '.join(_OPTIONS)}.")
        schema = records.schema
        original = fixed_size(schema)
        asked = int(options.get("size", 0))
        side = asked or min(original or own_size(records, None, LARGEST))
        choice = choose(encoder, side, int(schema["channels"]))
        wanted = asked or choice.side
        size = (wanted, wanted) if wanted else own_size(records, original)
        shape = Geometry(
            channels=int(schema["channels"]),
            dtype=str(schema["dtype"]),
            size=size,
            fixed=original == size,
            low=0.0,
            high=FULL.get(str(schema["dtype"]), 1.0),
            mean=(0.0,) * int(schema["channels"]),
            std=(1.0,) * int(schema["channels"]),
            flip=bool(options.get("flip", False)),
            padding=str(options.get("padding", "border")),
        )
        return PreparedImage(with_statistics(shape, records), choice.weights)


MODALITY = ImageModality
