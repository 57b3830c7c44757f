"""What is believed of a site that several coupled units speak of: each unit's say, one beside the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Categorical
from tacit.labels.coupled import NEVER, Coupled, Members
from tacit.labels.structure import Structure


def composite_posterior(
    structure: Structure, coupled: Sequence[Coupled], belief: Categorical, emissions: Sequence[Tensor]
) -> Categorical:
    """p · prod_u(post_u / p), renormalised, where p is the belief given all local evidence.

    Every coupled unit's posterior is exact by itself; that they are independent given the site is not.
    """
    log_q, _ = structure.beliefs(belief.log_p, emissions)
    said = torch.zeros_like(log_q)
    for part, members in zip(coupled, structure.members, strict=True):
        said = said + _said(part, members.to(log_q.device), log_q)
    log_post = torch.log_softmax((log_q + said).clamp_min(NEVER), dim=1)
    nodes = torch.from_numpy(structure.nodes.node).to(log_q.device)
    sites = torch.from_numpy(structure.nodes.sites).to(log_q.device)
    return Categorical(belief.log_p.index_copy(0, sites, log_post[nodes]))


def _said(part: Coupled, members: Members, log_q: Tensor) -> Tensor:
    """(nodes, C) sums over the part's units of log(post_u / p); units that share a node are read one after another."""
    total = torch.zeros_like(log_q)
    turn = torch.from_numpy(_turns(members)).to(log_q.device)
    for number in range(int(turn.max()) + 1 if len(turn) else 0):
        chosen = turn == number
        with torch.enable_grad():
            s = log_q.detach().requires_grad_()
            z = torch.logsumexp(s, dim=1)
            log_p = (s - z[:, None]).clamp_min(NEVER)
            value = part.joint(log_p, members)[chosen].sum() + z.sum()
            (post,) = torch.autograd.grad(value, s)
        touched = torch.zeros(len(log_q), dtype=torch.bool, device=log_q.device)
        touched[members.node[chosen[members.owner]]] = True
        ratio = post.clamp_min(0).log().clamp_min(NEVER) - log_q.detach()
        total = total + torch.where(touched[:, None] & (log_q > NEVER / 2), ratio, 0.0)
    return total


def _turns(members: Members) -> NDArray[np.int64]:
    """(units,) a number for every unit such that units that share a node have different ones."""
    offsets, node = members.offsets.cpu().numpy(), members.node.cpu().numpy()
    turn = np.zeros(len(members), dtype=np.int64)
    taken: dict[int, set[int]] = {}
    for unit in range(len(members)):
        mine = node[offsets[unit] : offsets[unit + 1]].tolist()
        used = set().union(*(taken.get(n, set()) for n in mine))
        turn[unit] = next(k for k in range(len(used) + 1) if k not in used)
        for n in mine:
            taken.setdefault(n, set()).add(int(turn[unit]))
    return turn
