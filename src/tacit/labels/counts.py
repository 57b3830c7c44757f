"""How probable it is that a number of independent two-class sites are on: accurate far into both tails.

The distribution is tilted exponentially until its mean is the count that is asked for, where it is as large as it
gets, and then multiplied out as a tree of polynomial products by FFT. Plain FFTs are right to 1e-16 of the largest
probability, which says nothing of a small one. (Tilting: Esscher 1932; the tree: Biscarri, Zhao and Brunner 2018,
"A simple and fast method for computing the Poisson binomial distribution function".)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from tacit.labels.blockwise import blockwise, padded
from tacit.labels.coupled import NEVER, Members, unit_sums
from tacit.labels.lattice import log_interval

BLOCK = 1 << 17
"""Padded members in a block."""

TOGETHER = 1 << 14
"""Padded members up to which units of all sizes are computed together: there calls cost more than numbers."""

DIRECT = 4
"""Degree up to which polynomials are multiplied without FFT."""

NEAR = 0.1
"""How far from the count the tilted mean may stay; any tilt is exact, a close one is accurate."""


def log_counts(off: Tensor, on: Tensor, members: Members, low: Tensor, high: Tensor) -> Tensor:
    """(units,) float64: log-probability that from ``low`` to ``high`` sites of each unit, both included, are on.

    ``off``, ``on``: (members,) log-weights of the two classes, never below ``NEVER``; they need not sum to 1.
    ``low``, ``high``: (units,) int64. What cannot be is 2 * ``NEVER``.
    """
    off, on = off.double(), on.double()
    surely_on, surely_off = off <= NEVER / 2, on <= NEVER / 2
    fixed = unit_sums(members.copies * surely_on, members)
    free = unit_sums(members.copies * ~(surely_on | surely_off), members)
    least, most = (low - fixed).clamp_min(0), torch.minimum(high - fixed, free)
    never, whole = least > most, (least == 0) & (most == free)
    none, full = most == 0, least == free
    owner = members.owner
    term = torch.where(full[owner], torch.where(surely_off, off, on), torch.logaddexp(off, on))
    term = torch.where(none[owner], torch.where(surely_on, on, off), term)
    closed = unit_sums(torch.where(whole[owner], torch.logaddexp(off, on), term), members)
    value = torch.where(never, 2 * NEVER, closed)
    merged = unit_sums((members.copies > 1).long(), members) > 0
    inner = ~(never | whole | none | full)
    weights = torch.stack([off, on], dim=1)
    for units, width in by_width(members, torch.nonzero(inner & ~merged)[:, 0]):
        value = value.index_copy(0, units, _by_tilting(weights, members, units, width, low[units], high[units]))
    units = torch.nonzero(inner & merged)[:, 0]
    if len(units):
        value = value.index_copy(0, units, log_interval(weights, members, units, low[units], high[units]))
    return value


def by_width(members: Members, units: Tensor) -> list[tuple[Tensor, int]]:
    """These units in groups of like size, and the power of two that the sizes of a group are padded to."""
    sizes = (members.offsets[1:] - members.offsets[:-1])[units]
    level = torch.ceil(torch.log2(sizes.double())).long()
    if len(units) and len(units) << int(level.max()) <= TOGETHER:
        level = level.amax().expand(len(units))
    return [(units[level == k], 1 << int(k)) for k in torch.unique(level)]


def _by_tilting(weights: Tensor, members: Members, units: Tensor, width: int, low: Tensor, high: Tensor) -> Tensor:
    certain = weights.new_tensor([0.0, NEVER])
    rows = padded(weights, members.offsets, units, width, certain)
    return blockwise(lambda w, part: log_window(w, low[part], high[part]), rows, BLOCK // width)


def log_window(weights: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """(U,) log-probability of a count from ``low`` to ``high`` by tilting; ``weights``: (U, L, 2) log of off and on.

    L is a power of two; the window must exclude something on either side that is possible, or be a single count.
    """
    off, on = weights.unbind(dim=2)
    tilt = solved_tilt((on - off).detach(), low, high)
    on = on + tilt[:, None]
    z = torch.logaddexp(off, on)
    p = multiplied_out(torch.stack([torch.exp(off - z), torch.exp(on - z)], dim=2))
    base = torch.where(tilt > 0, low, high)
    count = torch.arange(p.shape[1], device=p.device)
    inside = (count >= low[:, None]) & (count <= high[:, None])
    back = torch.where(inside, -tilt[:, None] * (count - base[:, None]), -torch.inf)
    tilted = (p * torch.exp(back)).sum(dim=1).clamp_min(torch.finfo(p.dtype).tiny)
    return z.sum(dim=1) - tilt * base + torch.log(tilted)


def solved_tilt(logit: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """(U,) what to add to the log-odds (U, L) so that the mean count is in the window, 0 where it is already.

    Newton's method on the log-odds of the mean, kept within a bracket that is halved where it would leave it.
    """
    free = logit.abs() < -NEVER / 4
    size, fixed = free.sum(dim=1), ((logit > 0) & ~free).sum(dim=1)
    room = math.log(logit.shape[1]) + 1
    left = -torch.where(free, logit, -torch.inf).amax(dim=1) - room
    right = -torch.where(free, logit, torch.inf).amin(dim=1) + room
    tilt = torch.zeros_like(left)
    aim = torch.sigmoid(logit).sum(dim=1).clamp(low, high)
    for _ in range(200):
        p = torch.sigmoid(logit + tilt[:, None])
        mean, variance = p.sum(dim=1), (p * (1 - p)).sum(dim=1)
        if bool(((mean - aim).abs() <= NEAR).all()):
            break
        left, right = torch.where(mean < aim, tilt, left), torch.where(mean > aim, tilt, right)
        share, wanted = (mean - fixed) / size, (aim - fixed) / size
        step = (torch.logit(wanted) - torch.logit(share)) * share * (1 - share) * size / variance
        newton, middle = tilt + step, (left + right) / 2
        next_tilt = torch.where((newton > left) & (newton < right), newton, middle)
        tilt = torch.where((mean - aim).abs() <= NEAR, tilt, next_tilt)
    return tilt


def multiplied_out(p: Tensor) -> Tensor:
    """(U, L + 1) coefficients of the product of L polynomials of degree 1, (U, L, 2); L is a power of two."""
    while p.shape[1] > 1:
        p = _products(p[:, 0::2], p[:, 1::2])
    return p[:, 0]


def _products(a: Tensor, b: Tensor) -> Tensor:
    """(U, P, 2d + 1) products of polynomials of degree d, (U, P, d + 1) each."""
    d = a.shape[-1] - 1
    if d <= DIRECT:
        return torch.stack([pad(a * b[..., j : j + 1], (j, d - j)) for j in range(d + 1)]).sum(dim=0)
    # a circle of 2d instead of 2d + 1 keeps the length a power of two; first and last coefficient meet, and are
    # written by hand
    middle = torch.fft.irfft(torch.fft.rfft(a, n=2 * d) * torch.fft.rfft(b, n=2 * d), n=2 * d)[..., 1:]
    return torch.cat([a[..., :1] * b[..., :1], middle, a[..., d:] * b[..., d:]], dim=-1)
