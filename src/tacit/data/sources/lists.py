"""Image lists: a table with a column of paths, relative to the folder that the table lies in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pyarrow as pa

from tacit.data.sources.columns import Columns, RawTable, check_unique, id_entry, ids_of, is_text, matches, trimmed
from tacit.data.sources.files import IMAGE_SUFFIXES, existing
from tacit.data.sources.images import ImageFiles
from tacit.errors import InputError

_IMAGE = "(?i)(" + "|".join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES)) + ")$"


def path_column(raw: RawTable) -> str | None:
    """The first column whose cells all end like image files; in a table in memory they must exist too."""
    for name in raw.table.column_names:
        column = raw.table.column(name)
        if not is_text(column):
            continue
        cells = trimmed(column).drop_null()
        if len(cells) and matches(cells, _IMAGE) and (raw.root or os.path.isfile(cells[0].as_py())):
            return str(name)
    return None


def image_list(raw: RawTable, column: str, *, id: str | None = None) -> ImageFiles:
    """The images that a column names; ids are the relative paths unless ``id`` names another column.

    A path that is missing, leads out of the table's folder, or is no file is an `InputError` that names the
    row.
    """
    cells = raw.column(column)
    if not is_text(cells):
        raise InputError(f"{raw.name}, column {column!r} holds {cells.type}; paths of images are expected.")
    root = Path(os.path.abspath(raw.root.parent if raw.root else "."))
    paths = [_inside(raw, row, column, cell, root) for row, cell in enumerate(trimmed(cells).to_pylist())]
    if id is None:
        ids = tuple(paths)
        check_unique(ids, raw, column)
    else:
        ids, _ = ids_of(raw, id)
    source = ImageFiles(
        root,
        paths,
        description=f"{len(paths):,} images listed in {raw.name}, column {column!r}",
        ids=ids,
        columns=Columns(raw.table),
    )
    source.schema |= {"path": column} | id_entry(id)
    return source


def _inside(raw: RawTable, row: int, column: str, cell: str | None, root: Path) -> str:
    """The path of one cell, relative to ``root`` where the list is a file."""
    if cell is None:
        raise InputError(f"{raw.cell(row, column)}: the path is missing. Every record needs an image.")
    full = os.path.normpath(root / cell)
    if not os.path.exists(full) and "\\" in cell:
        full = os.path.normpath(root / cell.replace("\\", "/"))
    if not Path(full).is_relative_to(root):
        if raw.root is None:
            return _checked(raw, row, column, Path(full)).as_posix()
        raise InputError(
            f"{raw.cell(row, column)}: the path {cell!r} leads out of the folder {root}. "
            "Keep the images below the folder that the list lies in."
        )
    return _checked(raw, row, column, Path(full)).relative_to(root).as_posix()


def _checked(raw: RawTable, row: int, column: str, full: Path) -> Path:
    if full.is_file():
        return full
    try:
        existing(full)
    except InputError as error:
        raise InputError(
            f"{raw.cell(row, column)}: {error} If this is no list of images, say --modality table or --modality text."
        ) from error
    raise InputError(f"{raw.cell(row, column)}: {full} is a folder; the path of an image is expected.")


def path_list(paths: list[Path]) -> ImageFiles:
    """Images given as a list of paths in memory; ids are relative to the folder they share."""
    table = pa.table({"path": pa.array([str(path) for path in paths], pa.string())})
    raw = RawTable(table, "the list of paths", "", lambda row: f"position {row}")
    full = [_checked(raw, row, "path", Path(os.path.abspath(path))) for row, path in enumerate(paths)]
    root = Path(os.path.commonpath([path.parent for path in full]))
    names = tuple(path.relative_to(root).as_posix() for path in full)
    check_unique(names, raw, "path")
    return ImageFiles(root, names, description=f"{len(names):,} images given as paths")
