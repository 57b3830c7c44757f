"""Bags as records: a set of instances, each a vector of numbers, of which only the whole is labelled."""

from __future__ import annotations

from math import inf
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tacit.data.batch import Batch, Positions, Tokens, View
from tacit.data.records import Records, Samples
from tacit.errors import InputError
from tacit.listing import pick
from tacit.modalities.base import Weights, setting
from tacit.nets.pooled import SetEncoder

# Mean shares of instances that the weak and the strong view leave out, and mean deviations of the normal noise on
# standardised numbers; every bag draws its own between 0 and twice the mean. An instance that is left out may be the
# one that decides, and then the label is wrong: shares are small, and noise does the work (docs/decisions.md). Larger
# bags than ``instances`` are thinned to so many, evenly.
DEFAULTS: dict[str, float] = {
    "weak_drop": 0.0, "weak_noise": 0.1, "strong_drop": 0.05, "strong_noise": 0.5, "instances": 2048,
}  # fmt: skip
RANGES = {
    "weak_drop": (0.0, 1.0), "weak_noise": (0.0, inf), "strong_drop": (0.0, 1.0), "strong_noise": (0.0, inf),
    "instances": (1.0, inf),
}  # fmt: skip
NOTES = {
    "attention": "an MLP on each instance and gated attention over the bag, trained from scratch on these bags",
    "mean": "an MLP on each instance and their mean, trained from scratch on these bags",
    "max": "an MLP on each instance and their maximum, trained from scratch on these bags",
}
_FARTHEST = 10.0  # standard deviations at which a number is cut off


class SetPrepared:
    """Bags as ``instances`` (B, N, D) float32, standardised and padded with zeros, and ``present`` (B, N) bool.

    D counts the columns and a flag for each column with gaps. A batch is as long as its largest bag.
    """

    name: ClassVar[str] = "set"
    geometry: ClassVar[str] = "positions"

    def __init__(self, spec: str, centre: Tensor, scale: Tensor, gaps: Tensor, settings: dict[str, float]) -> None:
        """``centre``, ``scale`` (columns,) float64; ``gaps`` (columns,) bool."""
        self.weights = Weights(spec, pretrained=False, note=NOTES[spec])
        self.settings = settings
        self._centre, self._scale, self._gaps = centre, scale, gaps

    @property
    def columns(self) -> int:
        """How many numbers an instance is given by."""
        return len(self._centre)

    def check(self, records: Records) -> None:
        """Refuse another modality or another number of columns."""
        if records.modality != self.name:
            raise InputError(f"these records are of modality {records.modality!r}, the model was made for bags.")
        if (found := len(records.schema["columns"])) != self.columns:
            raise InputError(f"these instances have {found} columns, the model was made for {self.columns}.")

    def collate(self, samples: Samples) -> Batch:
        """A list of (instances, columns) arrays, NaN missing."""
        return self.pad(self.rows(samples), self.sizes(samples))

    def sizes(self, samples: Samples) -> Tensor:
        """(B,) int64, how many instances each bag keeps."""
        return torch.tensor([min(len(bag), self._most) for bag in _bags(samples)], dtype=torch.int64)

    def rows(self, samples: Samples) -> Batch:
        """The instances that are kept of all bags, (instances, D), one bag after the other."""
        bags = [_thinned(bag, self._most) for bag in self._standardised(samples)]
        nothing = np.zeros((0, self._width), dtype=np.float32)
        return Batch({"instances": torch.from_numpy(np.concatenate([nothing, *bags]))})

    def pad(self, rows: Batch, sizes: Tensor) -> Batch:
        """The batch of bags of these ``sizes`` (B,), as long as its largest."""
        places = int(sizes.max()) if len(sizes) else 0
        present = torch.arange(places) < sizes[:, None]
        instances = torch.zeros((len(sizes), places, self._width))
        instances[present] = rows["instances"]
        return Batch({"instances": instances, "present": present})

    def clean(self, batch: Batch) -> Batch:
        """No longer than its largest bag."""
        places = int(batch["present"].sum(dim=1).max()) if len(batch) else 0
        return Batch({name: tensor[:, :places] for name, tensor in batch.tensors.items()})

    def weak(self, batch: Batch, rng: Generator) -> View:
        """A little noise."""
        return self._view(batch, rng, self.settings["weak_drop"], self.settings["weak_noise"])

    def strong(self, batch: Batch, rng: Generator) -> View:
        """Much noise, and a few instances left out."""
        return self._view(batch, rng, self.settings["strong_drop"], self.settings["strong_noise"])

    def tokens(self, batch: Batch) -> Tokens:
        """One token an instance, (B, N, D)."""
        present = batch["present"]
        positions = torch.arange(present.shape[1], device=present.device).expand_as(present)
        return Tokens(batch["instances"], positions, ~present)

    def encoder(self, pretrained: bool = True) -> nn.Module:
        """A new network, always from scratch."""
        return SetEncoder(self._width, self.weights.spec)

    def plain(self, samples: Samples) -> NDArray[np.float32]:
        """(n, 4 D) mean, least, largest and standard deviation of each number over the bag."""
        rows = [
            np.concatenate([bag.mean(axis=0), bag.min(axis=0), bag.max(axis=0), bag.std(axis=0)])
            for bag in self._standardised(samples)
        ]
        return np.stack(rows).astype(np.float32) if rows else np.zeros((0, 4 * self._width), dtype=np.float32)

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        meta: dict[str, Any] = {"encoder": self.weights.spec, "settings": self.settings}
        return meta, {"centre": self._centre, "scale": self._scale, "gaps": self._gaps}

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        return cls(meta["encoder"], settings=meta["settings"], **tensors)

    @property
    def _width(self) -> int:
        return self.columns + int(self._gaps.sum())

    @property
    def _most(self) -> int:
        return int(self.settings["instances"])

    def _standardised(self, samples: Samples) -> list[NDArray[np.float32]]:
        """Each bag (n, D): missing numbers at the mean, with a flag where the column is known to have gaps."""
        gaps = self._gaps.numpy()
        found = []
        for bag in _bags(samples):
            if bag.shape[1] != self.columns:
                raise InputError(f"these instances have {bag.shape[1]} columns, the model reads {self.columns}.")
            missing = np.isnan(bag)
            scaled = (bag - self._centre.numpy()) / self._scale.numpy()
            known = np.where(missing, 0.0, scaled.clip(-_FARTHEST, _FARTHEST))
            found.append(np.concatenate([known, missing[:, gaps]], axis=1, dtype=np.float32, casting="unsafe"))
        return found

    def _view(self, batch: Batch, rng: Generator, drop: float, noise: float) -> View:
        batch = self.clean(batch)
        present, instances = batch["present"], batch["instances"]
        chance, rate, amount = (
            torch.rand(shape, generator=rng, device=rng.device)
            for shape in (present.shape, (len(batch), 1), (len(batch), 1, 1))
        )
        # the luckiest instance of a bag always stays
        luckiest = chance.masked_fill(~present, -1.0).amax(dim=1, keepdim=True)
        kept = present & ((chance >= 2 * drop * rate) | (chance == luckiest))
        numbers = torch.randn((*present.shape, self.columns), generator=rng, device=rng.device)
        jitter = nn.functional.pad(2 * noise * amount * numbers, (0, instances.shape[2] - self.columns))
        changed = (instances + jitter).masked_fill(~kept.unsqueeze(2), 0.0)
        places = torch.arange(present.shape[1], device=present.device).expand_as(present)
        return View(Batch({"instances": changed, "present": kept}), Positions(places.masked_fill(~kept, -1)))


class SetModality:
    """Fits the moments of the columns to all records, labelled or not."""

    name: ClassVar[str] = "set"
    prepared: ClassVar[type[Any]] = SetPrepared

    def fit(self, records: Records, encoder: str = "auto", *, options: dict[str, Any] | None = None) -> SetPrepared:
        """``encoder``: "auto" (attention), "attention", "mean" or "max"; ``options``: see `DEFAULTS`."""
        if records.modality != self.name:
            raise InputError(f"these records are of modality {records.modality!r}, not bags.")
        settings = dict(DEFAULTS)
        for name, value in (options or {}).items():
            pick(name, DEFAULTS, "option for bags")
            low, high = RANGES[name]
            settings[name] = setting(name, value, low, high, whole=name == "instances")
        spec = str(pick(encoder, {"auto": "attention", **{name: name for name in NOTES}}, "bag encoder"))
        centre, scale, gaps = _moments(np.concatenate(_bags(records.gather())))
        return SetPrepared(spec, centre, scale, gaps, settings)


def _moments(x: NDArray[np.float64]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and deviation of each column of (n, columns) without its gaps, and whether it has any.

    A constant column keeps scale 1; one without a number is a constant 0.
    """
    missing = np.isnan(x)
    count = np.maximum((~missing).sum(axis=0), 1)
    centre = np.where(missing, 0.0, x).sum(axis=0) / count
    scale = np.sqrt((np.where(missing, 0.0, x - centre) ** 2).sum(axis=0) / count)
    scale[scale <= 1e-12 * np.maximum(1.0, np.abs(centre))] = 1.0
    return torch.from_numpy(centre), torch.from_numpy(scale), torch.from_numpy(missing.any(axis=0))


def _thinned(bag: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    return bag if len(bag) <= most else bag[np.linspace(0, len(bag) - 1, most).round().astype(np.int64)]


def _bags(samples: Samples) -> list[NDArray[np.float64]]:
    if not isinstance(samples, list) or any(getattr(bag, "ndim", 0) != 2 for bag in samples):
        raise InputError("bags are expected as a list of arrays (instances, columns).")
    return cast("list[NDArray[np.float64]]", samples)


MODALITY = SetModality
