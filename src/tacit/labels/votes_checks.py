"""What votes have to be before anything is made of them: errors name the vote, the record, the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from tacit.errors import InputError
from tacit.labels.indices import frozen, whole

OFF = 1e-3
"""How far from 1 a row of a confusion may sum: rounded rows pass, and are rescaled."""

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Triples:
    """One line a vote, in the order given: its record, its source, its class; abstentions are left out."""

    item: Ints
    source: Ints
    vote: Ints

    @staticmethod
    def checked(item: Any, source: Any, vote: Any, n: int) -> Triples:
        """From arrays of ints, where a vote of -1 or None abstains."""
        found = Triples(_ints(item), _ints(source), _ints(vote))
        sizes = [len(found.item), len(found.source), len(found.vote)]
        if len(set(sizes)) > 1:
            raise InputError(
                f"there are {sizes[0]:,} records, {sizes[1]:,} sources and {sizes[2]:,} votes; give equally many"
            )
        if len(bad := np.flatnonzero((found.item < 0) | (found.item >= n))):
            raise InputError(
                f"vote {bad[0]} names record {found.item[bad[0]]}, but records go from 0 to {n - 1}; mend or drop it"
            )
        if len(bad := np.flatnonzero(found.source < 0)):
            raise InputError(f"vote {bad[0]} names source {found.source[bad[0]]}; sources go from 0")
        if len(bad := np.flatnonzero(found.vote < -1)):
            raise InputError(
                f"vote {bad[0]}, on record {found.item[bad[0]]}, is for class {found.vote[bad[0]]}; classes go from 0, "
                "and -1 abstains"
            )
        given = found.vote >= 0
        return found if given.all() else Triples(found.item[given], found.source[given], found.vote[given])

    def refuse_beyond(self, classes: Sequence[str], sources: Sequence[str]) -> None:
        """`InputError` that names a vote for a class, or of a source, that there is not."""
        if len(self.vote) and self.vote.max() >= len(classes):
            k = int(np.argmax(self.vote >= len(classes)))
            raise InputError(
                f"record {self.item[k]} has a vote for class {self.vote[k]}, but classes go from 0 to "
                f"{len(classes) - 1}; mend it, or name all classes"
            )
        if len(self.source) and self.source.max() >= len(sources):
            k = int(np.argmax(self.source >= len(sources)))
            raise InputError(
                f"record {self.item[k]} has a vote of source {self.source[k]}, but there are {len(sources)} sources; "
                "mend it, or name all sources"
            )

    def refuse_repeats(self, sources: Sequence[str]) -> None:
        """`InputError` where a source has two votes on one record, so that its outcome is not one."""
        key = self.item.astype(np.int64) * len(sources) + self.source
        if (np.diff(key) > 0).all():
            return
        first, count = np.unique(key, return_counts=True)
        if len(twice := first[count > 1]):
            record, source = divmod(int(twice[0]), len(sources))
            raise InputError(
                f"record {record} has several votes of source {sources[source]!r}; where silence is an outcome there "
                "is one outcome each: keep one of them"
            )

    def ordered(self, n: int) -> Triples:
        """By record, the votes on one record in the order given; linear in time."""
        if (np.diff(self.item) >= 0).all():
            return self
        count = len(self.item)
        lines = csc_array((np.ones(count, dtype=np.int8), self.item, np.arange(count + 1)), shape=(n, count))
        order = lines.tocsr().indices
        return Triples(self.item[order], self.source[order], self.vote[order])


def once_each(item: Ints, source: Ints, vote: Ints, clash: Callable[[int, int], str]) -> NDArray[np.int64]:
    """The lines that vote, but for those that repeat what the same source has said of the same record, ascending.

    Two lines that contradict each other are an `InputError` that says ``clash`` of their numbers.
    """
    lines = np.flatnonzero(vote >= 0)
    key = item[lines].astype(np.int64) * (int(source.max(initial=0)) + 1) + source[lines]
    order = np.argsort(key, kind="stable")
    again = np.append(False, np.diff(key[order]) == 0)[: len(order)]
    ordered = lines[order]
    if len(bad := np.flatnonzero(again[1:] & (np.diff(vote[ordered]) != 0))):
        raise InputError(clash(int(ordered[bad[0]]), int(ordered[bad[0] + 1])))
    return np.sort(ordered[~again])


def class_count(triples: Triples, classes: Sequence[str] | None, confusion: Any) -> int:
    """C, from the names, else the confusion, else the votes."""
    if classes is not None:
        return len(classes)
    if confusion is not None and np.ndim(confusion) == 3:
        return int(np.shape(confusion)[1])
    if not len(triples.vote):
        raise InputError("no vote names a class, so that nothing says what the classes are; give classes=[...]")
    return int(triples.vote.max()) + 1


def source_names(triples: Triples, sources: Sequence[str] | None, confusion: Any) -> tuple[str, ...]:
    """The names as given, else numbers."""
    if sources is None:
        count = (
            len(confusion) if confusion is not None and np.ndim(confusion) else int(triples.source.max(initial=-1)) + 1
        )
        sources = [str(s) for s in range(count)]
    if not len(sources):
        raise InputError("there is no source of votes; give sources=[...] where all of them abstain")
    if len(set(sources)) != len(sources):
        raise InputError("two sources have the same name")
    return tuple(sources)


def checked_confusion(confusion: Any, sources: Sequence[str], classes: Sequence[str], informative: bool) -> Floats:
    """(S, C, K) distributions, or an `InputError` that names source and class."""
    try:
        found = np.array(confusion, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the confusion is no array of numbers; give (S, C, C), source by truth by vote") from None
    shape = (len(sources), len(classes), len(classes) + informative)
    if found.shape != shape:
        silence = ", the last outcome being silence" if informative else ""
        raise InputError(f"the confusion has shape {found.shape}; give {shape}, source by truth by vote{silence}")
    total = found.sum(axis=2)
    for wrong, what in (
        (~(found >= 0).all(axis=2), "holds a negative number or none"),
        (~(np.abs(total - 1) <= OFF), "does not sum to 1"),
    ):
        if wrong.any():
            s, c = np.argwhere(wrong)[0]
            raise InputError(f"the confusion of source {sources[s]!r} where the truth is {classes[c]!r} {what}")
    return frozen(np.where(np.abs(total - 1)[:, :, None] > 1e-9, found / total[:, :, None], found))


def checked_weight(weight: Any, sources: Sequence[str]) -> Floats:
    """(S,) numbers in (0, 1]; ones where none are given."""
    found = np.ones(len(sources)) if weight is None else np.array(weight, dtype=np.float64)
    if found.shape != (len(sources),):
        raise InputError(f"the weight has shape {found.shape}; give one number for each of {len(sources)} sources")
    if len(bad := np.flatnonzero(~((found > 0) & (found <= 1)))):
        raise InputError(f"source {sources[bad[0]]!r} has a weight of {found[bad[0]]:g}; give one above 0, at most 1")
    return frozen(found)


def _ints(values: Any) -> Ints:
    array = np.asarray(values)
    integers = array.ndim == 1 and np.issubdtype(array.dtype, np.integer)
    return array if integers else whole(values, "vote")
