"""The likelihood of evidence on numbers by quadrature over the joint density: slow, and right by construction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]


@dataclass
class Site:
    """A belief, and what was seen of the number as functions of it, smooth between the ``breaks``."""

    mean: float
    sd: float
    seen: list[Callable[[Floats], Floats]] = field(default_factory=list)
    breaks: list[float] = field(default_factory=list)

    def value(self, v: float, noise: float, trust: float = 1.0, reference: tuple[float, float] = (0.0, 1.0)) -> None:
        """A value with noise of this standard deviation; a number like any other where the source is wrong."""
        wrong = norm(reference[0], math.hypot(reference[1], noise)).pdf(v)
        self.seen.append(lambda x: trust * norm(v, noise).pdf(x) + (1 - trust) * wrong)

    def interval(
        self, low: float, high: float, trust: float = 1.0, reference: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        """Bounds; those of a number like any other where the source is wrong."""
        there = norm(*reference)
        wrong = there.cdf(high) - there.cdf(low)
        self.seen.append(lambda x: trust * ((x >= low) & (x <= high)) + (1 - trust) * wrong)
        self.breaks += [b for b in (low, high) if math.isfinite(b)]

    def weights(self, start: float, stop: float, nodes: int) -> tuple[Floats, Floats]:
        """Gauss-Legendre nodes on ten pieces from start to stop, cut at the breaks; weights of belief and evidence."""
        cuts = np.unique([*np.linspace(start, stop, 11), *(b for b in self.breaks if start < b < stop)])
        t, w = np.polynomial.legendre.leggauss(nodes)
        halves = np.diff(cuts) / 2
        x = np.concatenate([a + h * (t + 1) for a, h in zip(cuts, halves, strict=False)])
        weight = np.concatenate([h * w for h in halves]) * norm(self.mean, self.sd).pdf(x)
        for seen in self.seen:
            weight = weight * seen(x)
        return x, weight

    def grid(self, nodes: int) -> tuple[Floats, Floats]:
        """Nodes and weights where a first look finds mass."""
        x, weight = self.weights(self.mean - 12 * self.sd, self.mean + 12 * self.sd, 40)
        near = x[weight > 1e-20 * weight.max()]
        x, weight = self.weights(near.min() - 0.1, near.max() + 0.1, nodes)
        kept = weight > 1e-20 * weight.max()
        return x[kept], weight[kept]


def integrated(
    sites: Sequence[Site], means: Sequence[tuple[Sequence[int], float, float]], nodes: int = 16
) -> tuple[float, Floats, Floats]:
    """Log-density of all evidence, and mean and variance of each site given it.

    ``means``: the members of each bag, its mean and the standard deviation of that observation.
    """
    grids = [site.grid(nodes) for site in sites]
    x = np.meshgrid(*(g for g, _ in grids), indexing="ij", sparse=True)
    mass = np.ones([len(g) for g, _ in grids])
    for axis, (_, w) in enumerate(grids):
        mass = mass * w.reshape([-1 if k == axis else 1 for k in range(len(sites))])
    for members, value, scale in means:
        mass = mass * norm(value, scale).pdf(sum(x[k] for k in members) / len(members))
    total = mass.sum()
    others = [tuple(k for k in range(len(sites)) if k != axis) for axis in range(len(sites))]
    marginal = [mass.sum(axis=axes) / total for axes in others]
    centre = np.array([(p * g).sum() for p, (g, _) in zip(marginal, grids, strict=True)])
    spread = np.array([(p * (g - c) ** 2).sum() for p, (g, _), c in zip(marginal, grids, centre, strict=True)])
    return math.log(total), centre, spread
