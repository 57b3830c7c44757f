"""How often each source is right, with an interval, by what is believed of the items that it spoke of."""

from __future__ import annotations

import numpy as np

from tacit.labels.aggregation.tally import Floats, Tally

Z = 1.959963984540054
"""Standard deviations of a 95 % interval."""


def accuracy(tally: Tally, p: Floats) -> Floats:
    """(S, 4): each source's votes, the part of them that is right, and its interval; NaN without votes.

    ``p``: (items, C) beliefs, so that a vote is right by as much as its class is believed. The interval is Wilson's
    (1927), within 0 and 1, with the variance that the rate has by the law of total variance: where r of n votes are
    right, E[r (n - r)] / n^3 for what n votes leave open, and sum q (1 - q) / n^2 for the beliefs q that each is.
    Where beliefs are certain it is Wilson's own. Items count as independent and beliefs as calibrated: that the
    confusions behind them are estimates is not in it.
    """
    each = tally.expected(p)
    votes, right = each.sum(axis=(1, 2)), np.einsum("scc->s", each)
    doubt = np.einsum("scc->s", tally.expected(p * (1 - p)))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = right / votes
        # What is more than rate (1 - rate) / n, which Wilson's interval has already.
        more = doubt / votes**2 * (1 - 1 / votes)
        scale = 1 + Z**2 / votes
        centre = (rate + Z**2 / (2 * votes)) / scale
        half = Z / scale * np.sqrt(rate * (1 - rate) / votes + more * scale + Z**2 / (4 * votes**2))
    return np.stack([votes, rate, np.maximum(centre - half, 0), np.minimum(centre + half, 1)], axis=1)
