"""Files of labels, whatever their format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tacit.data.records import Records
from tacit.data.sources.files import existing
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options, formats
from tacit.labels.formats.look import Look
from tacit.labels.formats.mentioned import mentioned
from tacit.listing import nearest, pick

TABLE = "table"
"""The format of what no other recognises."""

NATIVE = "native"
"""The format that holds anything."""


def read_labels_file(
    path: str | os.PathLike[str],
    records: Records | None,
    *,
    kind: str | None = None,
    target: str | None = None,
    task: str | None = None,
    classes: Sequence[str] | None = None,
    beside: str | os.PathLike[str] | None = None,
    of: str | None = None,
    abstain: str | None = None,
) -> Labels:
    """Labels from a file or folder, aligned to ``records`` by id; without records, to the ids in the file itself.

    ``kind``: the name of a format ("coco") or of a kind of evidence ("votes"); else the format is found by looking,
    and is a table of ``id,label`` where no other is recognised. ``beside``: a second file, of bags or of a class tree.
    The others are of `tacit.labels.formats.base.Options`.
    Every fault is one `InputError` that names the file and where in it.
    """
    look = Look(existing(path), None if beside is None else existing(beside))
    options = Options(target, task, None if classes is None else tuple(classes), of, abstain)
    _require_distinct(options)
    chosen = _recognised(look, options) if kind is None else _asked(kind, look)
    unasked = None if kind is not None or chosen.name != TABLE else _of_another_task(look, options)
    if look.beside is not None and not chosen.paired:
        raise InputError(f"{look.name} is read as {chosen.title}, which takes no second file; say the kind, or drop it")
    try:
        return chosen.read(look, mentioned(look) if records is None else records, options)
    except InputError as error:
        if unasked is not None:
            raise InputError(
                f"{look.name} looks like {unasked.title}, which is for {' or '.join(unasked.tasks)} and not for "
                f"{task}; leave the task out, or give other labels"
            ) from None
        if look.name in str(error) or (look.beside is not None and look.beside.name in str(error)):
            raise
        raise InputError(f"{look.name}: {error}") from None
    except OSError as error:
        raise InputError(f"cannot read {look.path}: {error.strerror or error}.") from error


def write_labels_file(
    path: str | os.PathLike[str], labels: Labels, ids: Sequence[str], format: str | None = None
) -> None:
    """Write ``labels``, aligned to ``ids``, so that `read_labels_file` gives them back.

    ``format``: its name; else JSON lines where ``path`` ends in .jsonl, which hold anything, and otherwise the format
    of that suffix that holds labels of this kind. What a format cannot hold is an `InputError`. Some formats hold no
    order of classes: give ``classes`` when reading.
    """
    place = Path(path)
    if len(ids) != len(labels):
        raise InputError(f"there are {len(ids)} ids for {len(labels)} records; give one a record")
    chosen = _fitting(place, labels) if format is None else pick(format, dict(formats()), "format")
    if chosen.suffixes and place.suffix.lower() not in chosen.suffixes:
        raise InputError(f"{place.name}: {chosen.title} is written to a name that ends in {chosen.suffixes[0]}")
    if chosen.suffixes and not chosen.holds(labels):
        raise InputError(
            f"{chosen.title} does not hold {labels.describe()}; write JSON lines (.jsonl), which hold anything"
        )
    chosen.write(place, labels, ids)


def _recognised(look: Look, options: Options) -> Format:
    known = formats()
    for found in known.values():
        possible = options.task is None or options.task in found.tasks
        if possible and (options.target is None or found.targeted) and found.recognises(look):
            return found
    return known[TABLE]


def _of_another_task(look: Look, options: Options) -> Format | None:
    """The format that would be recognised were it not for the task that was asked for."""
    if options.task is None:
        return None
    found = _recognised(look, replace(options, task=None))
    return None if found.name == TABLE else found


def _asked(kind: str, look: Look) -> Format:
    """The format of that name; else of the formats with that kind of evidence, the one that suits best."""
    known = formats()
    if kind in known:
        return known[kind]
    of_kind = [found for found in known.values() if found.kind == kind]
    if not of_kind:
        raise InputError(
            f"unknown kind of labels {kind!r}. {nearest(kind, {*known, *(f.kind for f in known.values())})}"
        )
    return next((found for found in of_kind if found.suits(look)), of_kind[-1])


def _fitting(path: Path, labels: Labels) -> Format:
    known, end = formats(), path.suffix.lower()
    if end in known[NATIVE].suffixes:
        return known[NATIVE]
    for found in known.values():
        if end in found.suffixes and found.holds(labels):
            return found
    raise InputError(
        f"no format ending in {end or 'nothing'} holds {labels.describe()}; write to a name that ends in .jsonl"
    )


def _require_distinct(options: Options) -> None:
    names = options.classes
    if names is not None and (not names or len(set(names)) < len(names)):
        raise InputError("the classes are not each named once; give every class one name of its own")
