"""Evidence whose units speak of several sites of classes at once: bags, totals, pairs.

Coupled evidence sits on top of local evidence. With s = log_p + emission and Z = logsumexp(s) at every site, the
log-likelihood of a unit is the sum of Z over its sites plus the unit's own, read at s - Z. The gradient with respect
to log_p goes through Z too, which makes it the posterior: sites that a unit does not constrain get their p.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Prediction
from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.local import categorical

NEVER = -1e30
"""Stands for the log of 0: its exponential is 0, and differences of it are numbers."""


@dataclass(frozen=True)
class Members:
    """The nodes of each unit: unit u has ``node[offsets[u]:offsets[u + 1]]``.

    A node is a site, or several that are known to be of one class; ``copies`` (members,) says how many of the unit's
    sites it stands for.
    """

    node: Tensor
    offsets: Tensor
    copies: Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def owner(self) -> Tensor:
        """(members,) the unit of each member."""
        counts = self.offsets[1:] - self.offsets[:-1]
        return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)

    def to(self, device: torch.device) -> Members:
        """On a device."""
        return Members(self.node.to(device), self.offsets.to(device), self.copies.to(device))

    @staticmethod
    def of(units: Units, device: torch.device) -> Members:
        """Every site a node of its own."""
        node = torch.from_numpy(units.sites).to(device)
        return Members(node, torch.from_numpy(units.offsets).to(device), torch.ones_like(node))


class Coupled(Labels):
    """Each unit speaks of several sites. A subclass writes ``joint`` for beliefs that are normalised."""

    task: Classes

    @abstractmethod
    def joint(self, log_q: Tensor, members: Members) -> Tensor:
        """(units,) log-probability of each observation where the nodes' classes are independent.

        ``log_q``: (nodes, C), each row normalised, never below ``NEVER``; a node with ``copies`` m is counted m
        times. The result has to be finite and differentiable wherever the observation is possible at all, and
        ``NEVER`` or less where it is not.
        """

    def merges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of sites that are of one class for sure; a mixture merges them before anything is coupled."""
        none = np.zeros(0, dtype=np.int64)
        return none, none

    def unmerged(self) -> Self:
        """The units that are left once ``merges()`` are merged."""
        return self

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        log_p = categorical(prediction).log_p
        members = Members.of(self.units(), log_p.device)
        log_q, z = normalised(log_p)
        log_likelihood = self.joint(log_q, members) + unit_sums(z[members.node], members)
        refuse_impossible(log_likelihood, self.units(), self.task.sites_per_record)
        return log_likelihood


def normalised(s: Tensor) -> tuple[Tensor, Tensor]:
    """(nodes, C) log-weights to normalised log-probabilities and their log-sums (nodes,)."""
    finite = s.clamp_min(NEVER)
    z = torch.logsumexp(finite, dim=1)
    return (finite - z[:, None]).clamp_min(NEVER), z


def unit_sums(values: Tensor, members: Members) -> Tensor:
    """(units,) sums of one value a member."""
    return values.new_zeros(len(members)).index_add(0, members.owner, values)


def refuse_impossible(log_likelihood: Tensor, units: Units, sites_per_record: int) -> None:
    """`InputError` that names a record of the first unit whose evidence has probability zero."""
    impossible = torch.nonzero(log_likelihood.detach() <= NEVER / 2)[:, 0]
    if len(impossible):
        sites: NDArray[np.int64] = units.sites[units.offsets[impossible[0]] : units.offsets[impossible[0] + 1]]
        records = ", ".join(str(r) for r in np.unique(sites // sites_per_record)[:5])
        raise InputError(
            f"the evidence on record {records} contradicts itself: it has probability zero. Mend or drop it"
        )
