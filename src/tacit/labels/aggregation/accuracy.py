"""How often each source is right, with an interval, by what is believed of the items that it spoke of."""

from __future__ import annotations

import numpy as np

from tacit.labels.aggregation.tally import Floats, Tally

Z = 1.959963984540054
"""Standard deviations of a 95 % interval."""


def accuracy(tally: Tally, p: Floats) -> Floats:
    """(S, 4): each source's votes, the part of them that is right, and its interval; NaN without votes.

    ``p``: (items, C) beliefs, so that a vote is right by as much as its class is believed. The interval is Wilson's
    (1927), as if beliefs were truths: it says what the number of votes leaves open, not what the beliefs do.
    """
    each = tally.expected(p)
    votes, right = each.sum(axis=(1, 2)), np.einsum("scc->s", each)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = right / votes
        centre = (rate + Z**2 / (2 * votes)) / (1 + Z**2 / votes)
        half = Z / (1 + Z**2 / votes) * np.sqrt(rate * (1 - rate) / votes + Z**2 / (4 * votes**2))
    return np.stack([votes, rate, centre - half, centre + half], axis=1)
