"""Several kinds of evidence on numbers at once: values are absorbed, intervals cut, one bag's mean sits on top.

Exact for any number of values and intervals a site, and a mean for each bag with at most one site that is not normal
given its own evidence (`tacit.labels.number_bags`). With several such sites in a bag, or several means in a component,
the likelihood is a composite one: fit to train on, and to be compared only with itself on the same units.

A trust t below 1 replaces the likelihood l of a value or an interval by t l + (1 - t) mean(l), the mean over numbers
drawn from the task's own normal distribution; on the mean of a bag it is a weight on the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Normal, Prediction
from tacit.data.task import Number
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.coupled import Members, refuse_impossible
from tacit.labels.intervals import Intervals
from tacit.labels.means import Means
from tacit.labels.merge import Nodes, components
from tacit.labels.number_bags import BagMeans, beside
from tacit.labels.number_sites import Beliefs, Source, believed, normal, precise, updated
from tacit.labels.parts import Parts
from tacit.labels.preferences import Preferences
from tacit.labels.structure import NONE, Structure
from tacit.labels.values import Values


class NumberMixture(Parts):
    """Evidence on numbers from several parts, as `Labels.combine` makes it. A unit is a component."""

    task: Number

    def __init__(self, parts: Sequence[Labels], trust: Sequence[float]) -> None:
        super().__init__(parts, trust)
        trusted = list(zip(self.parts, self.trust, strict=True))
        self.local = [(part, t) for part, t in trusted if isinstance(part, Values | Intervals)]
        self.means = [(part, t) for part, t in trusted if isinstance(part, Means)]
        measured = [p for kind in (Values, Intervals, Means) for p in parts if isinstance(p, kind) and len(p.units())]
        task = measured[0].task if measured else self.task
        assert isinstance(task, Number)
        self.task = task
        _refuse_contradictions([part for part, t in self.local if t == 1])

    def naive(self) -> Values:
        """Known values where there are any, else the mean of what the other parts take as the value."""
        levels = [part for part in self.parts if not isinstance(part, Preferences)] or list(self.parts)
        exact = mean_values([part.naive() for part in levels if part.exact() is not None], len(self))
        others = mean_values([part.naive() for part in levels], len(self))
        return Values(np.where(np.isnan(exact), others, exact))

    def ties(self, part: Labels) -> bool:
        return isinstance(part, Values | Intervals | Means)

    @cached_property
    def structure(self) -> Structure:
        observed = [part.units().sites for part, _ in self.local]
        bags = [part.units() for part, _ in self.means]
        nodes = Nodes.merged(np.concatenate([NONE, *observed, *(units.sites for units in bags)]), NONE, NONE)
        over = [nodes.members(units)[0] for units in bags]
        component = components(len(nodes), over)
        return Structure(
            nodes,
            tuple(torch.from_numpy(nodes.of(sites)) for sites in observed),
            tuple(Members.of(units, torch.device("cpu")) for units in over),
            component,
            tuple(component[units.sites[units.offsets[:-1]]] for units in over),
        )

    @cached_property
    def shaped(self) -> NDArray[np.bool_]:
        """(touched sites,) whether a site is not normal given its own evidence: cut, or heard of with doubt."""
        shaped = np.zeros(len(self.structure.nodes), dtype=bool)
        exact = np.zeros_like(shaped)
        for (part, t), place in zip(self.local, self.structure.places, strict=True):
            if t < 1 or isinstance(part, Intervals):
                shaped[place.numpy()] = True
            else:
                exact[place.numpy()[part.noise[part.units().sites] == 0]] = True
        return shaped & ~exact

    @property
    def composite(self) -> bool:
        """Whether some component has several means, or some bag several sites that are not normal."""
        several = (
            np.bincount(m.owner.numpy()[self.shaped[m.node.numpy()]], minlength=1) for m in self.structure.members
        )
        return self.structure.composite or any(bool((counts > 1).any()) for counts in several)

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        belief = normal(prediction)
        beliefs, shaped = self._believed(belief)
        own = [means.log_likelihood(beliefs, shaped) * t for means, t in self._over(belief.mean.device)]
        total = self.structure.log_likelihood(beliefs.log_evidence(), own)
        refuse_impossible(total, self.structure.units(), 1)
        aside = (part.log_likelihood(prediction) * t for part, t in self.aside)
        return torch.cat([total.to(belief.mean.dtype), *aside])

    def posterior(self, prediction: Prediction) -> Prediction:
        """Normal with the moments of what is believed: Tweedie's where the likelihood is exact, else side by side."""
        belief = normal(prediction)
        with torch.no_grad():
            beliefs, shaped = self._believed(belief)
            over = self._over(belief.mean.device)
            said = [(means.members.node, *means.moments(beliefs, shaped), t) for means, t in over]
            return updated(belief, self._sites(belief.mean.device), *beside(*beliefs.moments(), said))

    def _sites(self, device: torch.device) -> Tensor:
        return torch.from_numpy(self.structure.nodes.sites).to(device)

    def _believed(self, belief: Normal) -> tuple[Beliefs, Tensor]:
        """What is believed of the touched sites given their own evidence, and which of them are shaped."""
        device = belief.mean.device
        sources = []
        for (part, t), place in zip(self.local, self.structure.places, strict=True):
            cuts, sites = isinstance(part, Intervals), part.units().sites
            pair = (part.low, part.high) if isinstance(part, Intervals) else (part.v, part.noise)
            first, second = (torch.from_numpy(array[sites]).to(device) for array in pair)
            sources.append(Source(place.to(device), first, second, cuts, t))
        touched = belief.take(self._sites(device))
        return believed(*precise(touched), sources, self.task), torch.from_numpy(self.shaped).to(device)

    def _over(self, device: torch.device) -> list[tuple[BagMeans, float]]:
        """The means of every part over the touched sites, and their trust."""
        pairs = zip(self.means, self.structure.members, strict=True)
        return [(part.over(members.to(device)), t) for (part, t), members in pairs]


def mean_values(parts: Sequence[Labels], records: int) -> NDArray[np.float64]:
    """(records,) the mean over parts of the values that they give a record, NaN where none does."""
    total, count = np.zeros(records), np.zeros(records)
    for part in parts:
        assert isinstance(part, Values)
        known = ~np.isnan(part.v)
        total[known] += part.v[known]
        count += known
    with np.errstate(invalid="ignore"):
        return total / count


def _refuse_contradictions(parts: Sequence[Labels]) -> None:
    """`InputError` that names the first record whose trusted values and intervals leave no number."""
    if not parts:
        return
    n = len(parts[0])
    low, high, exact = np.full(n, -np.inf), np.full(n, np.inf), np.full(n, np.nan)
    for part in parts:
        if isinstance(part, Intervals):
            low, high = np.fmax(low, part.low), np.fmin(high, part.high)
        elif isinstance(part, Values):
            value = np.where(part.noise == 0, part.v, np.nan)
            if len(bad := np.flatnonzero((value != exact) & ~np.isnan(value) & ~np.isnan(exact))):
                raise InputError(
                    f"record {bad[0]} has the values {exact[bad[0]]:g} and {value[bad[0]]:g}, both without noise; mend "
                    "or drop one, or give them a scale"
                )
            exact = np.fmax(exact, value)
    if len(bad := np.flatnonzero(low >= high)):
        raise InputError(
            f"record {bad[0]} has intervals that share no more than a point: one starts at {low[bad[0]]:g}, another "
            f"ends at {high[bad[0]]:g}; mend or drop one, or trust one of their parts by less than 1"
        )
    if len(bad := np.flatnonzero((exact < low) | (exact > high))):
        raise InputError(
            f"record {bad[0]} has the value {exact[bad[0]]:g} and an interval from {low[bad[0]]:g} to "
            f"{high[bad[0]]:g}, which excludes it; mend or drop one, or give the value a scale"
        )
