"""What is known of the records, from the files and columns that ``tacit fit`` was told of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit.cli.source import Columns
from tacit.errors import InputError

if TYPE_CHECKING:
    from tacit.data.records import Records
    from tacit.data.task import Task
    from tacit.labels.base import Labels
    from tacit.labels.given import Kind


def separated(names: Sequence[str], id: str | None) -> tuple[str, ...]:
    """``a,b`` and ``c`` as a, b and c, none of which may be the column of ids."""
    found = tuple(part.strip() for name in names for part in name.split(",") if part.strip())
    if names and not found:
        raise InputError("--votes names no column; give the annotators' columns, as in --votes anna,ben")
    if twice := [name for name in found if found.count(name) > 1]:
        raise InputError(f"--votes names the column {twice[0]!r} twice; name it once")
    if id in found:
        raise InputError(f"the column {id!r} holds the ids and votes too; leave it out of one")
    return found


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

    parts = of_files(files, records, columns.target, task, kind, beside)
    if columns.votes and task == "regression":
        raise InputError("--votes are for classes, and --task regression is for numbers; leave one of them out")
    if column is not None and column in columns.votes:
        raise InputError(f"the column {column!r} is the target and a voter too; leave it out of one")
    if column is not None and (noisy or columns.votes):
        parts = [labels_from(records.column(column).tolist(), task)]
    elif column is not None:
        return records.column(column)
    if columns.votes:
        names = classes_of(parts)
        votes = votes_in(records, columns.votes, names)
        parts = [under(part, votes.task) for part in parts] + [votes]
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
    """The evidence of each file; files that name different classes are read again with the classes of all.

    ``kind`` and ``beside`` are of the first file. One that names no class by itself, as pairs do, takes the others'.
    """
    from tacit.labels.exact import sort_names
    from tacit.labels.formats import read_labels_file

    def read(number: int, classes: Sequence[str] | None) -> Labels:
        said = {"kind": kind, "beside": beside} if number == 0 else {}
        return read_labels_file(files[number], records, target=target, task=task, classes=classes, **said)  # type: ignore[arg-type]

    parts: list[Labels | InputError] = []
    for number in range(len(files)):
        try:
            parts.append(read(number, None))
        except InputError as error:
            parts.append(error)
    first = [part for part in parts if not isinstance(part, InputError)]
    names = [tuple(found) for part in first if (found := getattr(part.task, "names", None)) is not None]
    if len(first) == len(parts) and len(set(names)) <= 1:
        return first
    if not names:
        raise next(part for part in parts if isinstance(part, InputError))
    together = names[0] if len(set(names)) == 1 else sort_names({name for found in names for name in found})
    return [read(number, together) for number in range(len(files))]


def classes_of(parts: Sequence[Labels]) -> tuple[str, ...] | None:
    """The names of the classes that the parts speak of; None where there is no part."""
    from tacit.data.task import Classes

    if not parts:
        return None
    task = parts[0].task
    if not isinstance(task, Classes):
        raise InputError("votes are for one class a record; the labels beside them are of something else")
    return task.names


def under(part: Labels, task: Task) -> Labels:
    """Exact labels under the classes of ``task``, where voters name more of them; anything else as it is."""
    from tacit.data.task import Classes
    from tacit.labels.exact import Exact

    if part.task == task or not isinstance(part, Exact) or not isinstance(task, Classes):
        return part
    return Exact.from_values([None if v < 0 else part.task.names[v] for v in part.y], task.names)


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
    names = list(classes) if classes is not None and said <= set(classes) else sort_names({*said, *(classes or ())})
    return Votes.from_wide(cells, names, abstain="ignored", sources=list(columns))


def doubted(part: Labels) -> Labels:
    """Exact classes as labels of which some are wrong; anything else is an `InputError`."""
    from tacit.labels.exact import Exact
    from tacit.labels.noisy import Noisy

    if isinstance(part, Exact) and part.y.ndim == 1:
        return Noisy(part.y, "estimate", part.task.names)
    raise InputError(f"--noisy is for one class a record; here there are {part.describe()}")
