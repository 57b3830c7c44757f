"""``tacit.read``: looks at what it is given and says what it found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow.compute as pc

from tacit.data.records import Records, Source
from tacit.data.sources.columns import NUMBER, RawTable, ids_of, is_text, matches, trimmed
from tacit.data.sources.files import (
    ARRAY_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    decode_text,
    existing,
    folder_columns,
    listed,
    read_bytes,
    suffix,
    walk,
)
from tacit.errors import InputError
from tacit.listing import pick

MODALITIES = ("image", "table", "text")
_PICKLED = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth"})


def read(
    source: Any,
    modality: str | None = None,
    *,
    id: str | None = None,
    exclude: Sequence[str] = (),
    text: str | Sequence[str] | None = None,
    path: str | None = None,
) -> Records:
    """Records from a folder, a file, or data in memory.

    ``source``: a folder of images or .txt files; CSV, TSV (also .gz), JSONL or Parquet; npy or npz; one
    image; an array, data frame, list of strings, list of ``Path`` s of images, or list of images as arrays.
    ``modality`` ("image", "table" or "text") overrides what is found by looking; `Records.description` says
    what was found.

    For tables: ``id`` names the column of ids (default: a unique column called id, else row numbers),
    ``text`` the column or columns of texts, ``path`` the column of image paths, and ``exclude`` columns that
    are no features but stay known to `Records.column`. Bad input is an `InputError` that names file, row and
    column.
    """
    if modality is not None:
        pick(modality, dict.fromkeys(MODALITIES), "modality")
    if isinstance(source, Records):
        if modality not in (None, source.modality):
            raise InputError(f"the records are of modality {source.modality!r} already, not {modality!r}.")
        return source
    ask = _Ask(modality, id, tuple(exclude), (text,) if isinstance(text, str) else tuple(text or ()), path)
    if isinstance(source, str | os.PathLike):
        found = existing(source)
        return Records(_folder(found, ask) if found.is_dir() else _file(found, ask))
    return Records(_memory(source, ask))


class _Ask:
    """What the caller asked for."""

    def __init__(
        self,
        modality: str | None,
        id: str | None,
        exclude: tuple[str, ...],
        text: tuple[str, ...],
        path: str | None,
    ) -> None:
        for wanted, given, keyword in (("text", text, "text"), ("image", path, "path")):
            if given and modality not in (None, wanted):
                raise InputError(
                    f"{keyword}= is for modality {wanted!r}, but modality={modality!r} was asked for."
                )
        self.modality = "text" if text else "image" if path else modality
        self.id, self.exclude, self.text, self.path = id, exclude, text, path

    def without_columns(self, what: str) -> None:
        """An error where a column was named for a source that has none."""
        for keyword, given in (("id", self.id), ("text", self.text), ("path", self.path)):
            if given:
                raise InputError(f"{keyword}= names a column of a table, but {what} has no columns.")


def _folder(root: Path, ask: _Ask) -> Source:
    names = walk(root)
    if not names:
        raise InputError(
            f"the folder {root} is empty. Give a folder of images or .txt files, or a table file."
        )
    by_kind = {
        "image": [name for name in names if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES],
        "text": [name for name in names if PurePosixPath(name).suffix.lower() == ".txt"],
        "table": [name for name in names if suffix(Path(name)) in TABLE_SUFFIXES],
    }
    kind = ask.modality or max(("image", "text"), key=lambda k: len(by_kind[k]))
    chosen = by_kind[kind] if ask.text == () and ask.path is None else []
    arrays = [name for name in names if suffix(Path(name)) in ARRAY_SUFFIXES]
    if kind != "table" and chosen and chosen != arrays[:1]:
        ask.without_columns(f"the folder {root}")
        return _files(root, kind, chosen, names)
    single = by_kind["table"] or arrays
    if len(single) == 1:
        return _file(root / single[0], ask)
    if single:
        raise InputError(
            f"the folder {root} holds several tables or arrays ({listed(single)}). Name one of them."
        )
    seen = Counter(PurePosixPath(name).suffix or "no suffix" for name in names)
    what = (
        {"image": "images", "text": ".txt files", "table": "table"}[kind]
        if ask.modality
        else "images or texts"
    )
    raise InputError(
        f"the folder {root} holds no {what}; found {listed([f'{n} {s}' for s, n in seen.items()])}."
    )


def _files(root: Path, kind: str, chosen: list[str], names: list[str]) -> Source:
    ignored = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in set(names) - set(chosen))
    note = (
        f"; ignored: {listed([f'{count} {end}' for end, count in sorted(ignored.items())])}"
        if ignored
        else ""
    )
    columns = folder_columns(chosen)
    classes = len(set(columns["folder"].tolist()) - {None})
    note = (f"; {classes} class folders" if classes else "") + note
    if kind == "text":
        from tacit.data.sources.texts import TextFiles

        return TextFiles(root, chosen, note=note)
    from tacit.data.sources.images import ImageFiles

    described = f"{len(chosen):,} images in {root.name or root}/"
    return ImageFiles(root, chosen, description=described, columns=columns, note=note)


def _file(path: Path, ask: _Ask) -> Source:
    end = suffix(path)
    if end in ARRAY_SUFFIXES:
        from tacit.data.sources.arrays import from_npy, from_npz

        ask.without_columns(str(path))
        return from_npz(path, ask.modality) if end == ".npz" else from_npy(path, ask.modality)
    if end in IMAGE_SUFFIXES:
        from tacit.data.sources.images import ImageFiles

        return ImageFiles(path.parent, [path.name], description=f"the image {path.name}")
    if end == ".txt" and ask.modality in (None, "text") and not ask.text:
        from tacit.data.sources.texts import TextList

        lines = [line.strip() for line in decode_text(read_bytes(path), path).split("\n") if line.strip()]
        return TextList(lines, description=f"{len(lines):,} texts in {path.name}, one a line", root=path)
    if end in TABLE_SUFFIXES or end == ".txt":
        from tacit.data.sources.tabular import load

        return _table(load(path), ask)
    if end in _PICKLED:
        raise InputError(
            f"{path} is pickled, which is never loaded: it can run code. Save it as npz or Parquet."
        )
    known = sorted({*TABLE_SUFFIXES, *ARRAY_SUFFIXES, *IMAGE_SUFFIXES, ".txt"})
    raise InputError(f"{path} is of no kind that can be read; known are {', '.join(known)} and folders.")


def _table(raw: RawTable, ask: _Ask) -> Source:
    raw.check([name for name in (*ask.exclude, ask.id, ask.path, *ask.text) if name is not None])
    modality = ask.modality
    if modality in (None, "image"):
        from tacit.data.sources.lists import image_list, path_column

        column = ask.path or path_column(raw)
        if column is not None:
            return image_list(raw, column, id=ask.id)
        if modality == "image":
            raise InputError(f"no column of {raw.name} holds paths of images. Name one with path=.")
    if modality in (None, "text"):
        columns = ask.text or _text_columns(raw, ask)
        if columns:
            from tacit.data.sources.texts import TextTable

            return TextTable(raw, columns, id=ask.id)
        if modality == "text":
            raise InputError(f"no column of {raw.name} holds texts. Name one with text=.")
    from tacit.data.sources.tables import TableSource

    return TableSource(raw, id=ask.id, exclude=ask.exclude)


def _text_columns(raw: RawTable, ask: _Ask) -> list[str]:
    """Columns of free text; none where the table is rather one of numbers.

    With ``modality="text"``, where no column reads like free text, the text column with the longest cells.
    """
    from tacit.data.sources.kinds import is_free_text

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


def _memory(source: Any, ask: _Ask) -> Source:
    from tacit.data.sources.arrays import from_array
    from tacit.data.sources.frames import from_frame

    if hasattr(source, "toarray") and not isinstance(source, np.ndarray):
        raise InputError("sparse matrices are not read. Give a dense array: x.toarray().")
    if isinstance(source, np.ndarray):
        ask.without_columns("an array")
        return from_array(source, ask.modality)
    if isinstance(source, list | tuple):
        return _list(list(source), ask)
    frame = from_frame(source)
    if isinstance(frame, RawTable):
        return _table(frame, ask)
    if frame is not None:
        return _list(frame, ask)
    if hasattr(source, "__array__"):
        return from_array(np.asarray(source), ask.modality)
    raise InputError(
        f"cannot read a {type(source).__name__}. Give a path, an array, a data frame or a list of strings."
    )


def _list(items: list[Any], ask: _Ask) -> Source:
    if not items:
        raise InputError("the list is empty: there are no records.")
    kinds = {type(item) for item in items}
    if all(issubclass(kind, dict) for kind in kinds):
        import pyarrow as pa

        from tacit.data.sources.frames import raw_table
        from tacit.data.sources.tabular import from_values

        names = list(dict.fromkeys(str(name) for item in items for name in item))
        table = pa.table({name: from_values([item.get(name) for item in items]) for name in names})
        return _table(raw_table(table, "the list of rows"), ask)
    ask.without_columns("a list")
    if all(issubclass(kind, str) for kind in kinds):
        from tacit.data.sources.texts import TextList

        if ask.modality not in (None, "text"):
            raise InputError(f"a list of strings is texts, not of modality {ask.modality!r}.")
        return TextList(items)
    if all(issubclass(kind, os.PathLike) for kind in kinds):
        from tacit.data.sources.lists import path_list

        return path_list([Path(item) for item in items])
    return _numbers(items, ask)


def _numbers(items: list[Any], ask: _Ask) -> Source:
    """A list of arrays (images, of any sizes) or of rows of numbers."""
    from tacit.data.sources.arrays import from_array

    if isinstance(items[0], np.ndarray) and items[0].ndim >= 2:
        from tacit.data.sources.decode import to_image
        from tacit.data.sources.images import ImageArrays

        images = [to_image(np.asarray(item), f"image {i}") for i, item in enumerate(items)]
        return ImageArrays(images, description=f"{len(images):,} images in memory")
    try:
        return from_array(np.asarray(items), ask.modality, name="the list")
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "the list mixes kinds or lengths. Give a list of strings, of rows of equal length, or of images."
        ) from error
