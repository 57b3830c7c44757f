"""The mean of the numbers in a bag, on top of what is believed of each of them.

Sites that are normal given their own evidence sum to a normal. A *shaped* site is one that is not: cut to an
interval, or heard of from a source that may be wrong. Seen from a shaped site, the bag's mean is one more value of
its own, with the spread of the other sites as noise.

With one shaped site in a bag, that is exact. With several, the likelihood is p(mean) times each shaped site's
evidence given the mean, where the others are taken uncut: a composite conditional likelihood (Varin, Reid and Firth
2011). The posterior takes the others as normal with the moments that their own evidence gives them (assumed density,
Maybeck 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tacit.labels.coupled import Members, unit_sums
from tacit.labels.number_sites import Beliefs, conditioned


@dataclass(frozen=True)
class BagMeans:
    """Units of sites, and (units,) the mean of each and the variance of its observation."""

    members: Members
    value: Tensor
    noise: Tensor

    @property
    def sizes(self) -> Tensor:
        """(units,) sites in each."""
        return self.members.offsets.diff().to(self.value)

    def log_likelihood(self, beliefs: Beliefs, shaped: Tensor) -> Tensor:
        """(units,) log-density of the means, given the evidence that ``beliefs`` hold on each site by itself.

        ``shaped``: (sites,) whether a site is not normal.
        """
        sums = _Sums.of(self, *beliefs.uncut(), shaped)
        before = beliefs.at(sums.site)
        given = sums.heard(before).log_evidence() - before.log_evidence()
        total, spread = sums.mean + sums.shaped_mean, sums.variance + sums.shaped_variance
        free = conditioned(total, spread, sums.target, torch.zeros_like(spread))[0]
        once = torch.where(sums.count == 1, 0.0, (1 - sums.count) * free)
        return self.sizes.log() + once + sums.over_units(given)

    def moments(self, beliefs: Beliefs, shaped: Tensor) -> tuple[Tensor, Tensor]:
        """(members,) mean and variance of each member's site, given its unit and the evidence on each site."""
        mean, variance = beliefs.moments()
        sums = _Sums.of(self, mean, variance, shaped)
        own_mean, own_variance = sums.heard(beliefs.at(sums.site)).moments()
        left = sums.target - sums.mean
        share = _ratio(sums.shaped_variance, sums.shaped_variance + sums.variance)
        one = sums.count == 1
        # What the shaped sites of a unit sum to: known exactly for one of them, as of a normal for several.
        total = torch.where(
            one,
            sums.over_units(own_mean),
            sums.shaped_mean + share * (left - sums.shaped_mean),
        )
        spread = torch.where(one, sums.over_units(own_variance), share * sums.variance)
        unit, node = self.members.owner, self.members.node
        gain = _ratio(variance[node], sums.variance[unit])
        after = mean[node] + gain * (left - total)[unit]
        kept = _ratio(variance[node] * (sums.variance[unit] - variance[node]).clamp_min(0.0), sums.variance[unit])
        return (
            after.index_copy(0, sums.member, own_mean),
            (kept + gain**2 * spread[unit]).index_copy(0, sums.member, own_variance),
        )


@dataclass(frozen=True)
class _Sums:
    """What the sites of each unit sum to, apart for normal and for shaped ones.

    ``target``: (units,) what the whole unit sums to; ``mean``, ``variance``: of the normal sites' sum, and of the
    observation; ``shaped_mean``, ``shaped_variance`` and ``count``: of the shaped ones. ``member``: the shaped
    members, and their ``unit``, ``site``, ``own_mean`` and ``own_variance``.
    """

    target: Tensor
    mean: Tensor
    variance: Tensor
    shaped_mean: Tensor
    shaped_variance: Tensor
    count: Tensor
    member: Tensor
    unit: Tensor
    site: Tensor
    own_mean: Tensor
    own_variance: Tensor

    @staticmethod
    def of(means: BagMeans, mean: Tensor, variance: Tensor, shaped: Tensor) -> _Sums:
        """From what is believed of each site, taken as normal."""
        members, sizes = means.members, means.sizes
        mean, variance, apart = mean[members.node], variance[members.node], shaped[members.node]

        def summed(values: Tensor) -> Tensor:
            return unit_sums(values, members)

        member = torch.nonzero(apart)[:, 0]
        return _Sums(
            sizes * means.value,
            summed(torch.where(apart, 0.0, mean)),
            summed(torch.where(apart, 0.0, variance)) + sizes**2 * means.noise,
            summed(torch.where(apart, mean, 0.0)),
            summed(torch.where(apart, variance, 0.0)),
            summed(apart.to(mean)),
            member,
            members.owner[member],
            members.node[member],
            mean[member],
            variance[member],
        )

    def heard(self, shaped: Beliefs) -> Beliefs:
        """Of the shaped sites, once each has heard what the mean and all other sites leave for it."""
        others = self.mean[self.unit] + (self.shaped_mean[self.unit] - self.own_mean)
        spread = self.variance[self.unit] + (self.shaped_variance[self.unit] - self.own_variance).clamp_min(0.0)
        return shaped.given(self.target[self.unit] - others, spread)

    def over_units(self, values: Tensor) -> Tensor:
        """(units,) sums of one value for each shaped member."""
        return torch.zeros_like(self.target).index_add(0, self.unit, values)


def beside(
    mean: Tensor, variance: Tensor, said: Sequence[tuple[Tensor, Tensor, Tensor, float]]
) -> tuple[Tensor, Tensor]:
    """(sites,) mean and variance once bags are heard, from what sites' own evidence says and what each bag does.

    ``said``: for every part the site, mean and variance, (members,) each, and the trust. One bag on a site gives its
    posterior, by the share of its trust; several give p · prod_u(post_u / p) as normals, none of which may widen it.
    """
    count, shift, change, weight, pull = (torch.zeros_like(mean) for _ in range(5))
    for site, post_mean, post_variance, trust in said:
        prior = variance[site]
        moved = post_mean - mean[site]
        least = torch.finfo(prior.dtype).eps * prior
        precision = trust * _ratio(prior, torch.minimum(torch.maximum(post_variance, least), prior))
        count = count.index_add(0, site, torch.ones_like(prior))
        shift = shift.index_add(0, site, trust * moved)
        change = change.index_add(0, site, trust * (post_variance - prior))
        weight = weight.index_add(0, site, (precision - trust).clamp_min(0.0))
        pull = pull.index_add(0, site, precision * moved)
    several = count > 1
    return (
        mean + torch.where(several, pull / (1 + weight), shift),
        torch.where(several, variance / (1 + weight), variance + change),
    )


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, 0 where both are 0."""
    return part / torch.where(whole == 0, 1.0, whole)
