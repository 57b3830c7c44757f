"""What a set of votes says of each record: majority, one coin, Dawid and Skene, and tacit's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels.aggregation.confusions import Estimator, Free, OneCoin, distributions
from tacit.labels.aggregation.dependence import shared_weight
from tacit.labels.aggregation.distinct import distinct
from tacit.labels.aggregation.em import Fit, expected, fit
from tacit.labels.aggregation.regularised import Regularised
from tacit.labels.aggregation.tally import Floats, Tally

if TYPE_CHECKING:
    from tacit.labels.votes import Votes

ITERATIONS = 10
"""As many as Dawid and Skene's own example took; more let few votes drift."""

ENOUGH = 1_000
"""Votes of a source for each class from which its confusions are known well enough to begin with."""

MOST_DRAWN = 0.5
"""The most of all items that a part is worth the trouble."""

REFINING = 2
"""Iterations over all items after those over a part."""


@dataclass(frozen=True)
class Aggregate:
    """What votes add up to.

    ``p``: (n, C) beliefs, for records that no one speaks of the prior. ``prior``: (C,) what is believed of those.
    ``confusion``: (S, C, K) as in `Votes`, and ``weight`` (S,) what part of an independent source each counts for;
    both None for a majority. ``log_likelihood``: of all votes together; NaN for a majority, which is no model of them.
    """

    p: Floats
    prior: Floats
    confusion: Floats | None = None
    weight: Floats | None = None
    log_likelihood: float = float("nan")


def majority(votes: Votes) -> Aggregate:
    """The class with most votes; tied classes share alike, so that accuracies are expected ones under random ties."""
    numbers = votes.tally().numbers()
    first = numbers == numbers.max(axis=1, keepdims=True)
    winners = first / first.sum(axis=1, keepdims=True)
    return _spread(votes, winners, np.full(votes.outcomes, 1 / votes.outcomes))


def one_coin(votes: Votes, iterations: int = ITERATIONS, smoothing: float = 1.0) -> Aggregate:
    """Each source is right at a rate of its own, whatever the truth: expectation-maximisation from vote shares.

    ``smoothing`` right and as many wrong votes are added to each source's.
    """
    return _fitted(votes, OneCoin(_positive(smoothing)), iterations)


def dawid_skene(votes: Votes, iterations: int = ITERATIONS, smoothing: float = 0.01) -> Aggregate:
    """Each source has a confusion matrix of its own (Dawid and Skene 1979), by as many steps from vote shares.

    ``smoothing`` votes are added to every cell of each matrix and items to every class. Silence is one more column
    where the votes hold it informative.
    """
    return _fitted(votes, Free(_positive(smoothing)), iterations)


def aggregate(votes: Votes, iterations: int = ITERATIONS) -> Aggregate:
    """tacit's own: confusions that are partially pooled or believed (`Regularised`), near-duplicates share a vote.

    Where silence says nothing, it also begins with what `one_coin` believes, and the likelier end is taken: from vote
    shares, in which all sources look alike, few votes do not find the bad ones. Where silence is an outcome, a record
    without a vote is believed to be like those with one on average.

    Where most sources have many more than ``ENOUGH`` votes a class, a random part of the items tells how sources err,
    of which each source has about so many or all of its votes; ``REFINING`` more iterations over all items follow.
    """
    tally, which = _merged(votes, iterations)
    part = _enough(tally)
    weight = shared_weight(part)
    best = _likeliest(part, weight, iterations)
    if part is not tally:
        best = fit(tally, Regularised(), weight, REFINING, start=expected(tally, best, weight))
    found = _aggregate(votes, which, weight, best)
    if not votes.informative:
        return found
    voted = np.diff(votes.ballots.offsets) > 0
    typical = distributions(found.p[voted].sum(axis=0) + 1.0)
    return replace(found, p=np.where(voted[:, None], found.p, typical), prior=typical)


def _fitted(votes: Votes, estimator: Estimator, iterations: int) -> Aggregate:
    tally, which = _merged(votes, iterations)
    weight = np.ones(tally.sources)
    return _aggregate(votes, which, weight, fit(tally, estimator, weight, iterations))


def _likeliest(tally: Tally, weight: Floats, iterations: int) -> Fit:
    """From vote shares, or where it ends likelier from one coin."""
    even = fit(tally, Regularised(), weight, iterations)
    if tally.informative:
        return even
    skilled = fit(tally, OneCoin(1.0), weight, iterations).p
    return max(even, fit(tally, Regularised(), weight, iterations, start=skilled), key=lambda f: f.log_likelihood)


def _enough(tally: Tally) -> Tally:
    """Random items, such that each source has ``ENOUGH`` votes a class or all its own; all items where it is most."""
    source = tally.said.indices // tally.classes
    votes = np.bincount(source, minlength=tally.sources)
    # Merged items are few already, and one that stands for many may not be left out.
    if tally.times is not None or votes.sum() <= ENOUGH * tally.classes * tally.sources:
        return tally
    share = np.minimum(1.0, ENOUGH * tally.classes / np.maximum(votes, 1))
    wanted = np.full(len(tally), share.min())
    voted = tally.voted()
    wanted[voted] = np.maximum.reduceat(share[source], tally.said.indptr[:-1][voted])
    return tally.drawn(wanted) if wanted.mean() < MOST_DRAWN else tally


def _merged(votes: Votes, iterations: int) -> tuple[Tally, NDArray[np.int64]]:
    """`distinct` votes, for so many iterations."""
    if iterations < 1:
        raise InputError(f"{iterations} iterations were asked for; give 1 or more")
    return distinct(votes.tally())


def _aggregate(votes: Votes, which: NDArray[np.int64], weight: Floats, found: Fit) -> Aggregate:
    """What was ``found`` of the rows ``which`` the records have become."""
    whole = _spread(votes, found.p[which], found.prior)
    return Aggregate(whole.p, found.prior, found.confusion, weight, found.log_likelihood)


def _spread(votes: Votes, p: Floats, prior: Floats) -> Aggregate:
    """Beliefs of the records that are spoken of, the prior of all others."""
    everywhere = np.tile(prior, (len(votes), 1))
    everywhere[votes.observed()] = p
    return Aggregate(everywhere, prior)


def _positive(smoothing: float) -> float:
    if not smoothing > 0:
        raise InputError(f"a smoothing of {smoothing:g} was given; give a number above 0, for what was never seen")
    return smoothing
