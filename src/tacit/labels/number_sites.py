"""What values and intervals say of each site's number: normal beliefs, conditioned on values and cut to intervals.

A source that is trusted by t < 1 is right with probability t; else it saw a number like any other, drawn from the
reference. Every combination of doubted sources that may be right is a hypothesis, and a site's belief the mixture of
all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Normal, Prediction
from tacit.data.task import Number
from tacit.labels.coupled import NEVER
from tacit.labels.truncated import log_mass, truncated


@dataclass(frozen=True)
class Beliefs:
    """(hypotheses, sites) each: log-weights, and a normal distribution that is cut to [low, high] once it is weighed.

    The log-weights hold the probability of all values seen so far, the mass between the bounds not yet.
    """

    log_weight: Tensor
    mean: Tensor
    variance: Tensor
    low: Tensor
    high: Tensor

    @staticmethod
    def of(mean: Tensor, variance: Tensor) -> Beliefs:
        """One hypothesis: what was predicted, (sites,) each."""
        everywhere = torch.full_like(mean, torch.inf)[None]
        return Beliefs(torch.zeros_like(mean)[None], mean[None], variance[None], -everywhere, everywhere)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.log_weight, self.mean, self.variance, self.low, self.high))

    def at(self, sites: Tensor) -> Beliefs:
        """Of a selection of sites."""
        return Beliefs(*(field[:, sites] for field in self))

    def given(self, value: Tensor, noise: Tensor) -> Beliefs:
        """After one more value at every site, (sites,), with this variance about the truth."""
        log_density, mean, variance = conditioned(self.mean, self.variance, value, noise)
        return replace(self, log_weight=self.log_weight + log_density, mean=mean, variance=variance)

    def log_weighed(self) -> Tensor:
        """(hypotheses, sites) log-weights with the mass between the bounds; ``NEVER`` where they leave nothing."""
        possible, low, high = self._bounds()
        mass = torch.where(possible, log_mass(self.mean, self.variance, low, high), NEVER)
        return (self.log_weight + mass).clamp_min(2 * NEVER)

    def log_evidence(self) -> Tensor:
        """(sites,) log-probability of all that was observed."""
        return torch.logsumexp(self.log_weighed(), dim=0)

    def moments(self) -> tuple[Tensor, Tensor]:
        """(sites,) mean and variance, bounds and all."""
        _, low, high = self._bounds()
        return _mixed(self.log_weighed(), *truncated(self.mean, self.variance, low, high))

    def uncut(self) -> tuple[Tensor, Tensor]:
        """(sites,) mean and variance where bounds are left aside."""
        return _mixed(self.log_weight, self.mean, self.variance)

    def _bounds(self) -> tuple[Tensor, Tensor, Tensor]:
        possible = self.low < self.high
        return possible, torch.where(possible, self.low, -torch.inf), torch.where(possible, self.high, torch.inf)


def conditioned(mean: Tensor, variance: Tensor, value: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-density of ``value`` = x + noise for a normal x, and the mean and variance of x given it.

    Where neither varies, a value that is the mean, give or take rounding, says nothing new, and no other can be.
    """
    total = variance + noise
    certain = total == 0
    safe = torch.where(certain, 1.0, total)
    log_density = -0.5 * ((value - mean) ** 2 / safe + safe.log() + math.log(2 * math.pi)).clamp_max(-NEVER / 50)
    slack = torch.finfo(mean.dtype).eps ** 0.5 * torch.maximum(value.abs(), mean.abs())
    known = torch.zeros_like(log_density).masked_fill((value - mean).abs() > slack, NEVER)
    after = torch.where((noise == 0) & ~certain, value, mean + variance / safe * (value - mean))
    return torch.where(certain, known, log_density), after, variance * (noise / safe)


@dataclass(frozen=True)
class Source:
    """One part's observations, and how far it is trusted.

    ``place``: (units,) where their sites stand among the touched ones. ``first``, ``second``: (units,) values and
    their variances, or where ``cuts`` the lower and the upper bounds.
    """

    place: Tensor
    first: Tensor
    second: Tensor
    cuts: bool
    trust: float

    def heard(self, beliefs: Beliefs) -> Beliefs:
        """Beliefs once the part is right."""
        here = beliefs.at(self.place)
        if self.cuts:
            low, high = torch.maximum(here.low, self.first), torch.minimum(here.high, self.second)
            here = replace(here, low=low, high=high)
        else:
            here = here.given(self.first, self.second)
        return Beliefs(*(x.index_copy(1, self.place, y) for x, y in zip(beliefs, here, strict=True)))

    def ignored(self, beliefs: Beliefs, reference: Number) -> Beliefs:
        """Beliefs once the part is wrong: what it says is as probable as of any number."""
        centre = torch.full_like(self.first, reference.centre)
        spread = torch.full_like(self.first, reference.scale**2)
        if self.cuts:
            said = log_mass(centre, spread, self.first, self.second)
        else:
            said = conditioned(centre, spread, self.first, self.second)[0]
        return replace(beliefs, log_weight=beliefs.log_weight.index_add(1, self.place, said[None]))


def believed(mean: Tensor, variance: Tensor, sources: Sequence[Source], reference: Number) -> Beliefs:
    """What is believed of the touched sites given every source, one hypothesis for each set that may be right."""
    doubted = [k for k, source in enumerate(sources) if source.trust < 1]
    found = []
    for right in product((True, False), repeat=len(doubted)):
        wrong = {k for k, r in zip(doubted, right, strict=True) if not r}
        state = Beliefs.of(mean, variance)
        for k, source in enumerate(sources):
            state = source.ignored(state, reference) if k in wrong else source.heard(state)
        prior = sum(math.log1p(-sources[k].trust) if k in wrong else math.log(sources[k].trust) for k in doubted)
        found.append(replace(state, log_weight=state.log_weight + prior))
    return Beliefs(*(torch.cat(field) for field in zip(*found, strict=True)))


def number_of(values: NDArray[np.float64]) -> Number:
    """The task of predicting numbers like these, NaN unknown: their centre and spread."""
    known = values[~np.isnan(values)]
    spread = float(known.std()) if len(known) > 1 else 0.0
    return Number(float(known.mean()) if len(known) else 0.0, spread if spread > 0 else 1.0)


def normal(prediction: Prediction) -> Normal:
    """The prediction, which has to be of numbers."""
    if not isinstance(prediction, Normal):
        raise TypeError("this evidence speaks of numbers; the prediction is of classes")
    return prediction


def precise(belief: Normal) -> tuple[Tensor, Tensor]:
    """(sites,) float64 mean and variance: the squares of far bounds have no room in single precision."""
    return belief.mean.double(), (2 * belief.log_scale.double()).exp()


def updated(belief: Normal, sites: Tensor, mean: Tensor, variance: Tensor) -> Normal:
    """The belief where some sites have another mean and variance; a variance of 0 becomes the least there is."""
    log_scale = 0.5 * variance.clamp_min(torch.finfo(variance.dtype).tiny).log()
    old_mean, old_scale = belief.mean.detach(), belief.log_scale.detach()
    return Normal(
        old_mean.index_copy(0, sites, mean.detach().to(old_mean)),
        old_scale.index_copy(0, sites, log_scale.detach().to(old_scale)),
    )


def _mixed(log_weight: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over hypotheses, the first dimension."""
    if len(mean) == 1:
        return mean[0], variance[0]
    weight = torch.softmax(log_weight, dim=0)
    centre = (weight * mean).sum(dim=0)
    return centre, (weight * (variance + (mean - centre) ** 2)).sum(dim=0)
