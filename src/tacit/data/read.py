"""``tacit.read``: looks at what it is given and says what it found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tacit.data.records import Records, Source
from tacit.data.sources.ask import Ask
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

MODALITIES = ("image", "set", "table", "text")
_PICKLED = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth"})


def read(
    source: Any,
    modality: str | None = None,
    *,
    id: str | None = None,
    exclude: Sequence[str] = (),
    text: str | Sequence[str] | None = None,
    path: str | None = None,
    bag: str | None = None,
) -> Records:
    """Records from a folder, a file, or data in memory.

    ``source``: a folder of images or .txt files; CSV, TSV (also .gz), JSONL or Parquet; npy or npz; one
    image; an array, data frame, list of strings, list of ``Path`` s of images, or list of images as arrays.
    ``modality`` ("image", "set", "table" or "text") overrides what is found by looking; `Records.description` says
    what was found.

    For tables: ``id`` names the column of ids (default: a unique column called id, else row numbers),
    ``text`` the column or columns of texts, ``path`` the column of image paths, ``bag`` the column that says which
    rows are one record (a bag of instances, modality "set", which also reads lists of (instances, columns) arrays), and
    ``exclude`` columns that are no features but stay known to `Records.column`. Bad input is an `InputError` that
    names file, row and column.
    """
    if modality is not None:
        pick(modality, dict.fromkeys(MODALITIES), "modality")
    if isinstance(source, Records):
        if modality not in (None, source.modality):
            raise InputError(f"the records are of modality {source.modality!r} already, not {modality!r}.")
        return source
    ask = Ask.of(modality, id, exclude, text, path, bag)
    if isinstance(source, str | os.PathLike):
        found = existing(source)
        return Records(_folder(found, ask) if found.is_dir() else _file(found, ask))
    from tacit.data.sources.memory import from_memory

    return Records(from_memory(source, ask))


def _folder(root: Path, ask: Ask) -> Source:
    names = walk(root)
    if not names:
        raise InputError(f"the folder {root} is empty. Give a folder of images or .txt files, or a table file.")
    by_kind = {
        "image": [name for name in names if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES],
        "text": [name for name in names if PurePosixPath(name).suffix.lower() == ".txt"],
        "table": [name for name in names if suffix(Path(name)) in TABLE_SUFFIXES],
    }
    by_kind["set"] = by_kind["table"]
    kind = ask.modality or max(("image", "text"), key=lambda k: len(by_kind[k]))
    chosen = by_kind[kind] if ask.text == () and ask.path is None else []
    arrays = [name for name in names if suffix(Path(name)) in ARRAY_SUFFIXES]
    if kind not in ("table", "set") and chosen and chosen != arrays[:1]:
        ask.without_columns(f"the folder {root}")
        return _files(root, kind, chosen, names)
    single = by_kind["table"] or arrays
    if len(single) == 1:
        return _file(root / single[0], ask)
    if single:
        raise InputError(f"the folder {root} holds several tables or arrays ({listed(single)}). Name one of them.")
    if ask.text or ask.path:
        ask.without_columns(f"the folder {root}")
    seen = Counter(PurePosixPath(name).suffix or "no suffix" for name in names)
    wanted = {"image": "images", "set": "table of instances", "table": "table", "text": ".txt files"}
    what = wanted[kind] if ask.modality else "images or texts"
    raise InputError(f"the folder {root} holds no {what}; found {listed([f'{n} {s}' for s, n in seen.items()])}.")


def _files(root: Path, kind: str, chosen: list[str], names: list[str]) -> Source:
    ignored = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in set(names) - set(chosen))
    note = f"; ignored: {listed([f'{count} {end}' for end, count in sorted(ignored.items())])}" if ignored else ""
    columns = folder_columns(chosen)
    classes = len(set(columns["folder"].tolist()) - {None})
    note = (f"; {classes} class folders" if classes > 1 else "") + note
    if kind == "text":
        from tacit.data.sources.texts import TextFiles

        return TextFiles(root, chosen, note=note)
    from tacit.data.sources.images import ImageFiles

    described = f"{len(chosen):,} images in {root.name or root}/"
    return ImageFiles(root, chosen, description=described, columns=columns, note=note)


def _file(path: Path, ask: Ask) -> Source:
    end = suffix(path)
    if end in ARRAY_SUFFIXES:
        from tacit.data.sources.arrays import bags_in_npz, from_npy, from_npz

        if end == ".npz" and ask.modality == "set":
            return bags_in_npz(path, ask.bag, ask.exclude)
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
        from tacit.data.sources.looking import from_raw
        from tacit.data.sources.tabular import load

        return from_raw(load(path), ask)
    if end in _PICKLED:
        raise InputError(f"{path} is pickled, which is never loaded: it can run code. Save it as npz or Parquet.")
    known = sorted({*TABLE_SUFFIXES, *ARRAY_SUFFIXES, *IMAGE_SUFFIXES, ".txt"})
    raise InputError(f"{path} is of no kind that can be read; known are {', '.join(known)} and folders.")
