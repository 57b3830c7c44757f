"""Sites that are known to be of one class become one node; what several local sources say of a site adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from tacit.labels.base import Units


@dataclass(frozen=True)
class Nodes:
    """The touched sites, ascending, and the node of each; nodes are numbered from 0 without gaps."""

    sites: NDArray[np.int64]
    node: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.node.max(initial=-1)) + 1

    @staticmethod
    def merged(touched: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> Nodes:
        """Nodes of the ``touched`` sites, where ``first[i]`` and ``second[i]`` are of the same class."""
        sites = np.unique(np.concatenate([touched, first, second]))
        ends = np.searchsorted(sites, first), np.searchsorted(sites, second)
        graph = coo_array((np.ones(len(first), dtype=np.int8), ends), shape=(len(sites), len(sites)))
        return Nodes(sites, connected_components(graph, directed=False)[1].astype(np.int64))

    def of(self, sites: NDArray[np.int64]) -> NDArray[np.int64]:
        """The node of each of these touched sites."""
        return self.node[np.searchsorted(self.sites, sites)]

    def log_weights(self, site_weights: Tensor) -> Tensor:
        """(nodes, C): sums of the weights (touched sites, C) over the sites of each node."""
        node = torch.from_numpy(self.node).to(site_weights.device)
        return site_weights.new_zeros(len(self), site_weights.shape[1]).index_add(0, node, site_weights)

    def members(self, units: Units) -> tuple[Units, NDArray[np.int64]]:
        """The units over nodes instead of sites, every node once a unit, and how many of its sites it stands for."""
        owner = np.repeat(np.arange(len(units)), np.diff(units.offsets))
        key, copies = np.unique(owner * max(len(self), 1) + self.of(units.sites), return_counts=True)
        counts = np.bincount(key // max(len(self), 1), minlength=len(units))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Units(offsets, (key % max(len(self), 1)).astype(np.int64)), copies.astype(np.int64)


def components(nodes: int, units: Sequence[Units]) -> NDArray[np.int64]:
    """(nodes,) number of the component of each node; units, of one node at least, tie their nodes together."""
    none = np.zeros(0, dtype=np.int64)
    start = np.concatenate([none, *(np.repeat(u.sites[u.offsets[:-1]], np.diff(u.offsets)) for u in units)])
    end = np.concatenate([none, *(u.sites for u in units)])
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1].astype(np.int64)
