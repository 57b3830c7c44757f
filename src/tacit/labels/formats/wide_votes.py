"""Votes as a matrix: a row a record, a column a source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.sources.columns import plain
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import (
    ITEM_NAMES,
    class_texts,
    id_column,
    keeps_classes,
    keeps_ids,
    numbered,
    once,
    others,
    record_of,
    write_cells,
)
from tacit.labels.formats.long_votes import is_worker, unweighted
from tacit.labels.formats.look import Look
from tacit.labels.votes import Votes

_SOURCE = re.compile(
    r"(?i)(?:label|vote|annotation|annotator|worker|rater|coder|voter)[ _-]?\d+|(?:annotator|rater|lf)_.+"
)


class WideVotes(Format):
    """``id`` and a column for each source with the class it says, empty where it is silent (-1 among numbers).

    Silence is an outcome unless ``abstain="ignored"``. Recognised by two columns or more that are called label_1,
    annotator_ann or the like, where no other column but the id is there. Written, it does not hold the order of the
    classes, or classes without a vote.
    """

    name = "wide-votes"
    title = "a table of votes, a column for each source"
    kind = "votes"
    suffixes = (".csv",)

    def recognises(self, look: Look) -> bool:
        ids = look.column(*ITEM_NAMES)
        sources = [name for name in look.columns if name != ids]
        return ids is not None and len(sources) >= 2 and all(_SOURCE.fullmatch(name) for name in sources)

    def suits(self, look: Look) -> bool:
        return look.column(*ITEM_NAMES) is not None

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        ids = id_column(raw, ITEM_NAMES)
        sources = others(raw, ids)
        if not sources:
            raise InputError(f"{look.name} has no column beside {ids!r}; give a column for each source")
        rows, record = raw.table.num_rows, record_of(raw, ids, records)
        once(record, records, raw.name, raw.where)
        said = [value for name in sources for value in plain(raw.column(name)).tolist()]
        vote, names = numbered(
            class_texts(said), options.classes, lambda cell: raw.cell(cell % rows, sources[cell // rows])
        )
        if not names:
            raise InputError(f"{look.name}: every source is silent, so nothing says what the classes are")
        source = np.repeat(np.arange(len(sources)), rows)
        abstain = options.abstain or "informative"
        item = np.tile(record, len(sources))
        votes = Votes(item, source, vote, len(records), names, None, abstain, sources)  # type: ignore[arg-type]
        unseen = np.setdiff1d(np.arange(len(records)), record)
        return votes.hide(unseen) if votes.informative else votes

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Votes) and labels.informative and unweighted(labels)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Votes)
        if taken := [name for name in labels.sources if name.lower() in ITEM_NAMES or is_worker(name)]:
            raise InputError(f"a table of votes cannot have a column for the source {taken[0]!r}; rename it")
        ballots, names = labels.ballots, labels.task.names
        seen = labels.observed()
        cells = np.full((len(labels), len(labels.sources)), -1, dtype=np.int64)
        cells[ballots.item, ballots.source] = ballots.vote
        if not len(ballots.vote):
            raise InputError(
                "a table of votes cannot say what the classes are without a vote; write JSON lines (.jsonl)"
            )
        columns = [[None if v < 0 else names[v] for v in column] for column in cells[seen].T.tolist()]
        for column in (*columns, [names[v] for v in ballots.vote.tolist()]):
            keeps_classes([name for name in column if name is not None])
        write_cells(path, ["id", *labels.sources], [keeps_ids([ids[i] for i in seen.tolist()]), *columns])
