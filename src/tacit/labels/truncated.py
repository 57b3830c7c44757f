"""A normal distribution between two bounds: its mass in log space, its mean and its variance, far into the tails.

Bounds are standardised and mirrored so that their centre is at 0 or to the right. Three regimes keep every
subtraction harmless: narrow intervals by Gauss-Legendre quadrature, intervals around the middle by what their two
tails leave, and intervals in a tail by the hazard phi(a) / Q(a) = a + excess(a), the excess being Laplace's
continued fraction.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tacit.labels.coupled import NEVER

_FAR = 1e13
"""Standard deviations that a bound is away at most: squares stay finite and their sums far above ``NEVER``."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)


class Moments(NamedTuple):
    """Log-mass, mean and variance, all of one shape."""

    log_mass: Tensor
    mean: Tensor
    variance: Tensor


def log_mass(mean: Tensor, variance: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Log-probability that a normal variable lies in [low, high], low < high; infinite bounds are open.

    Twice differentiable in ``mean`` and ``variance``. Where the variance is 0 it is 0 inside, give or take rounding,
    and ``NEVER`` outside.
    """
    certain = variance == 0
    found: Tensor = _LogMass.apply(mean, torch.where(certain, 1.0, variance), low, high)
    slack = torch.finfo(mean.dtype).eps ** 0.5 * mean.abs()
    inside = (low <= mean + slack) & (mean - slack <= high)
    return torch.where(certain, torch.zeros_like(found).masked_fill(~inside, NEVER), found)


def truncated(mean: Tensor, variance: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of a normal variable that is known to lie in [low, high], low < high.

    What Tweedie's formulas make of `log_mass`, without their cancellation where the bounds leave little room.
    """
    certain = variance == 0
    spread = torch.where(certain, 1.0, variance)
    _, z, left = _moments(mean, spread, low, high)
    between = torch.minimum(torch.maximum(mean + spread.sqrt() * z, low), high)
    return torch.where(certain, mean, between), torch.where(certain, variance, variance * left)


class _LogMass(torch.autograd.Function):
    """With z the standardised truncated variable: d/dmean = E[z] / sd and d/dvariance = (E[z²] - 1) / (2 variance)."""

    @staticmethod
    def forward(ctx: Any, mean: Tensor, variance: Tensor, low: Tensor, high: Tensor) -> Tensor:
        ctx.save_for_backward(mean, variance, low, high)
        return _moments(mean, variance, low, high).log_mass

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor, None, None]:
        mean, variance, low, high = ctx.saved_tensors
        _, z, left = _moments(mean, variance, low, high)
        return grads[0] * z / variance.sqrt(), grads[0] * (left + z**2 - 1) / (2 * variance), None, None


def _moments(mean: Tensor, variance: Tensor, low: Tensor, high: Tensor) -> Moments:
    """Of the standardised variable (x - mean) / sd, given that x is in [low, high]; variance > 0."""
    sd = variance.sqrt()
    left, right = _standard(low, mean, sd), _standard(high, mean, sd)
    closed = torch.isfinite(low) & torch.isfinite(high)
    width = torch.where(closed, torch.where(closed, high - low, 1.0) / sd, right - left)
    mirrored = left + right < 0
    a, b = torch.where(mirrored, -right, left), torch.where(mirrored, -left, right)
    narrow = width * (a + width / 2).clamp_min(1.0) < 1.0
    tail = ~narrow & (a > 0)
    middle = ~narrow & ~tail
    # A regime is given harmless bounds wherever another one is read.
    found = _middle(torch.where(middle, a, -1.0), torch.where(middle, b, 1.0))
    for where, regime, harmless in ((tail, _tail, 1.0), (narrow, _narrow, 0.0)):
        other = regime(torch.where(where, a, harmless), torch.where(where, width, 1.0))
        found = Moments(*(torch.where(where, new, old) for new, old in zip(other, found, strict=True)))
    return found._replace(mean=torch.where(mirrored, -found.mean, found.mean))


def _standard(bound: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    """(bound - mean) / sd, at most ``_FAR`` away, further where open; gradients are numbers there too."""
    open_ = torch.isinf(bound)
    near = ((torch.where(open_, 0.0, bound) - mean) / sd).clamp(-_FAR, _FAR)
    return torch.where(open_, bound.clamp(-4 * _FAR, 4 * _FAR), near)


def _narrow(a: Tensor, width: Tensor) -> Moments:
    """Where the density falls by less than a factor of e or so between the bounds."""
    t = 0.5 * width[..., None] * torch.from_numpy(_NODES).to(a)
    centre = a + width / 2
    weights = torch.from_numpy(_WEIGHTS / 2).to(a) * torch.exp(-t * (centre[..., None] + t / 2))
    mass = weights.sum(dim=-1)
    offset = (weights * t).sum(dim=-1) / mass
    variance = (weights * (t - offset[..., None]) ** 2).sum(dim=-1) / mass
    return Moments(mass.log() + width.log() - 0.5 * centre**2 - _LOG_ROOT_TAU, centre + offset, variance)


def _middle(a: Tensor, b: Tensor) -> Moments:
    """Where a <= 0 < b, at least 1 apart: what the tails leave is no small difference."""
    outside = torch.special.ndtr(a) + torch.special.ndtr(-b)
    at_a, at_b = (torch.exp(-0.5 * x**2 - _LOG_ROOT_TAU) / (1 - outside) for x in (a, b))
    mean = at_a - at_b
    return Moments(torch.log1p(-outside), mean, 1 + a * at_a - b * at_b - mean**2)


def _tail(a: Tensor, width: Tensor) -> Moments:
    """Where 0 < a: the tail beyond a without the share r of it that lies beyond b = a + width."""
    b = a + width
    excess_a, excess_b = _excess(a), _excess(b)
    log_hazard = torch.log(a + excess_a)
    r = torch.exp(-width * (a + width / 2) + log_hazard - torch.log(b + excess_b))
    beyond = torch.where(r > 0, width, 0.0)
    first = (excess_a - r * (excess_b + beyond)) / (1 - r)
    second = (_second(a) - r * (_second(b) + beyond * (2 * excess_b + beyond))) / (1 - r)
    log_mass = -0.5 * a**2 - _LOG_ROOT_TAU - log_hazard + torch.log1p(-r)
    return Moments(log_mass, a + first, second - first**2)


def _excess(a: Tensor) -> Tensor:
    """E[x - a] of the standard normal beyond a > 0, which is phi(a) / Q(a) - a."""
    hazard = math.sqrt(2 / math.pi) / torch.special.erfcx(a.clamp_max(4.0) / math.sqrt(2))
    return torch.where(a > 4.0, 1 / (a + _fraction(a)), hazard - a)


def _second(a: Tensor) -> Tensor:
    """E[(x - a)²] of the standard normal beyond a > 0, which is 1 - a E[x - a]."""
    rest = _fraction(a)
    return torch.where(a > 4.0, rest / (a + rest), 1 - a * _excess(a))


def _fraction(a: Tensor) -> Tensor:
    """2 / (a + 3 / (a + ...)): exact to rounding for a > 4."""
    a = a.clamp_min(4.0)
    found = torch.zeros_like(a)
    for k in range(32, 1, -1):
        found = k / (a + found)
    return found
