"""What is known of the records, from the files and columns that ``tacit fit`` was told of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit.cli.source import Columns
from tacit.errors import InputError

if TYPE_CHECKING:
    from tacit.data.records import Records
    from tacit.labels.base import Labels
    from tacit.labels.given import Kind


def separated(names: Sequence[str]) -> tuple[str, ...]:
    """``a,b`` and ``c`` as a, b and c."""
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def known(
    records: Records,
    files: Sequence[Path],
    column: str | None,
    columns: Columns,
    task: Kind | None,
    kind: str | None,
    beside: Path | None,
    noisy: bool,
) -> Any:
    """What `tacit.fit` takes: evidence of the files, the column and the voters together; None for class folders."""
    from tacit.labels.base import Labels
    from tacit.labels.given import labels_from

    if not files and (kind is not None or beside is not None):
        raise InputError("--kind and --beside speak of a label file; name it with --labels")
    parts = of_files(files, records, columns.target, task, kind, beside)
    if column is not None and (noisy or columns.votes):
        parts = [labels_from(records.column(column).tolist(), task)]
    elif column is not None:
        return records.column(column)
    if columns.votes:
        names = classes_of(parts)
        parts.append(votes_in(records, columns.votes, names))
    if noisy:
        parts = [doubted(part) for part in parts]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Labels.combine(*parts)


def of_files(
    files: Sequence[Path],
    records: Records,
    target: str | None,
    task: Kind | None,
    kind: str | None,
    beside: Path | None,
) -> list[Labels]:
    """The evidence of each file; files that name different classes are read again with the classes of all."""
    from tacit.labels.exact import sort_names
    from tacit.labels.formats import read_labels_file

    def read(classes: Sequence[str] | None) -> list[Labels]:
        return [
            read_labels_file(
                file, records, kind=kind, target=target, task=task, classes=classes, beside=beside if k == 0 else None
            )
            for k, file in enumerate(files)
        ]

    parts = read(None)
    names = [tuple(found) for part in parts if (found := getattr(part.task, "names", None)) is not None]
    if len(set(names)) <= 1:
        return parts
    return read(sort_names({name for found in names for name in found}))


def classes_of(parts: Sequence[Labels]) -> tuple[str, ...] | None:
    """The names of the classes that the parts speak of; None where there is no part."""
    from tacit.data.task import Classes

    if not parts:
        return None
    task = parts[0].task
    if not isinstance(task, Classes):
        raise InputError("votes are for one class a record; the labels beside them are of something else")
    return task.names


def votes_in(records: Records, columns: Sequence[str], classes: Sequence[str] | None) -> Labels:
    """The columns as the votes of one source each; an empty cell is silence, of which nothing is concluded."""
    import numpy as np

    from tacit.labels.exact import sort_names
    from tacit.labels.values_io import is_unknown, label_text
    from tacit.labels.votes import Votes

    cells = np.array(
        [[None if is_unknown(v) else label_text(v) for v in records.column(name).tolist()] for name in columns],
        dtype=object,
    ).T
    said = {cell for cell in cells.reshape(-1).tolist() if cell is not None}
    if not said:
        raise InputError(f"the columns {', '.join(columns)} hold no vote at all; name others with --votes")
    names = sort_names({*said, *(classes or ())}) if classes is None else list(classes)
    return Votes.from_wide(cells, names, abstain="ignored", sources=list(columns))


def doubted(part: Labels) -> Labels:
    """Exact classes as labels of which some are wrong; anything else is an `InputError`."""
    from tacit.labels.exact import Exact
    from tacit.labels.noisy import Noisy

    if isinstance(part, Exact) and part.y.ndim == 1:
        return Noisy(part.y, "estimate", part.task.names)
    raise InputError(f"--noisy is for one class a record; here there are {part.describe()}")
