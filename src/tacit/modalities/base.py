"""What a modality promises: how one kind of sample is batched, viewed, cut into tokens and encoded.

A modality is one file in this package with a class named in its module constant ``MODALITY``; it is found by
listing the package. It is fitted once on all records (labelled or not) and its fitted state is JSON and tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tacit.data.batch import Batch, Features, Tokens, View
from tacit.data.records import Records, Samples
from tacit.errors import InputError


@dataclass(frozen=True)
class Weights:
    """Where an encoder's weights come from, for the page and for the model's record.

    ``spec`` is the resolved name that builds the same architecture again; ``pretrained`` says whether weights
    were loaded; ``licence`` and ``sha256`` are None for weights trained from scratch.
    """

    spec: str
    pretrained: bool
    note: str
    licence: str | None = None
    sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@runtime_checkable
class Prepared(Protocol):
    """A modality fitted to records. Views never change what a label means; no flips unless asked."""

    name: ClassVar[str]
    weights: Weights
    geometry: ClassVar[str]  # the kind of view map: "affine", "columns" or "positions"

    def check(self, records: Records) -> None:
        """Raise `InputError` where ``records`` are of another modality, shape or column set."""

    def collate(self, samples: Samples) -> Batch:
        """Compact tensors (uint8 pixels, token ids, standardised columns), cheap to keep for a whole pool."""

    def clean(self, batch: Batch) -> Batch:
        """The unchanged view: what the encoder reads at prediction."""

    def weak(self, batch: Batch, rng: Generator) -> View:
        """A small change, other parameters for every sample; what the encoder reads in training."""

    def strong(self, batch: Batch, rng: Generator) -> View:
        """A large change that keeps the label's meaning."""

    def tokens(self, batch: Batch) -> Tokens:
        """The sample cut into the tokens that masked engines hide."""

    def encoder(self, pretrained: bool = True) -> nn.Module:
        """A new encoder (`tacit.data.batch.Encoder`) for ``weights.spec``; from scratch unless weights exist."""

    def plain(self, samples: Samples) -> NDArray[np.float32]:
        """(n, D) dense label-free features without a network, for baselines."""

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Everything fitted, as JSON and tensors."""

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The inverse of `state`."""


@runtime_checkable
class Ragged(Protocol):
    """A modality whose samples differ in length: kept row after row without padding, and padded in each batch.

    ``collate(samples)`` is ``pad(rows(samples), sizes(samples))``.
    """

    def sizes(self, samples: Samples) -> Tensor:
        """(B,) int64, how many rows each sample has."""

    def rows(self, samples: Samples) -> Batch:
        """The rows of all samples, one sample after the other."""

    def pad(self, rows: Batch, sizes: Tensor) -> Batch:
        """The batch of the samples that have these rows, as long as its longest."""


@runtime_checkable
class Nearby(Protocol):
    """A modality whose samples have small changes on a fixed grid, between which plain distances mean something."""

    def nearby(self, batch: Batch, most: int) -> Iterator[Batch]:
        """At most ``most`` changes of the whole batch, the unchanged one among them."""


@runtime_checkable
class Readable(Protocol):
    """A modality of which more than one feature vector can be read, with an encoder or without a network."""

    def readings(self, batch: Batch, features: Features) -> dict[str, Tensor]:
        """What else an encoder's features say, each (B, D), beside ``pooled``."""

    def dense(self, samples: Samples) -> dict[str, NDArray[np.float32]]:
        """Label-free features by name, each (n, D), without a network."""


class Modality(Protocol):
    """Fits a `Prepared`. ``encoder`` is "auto" or what the user named; unknown names suggest the nearest."""

    name: ClassVar[str]
    prepared: ClassVar[type[Any]]

    def fit(self, records: Records, encoder: str = "auto", *, options: dict[str, Any] | None = None) -> Prepared: ...


def setting(name: str, value: Any, least: float, most: float, whole: bool = False) -> float:
    """An option of views as a number from ``least`` to ``most``; anything else is an `InputError` that names it."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number) and least <= number <= most and not (whole and number % 1):
        return number
    bounds = f"of {least:g} or more" if math.isinf(most) else f"from {least:g} to {most:g}"
    raise InputError(f"the option {name} is {value!r}; give a {'whole ' if whole else ''}number {bounds}")
