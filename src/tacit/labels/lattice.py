"""Counts of several classes among independent sites, exactly: a dynamic programme over the lattice of partial counts.

All sums are of positive terms, in log space where they are too small for numbers, so that every count is right however
improbable, and a node may count several times. The most frequent class needs no axis: what is counted so far tells it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.labels.blockwise import blockwise, padded
from tacit.labels.coupled import NEVER, Members

LIMIT = 2e7
"""Lattice points times sites times classes up to which a unit is worth its exact likelihood."""

TOGETHER = 1 << 21
"""Lattice points times sites times classes up to which units of all shapes are computed together: there calls cost
more than numbers."""

LOST = 1e-250
"""Probabilities below this, once the likeliest class of every site is divided out, are computed in log space."""

BLOCK = 1 << 22
"""Lattice points times sites times classes in a block."""


def fits(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(units,) whether counts (units, C) are few enough for the lattice."""
    points = np.prod(np.sort(counts, axis=1)[:, :-1] + 1.0, axis=1)
    return np.asarray(points * counts.sum(axis=1) * (counts > 0).sum(axis=1) <= LIMIT, dtype=bool)


def log_multinomial(weights: Tensor, members: Members, units: Tensor, counts: Tensor) -> Tensor:
    """(U,) float64: log-probability that the sites of each of ``units`` have exactly these ``counts`` (U, C).

    ``weights``: (members, C) log-probabilities, never below ``NEVER``; the counts sum to the unit's sites.
    """
    ordered, order = torch.sort(counts, dim=1, descending=True, stable=True)
    value = weights.new_zeros(len(units), dtype=torch.float64)
    for group in _groups(weights.double(), members, units, order, ordered[:, 1:]):
        value = value.index_copy(0, group.which, group.values(group.aim, group.aim))
    return value


def log_interval(weights: Tensor, members: Members, units: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """(U,) float64: log-probability that from ``low`` to ``high`` sites of each of ``units`` are of the second class.

    ``weights``: (members, 2) log-weights, never below ``NEVER``. ``low``, ``high``: (U,), both included.
    """
    sites = torch.cat([members.copies.new_zeros(1), members.copies.cumsum(0)])[members.offsets].diff()[units]
    flip = sites - low < high
    low, high = torch.where(flip, sites - high, low), torch.where(flip, sites - low, high)
    order = torch.stack([flip, ~flip], dim=1).long()
    value = weights.new_zeros(len(units), dtype=torch.float64)
    for group in _groups(weights.double(), members, units, order, high[:, None]):
        value = value.index_copy(0, group.which, group.values(low[group.which, None], high[group.which, None]))
    return value


@dataclass(frozen=True)
class _Group:
    """Units of one shape: positions ``which``, log-weights ``rows`` (U, L, C), and of every lattice axis its size.

    Class 0 has no axis. ``copies``: L of them. ``aim``: (U, C - 1) the counts that are asked for.
    """

    which: Tensor
    rows: Tensor
    copies: tuple[int, ...]
    sizes: tuple[int, ...]
    aim: Tensor

    def values(self, low: Tensor, high: Tensor) -> Tensor:
        """(U,) log of the sum over the box from ``low`` to ``high``, (U, C - 1) each, both included."""

        def kernel(rows: Tensor, part: slice) -> Tensor:
            inside = self.inside(low[part], high[part])
            scale = rows.amax(dim=2)
            chance = summed(torch.exp(rows - scale[:, :, None]), self.copies, self.sizes)
            found = torch.where(inside.reshape(len(rows), -1).T, chance, 0.0).sum(dim=0)
            lost = torch.nonzero(found < LOST)[:, 0]
            value = torch.log(found.clamp_min(LOST)) + scale.sum(dim=1)
            if len(lost):
                state = spread_out(rows[lost], self.copies, self.sizes)
                exact = torch.where(inside[lost], state, 2 * NEVER).reshape(len(lost), -1).logsumexp(dim=1)
                value = value.index_copy(0, lost, exact)
            return value

        work = int(np.prod(self.sizes)) * self.rows.shape[1] * self.rows.shape[2]
        return blockwise(kernel, self.rows, BLOCK // work)

    def inside(self, low: Tensor, high: Tensor) -> Tensor:
        """(U, *sizes) whether a partial count lies in the box from ``low`` to ``high``, (U, axes) each."""
        inside = torch.ones((len(low), *self.sizes), dtype=torch.bool, device=low.device)
        for axis, size in enumerate(self.sizes):
            count = torch.arange(size, device=low.device)
            within = (count >= low[:, axis, None]) & (count <= high[:, axis, None])
            shape = [len(within), *(size if a == axis else 1 for a in range(len(self.sizes)))]
            inside = inside & within.reshape(shape)
        return inside


def _groups(weights: Tensor, members: Members, units: Tensor, order: Tensor, aim: Tensor) -> Iterator[_Group]:
    """Units that can be computed together; ``order`` (U, C): their classes, that without an axis first."""
    sizes = (members.offsets[1:] - members.offsets[:-1])[units]
    keys = torch.cat([rounded(sizes)[:, None], torch.where(aim > 0, rounded(aim) + 1, 1)], dim=1)
    if len(keys) and len(keys) * keys.amax(dim=0).double().prod() * weights.shape[1] <= TOGETHER:
        keys = keys.amax(dim=0).expand(keys.shape)
    for key in torch.unique(keys, dim=0):
        which = torch.nonzero((keys == key).all(dim=1))[:, 0]
        width, axes = int(key[0]), tuple(int(s) for s in key[1:] if s > 1)
        rows = padded(weights, members.offsets, units[which], width, weights.new_zeros(weights.shape[1]))
        rows = rows.gather(2, order[which, None].expand(rows.shape))[:, :, : len(axes) + 1]
        certain = torch.tensor([0.0] + [NEVER] * len(axes), dtype=rows.dtype, device=rows.device)
        present = torch.arange(width, device=rows.device) < sizes[which, None]
        rows = torch.where(present[:, :, None], rows, certain)
        copies = padded(members.copies[:, None], members.offsets, units[which], width, torch.ones(1))[:, :, 0]
        copies, by = torch.sort(copies, dim=1, descending=True, stable=True)
        rows = rows.gather(1, by[:, :, None].expand(rows.shape))
        for pattern in torch.unique(copies, dim=0):
            alike = torch.nonzero((copies == pattern).all(dim=1))[:, 0]
            mine = which[alike]
            yield _Group(mine, rows[alike], tuple(pattern.tolist()), axes, aim[mine, : len(axes)])


def rounded(count: Tensor) -> Tensor:
    """The next of 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, ...: few different shapes, none half as large again."""
    power = 2 ** torch.floor(torch.log2(count.clamp_min(1).double())).long()
    return torch.where(
        count <= power, power * (count > 0), torch.where(2 * count <= 3 * power, 3 * power // 2, 2 * power)
    )


def summed(weights: Tensor, copies: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    """(points, U) as `spread_out`, of weights (U, L, C) and no logarithms: several times faster, where none is lost.

    Units come last, because axes of a few counts each would leave nothing to compute side by side.
    """
    points, units = math.prod(sizes), len(weights)
    state = weights.new_zeros((points + 1, units))
    state[0] = 1.0
    each = weights.permute(1, 2, 0).contiguous()
    nothing = weights.new_zeros((1, units))
    for member, count in enumerate(copies):
        before = predecessors(sizes, count).to(weights.device)
        reached = torch.index_select(state, 0, before).reshape(-1, points, units)
        state = torch.cat([(reached * each[member, :, None]).sum(dim=0), nothing])
    return state[:-1]


@cache
def predecessors(sizes: tuple[int, ...], count: int) -> Tensor:
    """(C * points,) from which point each point is reached by a node of each class; ``points`` where from none."""
    points = math.prod(sizes)
    place = np.arange(points).reshape(sizes)
    found = np.full((len(sizes) + 1, *sizes), points)
    found[0] = place
    for axis, size in enumerate(sizes):
        if count < size:
            rest = [slice(None)] * len(sizes)
            to, source = rest.copy(), rest.copy()
            to[axis], source[axis] = slice(count, None), slice(0, size - count)
            found[axis + 1][tuple(to)] = place[tuple(source)]
    return torch.from_numpy(found.reshape(-1))


def spread_out(rows: Tensor, copies: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    """(U, *sizes) log-probability of every partial count; ``rows``: (U, L, C) log-weights, ``copies``: L of them."""
    state = rows.new_full((len(rows), *sizes), NEVER)
    state.view(len(rows), -1)[:, 0] = 0.0
    shape = (-1, *(1 for _ in sizes))
    for member, count in enumerate(copies):
        branches = [state + rows[:, member, 0].reshape(shape)]
        for axis, size in enumerate(sizes):
            if count < size:
                kept = state.narrow(axis + 1, 0, size - count)
                unreached = kept.new_full((*kept.shape[: axis + 1], count, *kept.shape[axis + 2 :]), NEVER)
                moved = torch.cat([unreached, kept], dim=axis + 1)
                branches.append(moved + rows[:, member, axis + 1].reshape(shape))
        state = torch.stack(branches).logsumexp(dim=0)
    return state
