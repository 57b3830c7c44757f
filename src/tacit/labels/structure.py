"""How the units of several kinds of evidence share sites: merged nodes, and the components that units tie together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.labels.base import Units
from tacit.labels.coupled import NEVER, Coupled, Members, normalised
from tacit.labels.local import Local
from tacit.labels.merge import Nodes, components

NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Structure:
    """What local and coupled parts make of the sites.

    ``places``: for every local part, the positions of its observed sites among the touched ones. ``members``: for
    every coupled part its units over nodes. ``component``: (nodes,) and ``unit_component``: for every coupled part
    the component of each of its units.
    """

    nodes: Nodes
    places: tuple[Tensor, ...]
    members: tuple[Members, ...]
    component: NDArray[np.int64]
    unit_component: tuple[NDArray[np.int64], ...]

    @staticmethod
    def of(local: Sequence[Local], coupled: Sequence[Coupled]) -> Structure:
        """From the parts; what the coupled ones merge is merged."""
        left = [part.unmerged() for part in coupled]
        merges = [part.merges() for part in coupled]
        observed = [part.observed() for part in local]
        touched = np.concatenate([NONE, *observed, *(part.units().sites for part in left)])
        first, second = (np.concatenate([NONE, *(pair[side] for pair in merges)]) for side in (0, 1))
        nodes = Nodes.merged(touched, first, second)
        over = [nodes.members(part.units()) for part in left]
        component = components(len(nodes), [units for units, _ in over])
        members = [
            Members(torch.from_numpy(units.sites), torch.from_numpy(units.offsets), torch.from_numpy(copies))
            for units, copies in over
        ]
        places = tuple(torch.from_numpy(np.searchsorted(nodes.sites, sites)) for sites in observed)
        of_unit = tuple(component[units.sites[units.offsets[:-1]]] for units, _ in over)
        return Structure(nodes, places, tuple(members), component, of_unit)

    def __len__(self) -> int:
        """The number of components."""
        return int(self.component.max(initial=-1)) + 1

    @property
    def composite(self) -> bool:
        """Whether some component has several coupled units, so that the sum of their terms is no likelihood."""
        return bool((np.bincount(np.concatenate([NONE, *self.unit_component]), minlength=1) > 1).any())

    def units(self) -> Units:
        """The touched sites of every component."""
        component = self.component[self.nodes.node]
        order = np.argsort(component, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(component, minlength=len(self)))]).astype(np.int64)
        return Units(offsets, self.nodes.sites[order])

    def beliefs(self, log_p: Tensor, emissions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """(nodes, C) normalised beliefs given all local evidence, and what it costs: (nodes,) log-sums."""
        s = log_p[torch.from_numpy(self.nodes.sites).to(log_p.device)].clamp_min(NEVER)
        for place, emission in zip(self.places, emissions, strict=True):
            s = s.index_add(0, place.to(s.device), emission.to(s).clamp_min(NEVER))
        return normalised(self.nodes.log_weights(s))

    def log_likelihood(self, z: Tensor, own: Sequence[Tensor]) -> Tensor:
        """(components,) sums of the nodes' log-sums and of the coupled units' own terms."""
        total = z.new_zeros(len(self)).index_add(0, torch.from_numpy(self.component).to(z.device), z)
        for of_unit, terms in zip(self.unit_component, own, strict=True):
            total = total.index_add(0, torch.from_numpy(of_unit).to(z.device), terms)
        return total
