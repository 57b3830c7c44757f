"""Evidence that is several kinds side by side: what a mixture of classes and one of numbers share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.class_tree import ClassTree
from tacit.labels.structure import Structure


class Parts(Labels):
    """Several kinds of evidence on the same records, each trusted by a number in (0, 1].

    A unit is a component: sites that are tied together. Parts that tie no sites, such as preferences, keep units of
    their own after all others.
    """

    def __init__(self, parts: Sequence[Labels], trust: Sequence[float]) -> None:
        self.parts, self.trust = tuple(parts), tuple(trust)
        self.task = parts[0].task
        self.naively = "; ".join(
            f"{type(part).__name__.lower()} {part.naively}" for part in parts if part.exact() is None
        )
        self.caveat = "; ".join(dict.fromkeys(part.caveat for part in parts if part.caveat))

    @property
    @abstractmethod
    def structure(self) -> Structure:
        """How the units of the parts share sites."""

    @abstractmethod
    def ties(self, part: Labels) -> bool:
        """Whether the sites of a part's units are in the components."""

    @property
    @abstractmethod
    def composite(self) -> bool:
        """Whether the likelihood is a composite one."""

    def exact(self) -> Labels | None:
        return next((found for part in self.parts if (found := part.exact()) is not None), None)

    def class_tree(self) -> ClassTree | None:
        return next((found for part in self.parts if (found := part.class_tree()) is not None), None)

    @property
    def aside(self) -> list[tuple[Labels, float]]:
        """The parts with units of their own, and their trust."""
        return [(part, t) for part, t in zip(self.parts, self.trust, strict=True) if not self.ties(part)]

    @property
    def dropped(self) -> int:
        return sum(part.dropped for part in self.parts)

    def __len__(self) -> int:
        return len(self.parts[0])

    def units(self) -> Units:
        found = [self.structure.units(), *(part.units() for part, _ in self.aside)]
        sizes = np.concatenate([np.diff(units.offsets) for units in found])
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return Units(offsets, np.concatenate([units.sites for units in found]))

    def hide(self, units: NDArray[np.int64]) -> Self:
        chosen = np.zeros(len(self.units()), dtype=bool)
        chosen[units] = True
        structure = self.structure
        sites = structure.nodes.sites[chosen[structure.component[structure.nodes.node]]]
        start = len(structure)
        parts: list[Labels] = []
        for part in self.parts:
            if self.ties(part):
                parts.append(part.hide(touching(part.units(), sites)))
                continue
            count = len(part.units())
            parts.append(part.hide(np.flatnonzero(chosen[start : start + count])))
            start += count
        return self.of(parts, self.trust)

    def take(self, index: NDArray[np.int64]) -> Self:
        return self.of([part.take(index) for part in self.parts], self.trust)

    def padded(self, extra: int) -> Self:
        return self.of([part.padded(extra) for part in self.parts], self.trust)

    def scored(self) -> Self:
        """The same evidence at a trust of 1, for held-out scores."""
        return self.of(self.parts, (1.0,) * len(self.parts))

    def of(self, parts: Sequence[Labels], trust: Sequence[float]) -> Self:
        """The same mixture of other evidence of the same kinds; the head's units never change with the fold."""
        new = type(self)(parts, trust)
        new.task = self.task
        return new

    def describe(self) -> str:
        said = "; ".join(part.describe() for part in self.parts)
        return f"{said} (composite likelihood: units share records)" if self.composite else said

    def header(self) -> dict[str, Any]:
        return {"trust": list(self.trust)}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """None: a file of several kinds is the files of its parts, one after another."""
        return iter(())

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        raise InputError("evidence of several kinds is read part by part")

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        raise InputError("evidence of several kinds has no single table; write its parts, one file each")


def touching(units: Units, sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """The units that speak of any of these sites."""
    owner = np.repeat(np.arange(len(units)), np.diff(units.offsets))
    return np.unique(owner[np.isin(units.sites, sites)])
