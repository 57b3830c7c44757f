"""Items that were given the same votes are one item that counts several times: no sum over items is another then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tacit.labels.aggregation.tally import Tally

FEWER = 0.5
"""Rows are merged where at most this part of them is left; else it is not worth the copy."""


def distinct(tally: Tally) -> tuple[Tally, NDArray[np.int64]]:
    """One item for each set of votes, and (items,) the row that each item has become.

    A few rules, or workers of one shift, give a million items a few thousand sets of votes.
    """
    words = np.random.default_rng(0).integers(0, 2**64, (2, tally.said.shape[1]), dtype=np.uint64)
    key, check = (_keys(tally.said, row) for row in words)
    first, which = _grouped(key)
    if len(first) > FEWER * len(key) or (check[first][which] != check).any():
        return tally, np.arange(len(key))
    times = np.bincount(which, tally.times).astype(np.float64)
    return replace(tally, said=tally.said[first], times=times), which


def _grouped(key: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An item of each key, and (items,) the number of its key. `np.unique` sorts stably, at twice the time."""
    order = np.argsort(key)
    ordered = key[order]
    new = np.append(True, ordered[1:] != ordered[:-1])[: len(key)]
    which = np.empty(len(key), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return order[new], which


def _keys(said: csr_array | Any, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(items,) the sum of the words of an item's votes, modulo 2^64: the same for the same votes in any order."""
    total = np.zeros(len(said.indices) + 1, dtype=np.uint64)
    np.cumsum(words[said.indices], out=total[1:])
    return total[said.indptr[1:]] - total[said.indptr[:-1]]
