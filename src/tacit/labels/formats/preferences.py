"""Tables of preferences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tacit.data.records import Records
from tacit.data.task import MultiLabel
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import keeps_ids, record_of, required, truths
from tacit.labels.formats.look import Look
from tacit.labels.preferences import Preferences
from tacit.labels.read import named_column


class PreferenceTable(Format):
    """``winner,loser``, two ids, with ``tie`` where neither may have won.

    What the score is of has to be given where it is no number (``of`` and ``classes``). Recognised by just these
    columns. Written, it does not hold that, nor a weight of ties other than the one that their number suggests.
    """

    name = "preferences"
    title = "a table of preferences"
    kind = "preferences"
    tasks = ("classes", "regression")
    suffixes = (".csv",)

    def recognises(self, look: Look) -> bool:
        both = look.column("winner") is not None and look.column("loser") is not None
        return both and len(look.columns) == 2 + (look.column("tie") is not None)

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        raw = look.table
        if options.task == "classes" and options.of is None:
            raise InputError(f"{look.name}: preferences about classes need both: of=..., and classes=[...]")
        winner, loser = (record_of(raw, required(raw, name), records) for name in ("winner", "loser"))
        if len(alone := np.flatnonzero(winner == loser)):
            row = int(alone[0])
            where = f"{raw.name}, {raw.where(row)}"
            raise InputError(f"{where} sets {records.ids[winner[row]]!r} against itself; name two records")
        tie = named_column(raw.table.column_names, ["tie"])
        tied = None if tie is None else truths(raw, tie)
        return Preferences(winner, loser, len(records), options.of, options.classes, tied)

    def holds(self, labels: Labels) -> bool:
        if not isinstance(labels, Preferences) or isinstance(labels.task, MultiLabel):
            return False
        same = Preferences(labels.winner, labels.loser, len(labels), tie=labels.tie)
        return labels.nu == same.nu

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        keeps_ids([ids[i] for i in labels.labelled().tolist()])
        labels.to_file(path, ids)
