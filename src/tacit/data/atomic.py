"""Writes that either happened or did not: a reader never meets half a file or half a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tacit.errors import InputError


def atomic_write(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Replace the file at ``path`` by ``content`` (text as UTF-8, newlines as given) in one step.

    The parent folder is made where it is missing; a place that cannot be written is an `InputError`.
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    with _told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that becomes ``path`` if the block ends well, else disappears.

    A ``path`` that exists is an `InputError`, unless ``replace`` is set: then it is exchanged at the end.
    """
    target = Path(path)
    if target.exists() and not replace:
        raise InputError(f"{target} exists already. Choose another folder, or remove it first.")
    with _told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield partial
        os.chmod(partial, 0o777 & ~_umask())
        with _told(target):
            _exchange(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _exchange(partial: Path, target: Path) -> None:
    """Rename ``partial`` to ``target``; an earlier folder is moved aside first, and back if that fails."""
    if not target.exists():
        os.rename(partial, target)
        return
    aside = partial.with_name(partial.name + ".old")
    os.rename(target, aside)
    try:
        os.rename(partial, target)
    except OSError:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that says where and what to do."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror or error}. Choose a folder that can be written."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
