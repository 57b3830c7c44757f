"""Votes as a table, a line a vote: who said what of which record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.data.sources.columns import id_cells, plain
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import (
    ITEM_NAMES,
    class_texts,
    id_column,
    keeps_classes,
    keeps_ids,
    names_in,
    numbered,
    record_of,
    required,
    write_cells,
)
from tacit.labels.formats.look import Look
from tacit.labels.read import LABEL_NAMES, named_column
from tacit.labels.values_io import positions
from tacit.labels.votes import Votes
from tacit.labels.votes_checks import once_each

_WORKERS = ("worker", "annotator", "source", "user", "rater", "coder", "voter", "labeler", "labeller")
WORKER_NAMES = (*_WORKERS, *(f"{name}{end}" for end in ("_id", "id", " id") for name in _WORKERS))
VOTE_NAMES = (*LABEL_NAMES, "vote", "answer", "response", "annotation")


class LongVotes(Format):
    """``task,worker,label`` or the like; an empty label, and -1 among numbers from 0 on, abstains.

    Recognised where it has the three columns and one id stands in several rows, or no vote in any. A vote that is given
    again counts once; a source that contradicts itself is an `InputError`. Sources come as they first appear. Written,
    it does not hold the order of the classes, classes without a vote, or in which order a record was voted on.
    """

    name = "long-votes"
    title = "a table of votes, a line each"
    kind = "votes"
    suffixes = (".csv",)
    targeted = True

    def recognises(self, look: Look) -> bool:
        if not self.suits(look) or look.column(*VOTE_NAMES) is None:
            return False
        try:
            ids = id_cells(look.table.column(id_column(look.table, ITEM_NAMES)))
        except InputError:
            return False
        return len(set(ids)) < len(ids) or not self._said(look)

    def _said(self, look: Look) -> bool:
        """Whether any line has a vote: a table with sources and none is no table of exact labels either."""
        label = required(look.table, *VOTE_NAMES)
        return any(text is not None for text in class_texts(plain(look.table.column(label)).tolist()))

    def suits(self, look: Look) -> bool:
        return look.column(*WORKER_NAMES) is not None and look.column(*ITEM_NAMES) is not None

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        item, worker = id_column(raw, ITEM_NAMES), required(raw, *WORKER_NAMES)
        label = required(raw, *VOTE_NAMES) if options.target is None else options.target
        voters = names_in(raw, worker)
        sources = positions(list(dict.fromkeys(voters)))
        texts = class_texts(plain(raw.column(label)).tolist())
        vote, names = numbered(texts, options.classes, lambda row: raw.cell(row, label))
        if not names:
            raise InputError(
                f"{look.name}, column {label!r}: every vote abstains, so nothing says what the classes are"
            )
        voter = np.array([sources[name] for name in voters], dtype=np.int64)
        item_of = record_of(raw, item, records)

        def clash(first: int, second: int) -> str:
            return (
                f"{raw.name}: {raw.where(first)} and {raw.where(second)} give different votes of {voters[first]!r} on "
                f"{records.ids[item_of[first]]!r}, {texts[first]!r} and {texts[second]!r}. Keep one of them; if both "
                "were meant, name the source differently."
            )

        return votes_once(item_of, voter, vote, len(records), names, options.abstain, list(sources), clash)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Votes) and not labels.informative and plain_once(labels)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Votes)
        keeps_ids(labels.sources)
        item, source, vote = (a.tolist() for a in (labels.ballots.item, labels.ballots.source, labels.ballots.vote))
        keeps_classes([labels.task.names[v] for v in vote])
        if not vote:
            raise InputError(
                "a table of votes cannot say what the classes are without a vote; write JSON lines (.jsonl)"
            )
        silent = sorted(set(range(len(labels.sources))) - set(source))
        lines = [
            (s, k, ids[i], labels.task.names[v]) for k, (i, s, v) in enumerate(zip(item, source, vote, strict=True))
        ]
        lines += [(s, 0, ids[item[0]], "") for s in silent]
        lines.sort(key=lambda line: line[:2])
        columns = list(zip(*lines, strict=True))
        workers = [labels.sources[s] for s in columns[0]]
        write_cells(path, ["task", "worker", "label"], [keeps_ids(columns[2]), workers, columns[3]])


def votes_once(
    item: NDArray[np.int64],
    source: NDArray[np.int64],
    vote: NDArray[np.int64],
    n: int,
    classes: Sequence[str],
    abstain: str | None,
    sources: Sequence[str],
    clash: Callable[[int, int], str],
) -> Votes:
    """Votes of the lines of a file, where each source speaks of a record once; see `once_each`."""
    kept = once_each(item, source, vote, clash)
    repeated = int((vote >= 0).sum()) - len(kept)
    said = (item[kept], source[kept], vote[kept])
    return Votes(*said, n, classes, None, abstain or "ignored", sources, repeated=repeated)  # type: ignore[arg-type]


def unweighted(votes: Votes) -> bool:
    """Whether nothing is known of the sources but what they said."""
    return votes.confusion is None and bool((votes.weight == 1).all())


def plain_once(votes: Votes) -> bool:
    """Whether, moreover, each of them speaks of a record once."""
    return unweighted(votes) and not votes.ballots.repeats


def is_worker(name: str) -> bool:
    """Whether a column of this name holds annotators."""
    return named_column([name], WORKER_NAMES) is not None
