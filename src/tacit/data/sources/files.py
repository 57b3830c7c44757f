"""Finding and reading files: walking folders, text in UTF-8, manifests, and errors that name the file."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from tacit.errors import InputError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".bmp", ".webp", ".npy"})
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".parquet", ".jsonl", ".ndjson", ".json"})
ARRAY_SUFFIXES = frozenset({".npy", ".npz"})

UNLABELLED_FOLDERS = frozenset({"unlabelled", "unlabeled", "unknown"})
SPLIT_FOLDERS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev"})
_SKIPPED = frozenset({"thumbs.db", "desktop.ini", "__macosx", "__pycache__"})


def existing(path: str | os.PathLike[str]) -> Path:
    """The path if it exists, else an `InputError` with the nearest name that does."""
    if not os.fspath(path):
        raise InputError("the path is empty. Give a file or a folder.")
    found = Path(path).expanduser()
    if found.exists():
        return found
    parent = found.parent
    if not parent.is_dir():
        raise InputError(f"no such file or folder: {found} ({parent} does not exist either).")
    close = difflib.get_close_matches(found.name, sorted(os.listdir(parent)), n=1, cutoff=0.5)
    hint = f" Did you mean {str(parent / close[0])!r}?" if close else ""
    raise InputError(f"no such file or folder: {found}.{hint}")


def suffix(path: Path) -> str:
    """The suffix in lower case, looking through ``.gz``."""
    name = path.name.lower().removesuffix(".gz")
    return PurePosixPath(name).suffix


def walk(root: Path) -> list[str]:
    """Sorted relative posix paths of all files below ``root`` but hidden ones and system litter.

    Links to folders are followed, each folder once.
    """
    found: list[str] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if _visible(name))
        base = Path(folder).relative_to(root)
        found += [(base / name).as_posix() for name in names if _visible(name)]
    return sorted(found)


def _visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _SKIPPED


def folder_columns(ids: Sequence[str]) -> dict[str, NDArray[np.object_]]:
    """Side columns that relative paths give away.

    ``folder``: the class folder, None for files in the root or in a folder named unlabelled or unknown, and
    where all files share one folder. Where the outermost folders are splits (train, test, ...), they are the
    column ``split`` and the next folder is the class.
    """
    parents = [PurePosixPath(name).parent.parts for name in ids]
    while parents and all(parents) and len({parts[0] for parts in parents}) == 1:
        parents = [parts[1:] for parts in parents]
    columns: dict[str, NDArray[np.object_]] = {}
    if parents and all(parts and parts[0].lower() in SPLIT_FOLDERS for parts in parents):
        columns["split"] = objects([parts[0] for parts in parents])
        parents = [parts[1:] for parts in parents]
    first = [parts[0] if parts else None for parts in parents]
    columns["folder"] = objects([None if f is None or f.lower() in UNLABELLED_FOLDERS else f for f in first])
    return columns


def objects(values: Sequence[object]) -> NDArray[np.object_]:
    """A 1-D object array, whatever the values are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked where the name ends in ``.gz``."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.name.lower().endswith(".gz") else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no complete gzip file ({error}). Fetch or pack it again.") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from error


def decode_text(data: bytes, path: Path) -> str:
    """UTF-8 (with or without byte order mark) to text, or an error that names the byte and the line."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path} is UTF-16; expected UTF-8. Save it again as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # "utf-8-sig" counts from after the mark.
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, at) + 1
        raise InputError(
            f"{path} is not UTF-8: byte {at} (0x{data[at]:02x}) in line {line}. "
            "Save it again as UTF-8 (it may be Latin-1 or Windows-1252)."
        ) from error
    if "\0" in text:
        raise InputError(
            f"{path} holds a zero byte in line {text.count(chr(10), 0, text.index(chr(0))) + 1}: "
            "it is no text file, or not UTF-8."
        )
    return text


def manifest(root: Path, names: Iterable[str]) -> str:
    """SHA-256 (hex) of the names, sizes and modification times of files below ``root``."""
    digest = hashlib.sha256()
    for name in names:
        status = os.stat(root / name)
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def listed(names: Sequence[str], most: int = 3) -> str:
    """``a, b, c and 4 more``: a few names for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
