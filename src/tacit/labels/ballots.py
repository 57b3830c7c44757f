"""Votes by record, 4 bytes each, 9 bytes a record: what any number of sources said of n records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tacit.labels.aggregation.tally import Tally
from tacit.labels.indices import frozen
from tacit.labels.votes_checks import Triples


@dataclass(frozen=True)
class Ballots:
    """Record i has the votes ``code[offsets[i]:offsets[i + 1]]``, of source ``code // classes`` for ``code % classes``.

    ``seen``: (n,) the records that something is known of, be it that no source voted.
    """

    code: NDArray[np.int32]
    offsets: NDArray[np.int64]
    seen: NDArray[np.bool_]
    classes: int

    def __post_init__(self) -> None:
        for array in (self.code, self.offsets, self.seen):
            array.setflags(write=False)

    @classmethod
    def of(cls, triples: Triples, n: int, classes: int, all_seen: bool) -> Self:
        """From votes that are ordered by record."""
        code = triples.source.astype(np.int32) * np.int32(classes) + triples.vote.astype(np.int32)
        sizes = np.bincount(triples.item, minlength=n)
        return cls(code, _cumulated(sizes), (sizes > 0) | all_seen, classes)

    def __len__(self) -> int:
        """The number of records."""
        return len(self.seen)

    @property
    def item(self) -> NDArray[np.int64]:
        """(votes,) the record of each vote, ascending."""
        return frozen(np.repeat(np.arange(len(self)), np.diff(self.offsets)))

    @property
    def source(self) -> NDArray[np.int32]:
        """(votes,) the source of each vote."""
        return frozen(self.code // np.int32(self.classes))

    @property
    def vote(self) -> NDArray[np.int32]:
        """(votes,) the class of each vote."""
        return frozen(self.code % np.int32(self.classes))

    @property
    def repeats(self) -> bool:
        """Whether any source has several votes on one record."""
        pairs = self.item * (int(self.source.max(initial=0)) + 1) + self.source
        return len(np.unique(pairs)) < len(pairs)

    def seeing(self, seen: NDArray[np.bool_]) -> Self:
        """The same records, where only those that are ``seen`` too keep their votes."""
        return self._chosen(np.arange(len(self)), self.seen & seen)

    def take(self, index: NDArray[np.int64]) -> Self:
        """The records at ``index``, repeats allowed."""
        return self._chosen(index, self.seen[index])

    def padded(self, extra: int) -> Self:
        """``extra`` more records that nothing is known of."""
        offsets = np.append(self.offsets, np.full(extra, self.offsets[-1]))
        return type(self)(self.code, offsets, np.append(self.seen, np.zeros(extra, dtype=bool)), self.classes)

    def tally(self, sources: int, informative: bool) -> Tally:
        """The votes on the records that are seen, as a sparse matrix."""
        # Of one width with the columns, which are shared then; the wider would make a copy of all votes.
        ends = np.append(0, self.offsets[1:][self.seen])
        ends = ends.astype(np.int32) if ends[-1] <= np.iinfo(np.int32).max else ends
        shape = (len(ends) - 1, sources * self.classes)
        said = csr_array((np.ones(len(self.code)), self.code, ends), shape=shape)
        return Tally(said, sources, self.classes, informative)

    def _chosen(self, index: NDArray[np.int64], seen: NDArray[np.bool_]) -> Self:
        sizes = np.where(seen, np.diff(self.offsets)[index], 0)
        offsets = _cumulated(sizes)
        place = np.repeat(self.offsets[index] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return type(self)(self.code[place], offsets, seen, self.classes)


def _cumulated(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
