"""Looks at a table: is it a list of images, texts, bags, or a table of features?"""

from __future__ import annotations

import pyarrow.compute as pc

from tacit.data.records import Source
from tacit.data.sources.ask import Ask
from tacit.data.sources.columns import NUMBER, RawTable, ids_of, is_text, matches, trimmed
from tacit.data.sources.kinds import is_free_text
from tacit.data.sources.sets import SetTable
from tacit.data.sources.tables import TableSource
from tacit.data.sources.texts import TextTable
from tacit.errors import InputError


def from_raw(raw: RawTable, ask: Ask) -> Source:
    """A raw table as records, by its modality if asked for, else by what it holds."""
    raw.check(ask.columns())
    modality = ask.modality
    if modality == "set":
        return SetTable(raw, bag=ask.bag, exclude=ask.exclude)
    if modality in (None, "image"):
        # Here, because it loads Pillow.
        from tacit.data.sources.lists import image_list, path_column

        column = ask.path or path_column(raw)
        if column is not None:
            return image_list(raw, column, id=ask.id)
        if modality == "image":
            raise InputError(f"no column of {raw.name} holds paths of images. Name one with --path.")
    if modality in (None, "text"):
        columns = ask.text or _text_columns(raw, ask)
        if columns:
            return TextTable(raw, columns, id=ask.id, exclude=ask.exclude)
        if modality == "text":
            raise InputError(f"no column of {raw.name} holds texts. Name one with --text.")
    return TableSource(raw, id=ask.id, exclude=ask.exclude)


def _text_columns(raw: RawTable, ask: Ask) -> list[str]:
    """Columns of free text; none where the table is rather one of numbers.

    With ``modality="text"``, where no column reads like free text, the text column with the longest cells.
    """
    _, id_column = ids_of(raw, ask.id)
    rest = [n for n in raw.table.column_names if n != id_column and n not in ask.exclude]
    texts = [name for name in rest if is_text(raw.table.column(name))]
    free = [name for name in texts if is_free_text(raw.table.column(name))]
    if ask.modality == "text":
        return free or sorted(texts, key=lambda n: -pc.sum(pc.utf8_length(raw.table.column(n))).as_py())[:1]
    return free if sum(_continuous(raw, name) for name in rest) < 3 else []


def _continuous(raw: RawTable, name: str) -> bool:
    """Whether a column holds numbers of more than a few values."""
    column = raw.table.column(name)
    if is_text(column):
        column = trimmed(column)
        if not matches(column, NUMBER):
            return False
    return bool(pc.count_distinct(column).as_py() > 20)
