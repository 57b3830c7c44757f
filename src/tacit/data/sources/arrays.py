"""Arrays, in memory, .npy and .npz: two dimensions are a table, three or four images, strings are texts."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tacit.data.records import Source
from tacit.data.sources.columns import RawTable
from tacit.data.sources.files import manifest, objects
from tacit.data.sources.images import ImageArrays
from tacit.data.sources.pixels import channels_first
from tacit.data.sources.sets import BAG, SetArrays, SetTable
from tacit.data.sources.tables import TableSource
from tacit.data.sources.tabular import canonical, from_values
from tacit.data.sources.texts import TextList
from tacit.errors import InputError
from tacit.listing import nearest

_PREFERRED = ("x", "images", "image", "data", "texts", "text", "train_x", "x_train", "train_images")


def from_array(
    array: NDArray[Any],
    modality: str | None = None,
    *,
    name: str = "the array",
    root: Path | None = None,
    digest: str | None = None,
    columns: Mapping[str, NDArray[np.object_]] | None = None,
) -> Source:
    """An array as records, by its dimensions unless ``modality`` says otherwise.

    (N,) strings are texts, (N, D) is a table, (N, H, W) and (N, H, W, C) or (N, C, H, W) are images. (N, n, D) are
    bags only where ``modality`` says so.
    """
    if array.ndim == 0 or len(array) == 0:
        raise InputError(f"{name} has shape {array.shape}: it holds no records.")
    if array.dtype.kind not in "buifUSTO":
        raise InputError(f"{name} holds {array.dtype}; numbers or text are expected.")
    found = modality or _modality(array, name)
    if found == "text":
        if array.ndim != 1 or not all(isinstance(text, str) for text in array.tolist()):
            raise InputError(f"{name} (shape {array.shape}, {array.dtype}) is no list of strings.")
        texts = [str(text) for text in array.tolist()]
        return TextList(texts, description=f"{len(texts):,} texts in {name}", columns=columns)
    if found == "image":
        return _images(array, name, root, digest, columns)
    if found == "set":
        if array.ndim != 3:
            raise InputError(f"{name} has shape {array.shape}; bags are (bags, instances, columns), or a list.")
        return SetArrays(list(array), name)
    return TableSource(_raw(array, name, root, digest, columns), exclude=tuple(columns or ()))


def _raw(
    array: NDArray[Any],
    name: str,
    root: Path | None,
    digest: str | None,
    columns: Mapping[str, NDArray[np.object_]] | None,
) -> RawTable:
    """(N, ...) as a table of columns x0, x1, ... and those beside them."""
    table = array.reshape(len(array), -1)
    cells = {f"x{i}": _cells(table[:, i]) for i in range(table.shape[1])}
    return RawTable(
        _with(canonical(pa.table(cells)), columns),
        name,
        digest or array_digest(table),
        lambda row: f"row {row}, counting from 0",
        root,
        named=False,
    )


def _modality(array: NDArray[Any], name: str) -> str:
    if array.ndim == 1:
        if all(isinstance(text, str) for text in array[:100].tolist()):
            return "text"
        raise InputError(
            f"{name} has shape {array.shape}: one number per record is ambiguous. "
            "Reshape it: x.reshape(-1, 1) is a table of one column, x.reshape(1, -1) a single row."
        )
    if array.ndim > 4:
        raise InputError(f"{name} has shape {array.shape}; at most four dimensions are known (images).")
    return "table" if array.ndim == 2 else "image"


def _images(
    array: NDArray[Any],
    name: str,
    root: Path | None,
    digest: str | None,
    columns: Mapping[str, NDArray[np.object_]] | None,
) -> ImageArrays:
    if array.ndim not in (3, 4) or array.dtype.kind not in "buif":
        raise InputError(
            f"{name} has shape {array.shape} of {array.dtype}; images are numbers of shape (N, H, W) or "
            "(N, H, W, C). Reshape it first."
        )
    note = ""
    if channels_first(array.shape[1:], name):
        array, note = np.moveaxis(array, 1, -1), ", channels first"
    if array.ndim == 3:
        array = array[..., None]
    return ImageArrays(
        array, description=f"{len(array):,} images in {name}{note}", root=root, digest=digest, columns=columns
    )


def _cells(column: NDArray[Any]) -> pa.Array:
    return pa.array(column, from_pandas=True) if column.dtype != object else from_values(column.tolist())


def _with(table: pa.Table, columns: Mapping[str, NDArray[np.object_]] | None) -> pa.Table:
    for name, values in (columns or {}).items():
        table = table.append_column(name, canonical(pa.table({name: from_values(values.tolist())})).column(0))
    return table


def array_digest(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of shape, type and contents."""
    digest = hashlib.sha256(f"{array.shape}{array.dtype.str}".encode())
    if array.dtype.kind in "OT":
        digest.update(repr(array.tolist()).encode("utf-8", "surrogatepass"))
    else:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def from_npy(path: Path, modality: str | None) -> Source:
    """An .npy file, mapped into memory and not read at once."""
    array = _load(path)
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} is no .npy file but an archive; rename it to .npz.")
    return from_array(array, modality, name=path.name, root=path, digest=manifest(path.parent, [path.name]))


def from_npz(path: Path, modality: str | None) -> Source:
    """The records' array of an .npz file; one-dimensional arrays of the same length become side columns.

    The array is the one named x, images, data or the like, else the one with most dimensions, then most
    records.
    """
    shapes = _shapes(path)
    key = _main_array(shapes, path)
    sides = [k for k, (shape, _) in shapes.items() if k != key and shape == shapes[key][0][:1]]
    with _load(path) as archive:
        array = _member(archive, key, path)
        columns = {side: _side(_member(archive, side, path)) for side in sides}
    rest = [k for k in shapes if k != key and k not in sides]
    note = f", array {key!r}" + (f"; not read: {', '.join(rest)}" if rest else "")
    digest = manifest(path.parent, [path.name])
    return from_array(array, modality, name=path.name + note, root=path, digest=digest, columns=columns)


def bags_in_npz(path: Path, bag: str | None, exclude: Sequence[str] = ()) -> Source:
    """Instances of an .npz file as bags: ``bag`` (default: "bag") names an array with the bag of each.

    Other one-dimensional arrays are side columns: of as many numbers as there are instances, or, where bags are
    numbered from 0, as there are bags.
    """
    shapes = _shapes(path)
    key, owners = _main_array(shapes, path), bag or BAG
    if owners not in shapes:
        raise InputError(f"{path} has no array {owners!r} that says the bag of an instance. {nearest(owners, shapes)}")
    with _load(path) as archive:
        array, owner = _member(archive, key, path), _member(archive, owners, path)
        rest = {k: _member(archive, k, path) for k, (shape, _) in shapes.items() if len(shape) == 1 and k != key}
    if owner.shape != array.shape[:1]:
        raise InputError(f"{path}: {owners!r} has shape {owner.shape}, but there are {len(array):,} instances.")
    numbered = owner.dtype.kind in "iu" and np.array_equal(np.unique(owner), np.arange(owner.max() + 1))
    sides = {k: values[owner] if numbered and len(values) == owner.max() + 1 != len(array) else values
             for k, values in rest.items()}  # fmt: skip
    columns = {k: _side(values) for k, values in sides.items() if len(values) == len(array)}
    raw = _raw(array, f"{path.name}, array {key!r}", path, manifest(path.parent, [path.name]), columns)
    return SetTable(raw, bag=owners, exclude=tuple({*columns, *exclude} - {owners}))


def _load(path: Path) -> Any:
    try:
        return np.load(path, mmap_mode="r" if path.suffix.lower() == ".npy" else None, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(_refused(path, error)) from error


def _member(archive: Any, key: str, path: Path) -> NDArray[Any]:
    try:
        return np.asarray(archive[key])
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(_refused(path, error)) from error


def _refused(path: Path, error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return (
            f"{path} holds pickled objects, which are never loaded: they can run code. "
            "Save plain numbers or strings (np.savez of arrays that are not of type object)."
        )
    return f"{path} is no readable NumPy file, or truncated: {error}."


def _shapes(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every array in an archive, from the headers alone."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if not member.endswith(".npy"):
                    continue
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else _header_2
                    shape, _, dtype = read(file)
                    found[member.removesuffix(".npy")] = (shape, dtype)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(_refused(path, error)) from error
    return found


_header_2 = np.lib.format.read_array_header_2_0


def _main_array(shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]], path: Path) -> str:
    fits = {k: s for k, (s, dtype) in shapes.items() if len(s) >= 2 or (len(s) == 1 and dtype.kind in "UTO")}
    if not fits:
        raise InputError(f"{path} holds no array of records; found {', '.join(shapes) or 'nothing'}.")
    for name in _PREFERRED:
        for key in fits:
            if key.lower() == name:
                return key
    return max(fits, key=lambda key: (len(fits[key]), fits[key][0]))


def _side(array: NDArray[Any]) -> NDArray[np.object_]:
    values = array.tolist()
    return objects([None if isinstance(v, float) and v != v else v for v in values])
