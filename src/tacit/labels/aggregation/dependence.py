"""Sources that copy each other: found by how they agree beyond what a common truth explains, and made to share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from tacit.labels.aggregation.tally import Floats, Tally

COPIES = 0.5
"""Sources are near-duplicates where more than this part of what truth leaves open is agreement."""

SKILLED = 0.15
"""Votes that are chosen one by one are compared where sources typically agree by more than this kappa."""

IDENTICAL = 0.99
"""And beyond this kappa in any case."""

RISK = 0.05
"""The probability that any pair of independent sources is taken for near-duplicates by chance."""

MOST_SOURCES = 2_000
"""Beyond, pairs are not compared: there are too many, and each has too few items in common."""

MOST_PAIRS = 50_000_000
"""Pairs of votes that are compared; of more items, a random part is enough."""

SURE = 0.99
"""The most that truth may explain of an agreement."""


@dataclass(frozen=True)
class Agreement:
    """How pairs of sources agree, (S, S) each; NaN on the diagonal and where they have no item in common.

    ``common``: items that both speak of. ``agreed``: the part of them on which they say the same. ``chance``: that
    part for sources that know nothing of each other nor of any truth. ``kappa``: agreement beyond chance (Cohen
    1960).
    """

    common: Floats
    agreed: Floats
    chance: Floats
    kappa: Floats


def agreement(tally: Tally) -> Agreement:
    """From the votes; silence is something to agree on where it is an outcome."""
    said, times = _thinned(tally)
    by_class = [said[:, c :: tally.classes] for c in range(tally.classes)]
    same = sum((_products(votes, times) for votes in by_class), start=np.zeros((tally.sources, tally.sources)))
    common = _products(sum(by_class[1:], start=by_class[0]), times)
    outcomes = np.stack([v.T @ times for v in by_class], axis=1)
    if tally.informative:
        items = float(times.sum())
        total = outcomes.sum(axis=1)
        same = same + items - total[:, None] - total[None, :] + common
        common = np.full_like(common, items)
        outcomes = np.column_stack([outcomes, items - total])
    rates = outcomes / np.maximum(outcomes.sum(axis=1, keepdims=True), 1.0)
    np.fill_diagonal(common, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        agreed = np.where(common > 0, same / common, np.nan)
        chance = np.where(common > 0, rates @ rates.T, np.nan)
        kappa = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    return Agreement(common, agreed, chance, kappa)


def shared_weight(tally: Tally) -> Floats:
    """(S,) what part of an independent source each counts for: 1, or less for near-duplicates.

    If sources err independently, kappa of a pair is the product of what each owes to the truth, as in a factor
    model with one factor (structure learning of label models: Bach et al. 2017, Varma et al. 2019). Each source's
    part is read off the median over its pairs, which a few copies do not move. A pair whose kappa leaves more than
    ``COPIES`` of the rest unexplained, beyond chance at ``RISK`` over all pairs, are near-duplicates, and a source
    counts for 1 / (1 + the sum of what its duplicates share with it): k copies are one voter. Two good sources among
    bad ones look like two copies: fewer than three sources are never compared, and where silence says nothing fewer
    than four, and none that agree with most others by chance alone.
    """
    weight = np.ones(tally.sources)
    if not (3 if tally.informative else 4) <= tally.sources <= MOST_SOURCES or not len(tally):
        return weight
    found = agreement(tally)
    common, kappa = found.common, found.kappa
    typical = _lower_median(kappa)
    centre = float(_lower_median(typical[None, :])[0])
    explained = np.outer(typical, typical) / centre if centre > 0 else np.zeros_like(kappa)
    explained = np.clip(explained, 0.0, SURE)
    excess = (kappa - explained) / (1 - explained)
    expected = found.chance + (1 - found.chance) * explained
    pairs = max(int((common > 0).sum()) // 2, 1)
    with np.errstate(invalid="ignore"):
        by_chance = binom.sf(found.agreed * common - 0.5, common, expected)
        copies = (excess > COPIES) & (by_chance < RISK / pairs)
    if not tally.informative:
        copies &= (np.minimum.outer(typical, typical) > SKILLED) | (kappa > IDENTICAL)
    return np.asarray(weight / (1 + np.where(copies, np.minimum(excess, 1.0), 0.0).sum(axis=1)))


def _thinned(tally: Tally) -> tuple[Any, Floats]:
    """Items with about ``MOST_PAIRS`` pairs of votes at most, and how often each counts."""
    pairs = float((np.diff(tally.said.indptr).astype(np.float64) ** 2).sum())
    part = tally if pairs <= MOST_PAIRS else tally.drawn(MOST_PAIRS / pairs)
    return part.said, np.ones(len(part)) if part.times is None else part.times


def _products(votes: Any, times: Floats) -> Floats:
    """(S, S) items on which both vote so."""
    return np.asarray((votes.T @ (votes * times[:, None])).toarray(), dtype=np.float64)


def _lower_median(values: Floats) -> Floats:
    """(rows,) the lower median of each row's numbers; 0 where there are none."""
    ordered = np.sort(values, axis=1)
    known = (~np.isnan(ordered)).sum(axis=1)
    middle = np.maximum(known - 1, 0) // 2
    return np.where(known > 0, ordered[np.arange(len(ordered)), middle], 0.0)
