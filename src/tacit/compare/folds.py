"""Stratified folds over labelled records; groups stay together, and a class never loses its last label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError

NEVER = -1
"""The fold of records that are always trained on."""


def make_folds(
    strata: NDArray[np.float64],
    k: int,
    rng: np.random.Generator,
    groups: NDArray[np.object_] | None = None,
    numeric: bool = False,
) -> NDArray[np.int64]:
    """(n,) fold numbers from 0 to k - 1, or ``NEVER``.

    ``strata``: (n,) class numbers, or with ``numeric`` the values themselves, dealt in sorted order. A class
    with one label is never held out, nor are groups that hold all labels of a class.
    """
    if k < 2:
        raise ValueError(f"{k} folds cannot hold anything out; at least 2 are needed")
    if groups is not None:
        return _grouped(strata, k, rng, groups, numeric)
    fold = np.full(len(strata), NEVER, dtype=np.int64)
    if numeric:
        order = np.lexsort((rng.permutation(len(strata)), strata))
        for start in range(0, len(order), k):
            part = order[start : start + k]
            fold[part] = rng.permutation(k)[: len(part)]
        return fold if len(strata) > 1 else np.full(len(strata), NEVER, dtype=np.int64)
    offset = 0
    for c in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == c))
        if len(members) > 1:
            fold[members] = (offset + np.arange(len(members))) % k
            offset += len(members)
    return fold


def inner_folds(
    strata: NDArray[np.float64], k: int, rng: np.random.Generator, groups: NDArray[np.object_] | None = None
) -> NDArray[np.int64]:
    """As `make_folds`, of what a fold has left over: all ``NEVER`` where that is one group."""
    if groups is not None and len(np.unique(groups.astype(str))) < 2:
        return np.full(len(strata), NEVER, dtype=np.int64)
    return make_folds(strata, k, rng, groups)


def _grouped(
    strata: NDArray[np.float64], k: int, rng: np.random.Generator, groups: NDArray[np.object_], numeric: bool
) -> NDArray[np.int64]:
    names, member = np.unique(groups.astype(str), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"all labelled records are in one group ({names[0]!r}); folds need two groups at least")
    k = min(k, len(names))
    load = np.zeros(k)
    home = np.full(len(names), NEVER, dtype=np.int64)
    sizes = np.bincount(member)
    for g in sorted(rng.permutation(len(names)), key=lambda g: -int(sizes[g])):
        home[g] = int(np.argmin(load))
        load[home[g]] += sizes[g]
    alone = None if numeric else _only_home(strata, member, home)
    while alone is not None:
        # all of these groups, not the class's records alone: the rest would be judged by models that know the group
        home[alone] = NEVER
        alone = _only_home(strata, member, home)
    return home[member]


def _only_home(
    strata: NDArray[np.float64], member: NDArray[np.int64], home: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """The groups of a class whose labels would all be held out at once, if there is such a class."""
    for c in np.unique(strata):
        groups = np.unique(member[strata == c])
        if home[groups[0]] != NEVER and len(np.unique(home[groups])) == 1:
            return groups
    return None
