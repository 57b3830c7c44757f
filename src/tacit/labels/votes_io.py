"""Votes as tables: a matrix with a column for each source, and a line for each vote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tacit.data.sources.columns import MISSING
from tacit.errors import InputError
from tacit.labels.exact import sort_names
from tacit.labels.values_io import is_unknown, label_text, positions, write_table
from tacit.listing import pick

if TYPE_CHECKING:
    from tacit.labels.votes import Votes


def wide(matrix: Any, classes: Sequence[str] | None) -> tuple[NDArray[np.integer[Any]], Sequence[str] | None]:
    """(n, S) class numbers, -1 where a source abstains, and the names of the classes if the cells held names.

    Numbers are class numbers, with -1, None or NaN for silence; text is names, sorted unless given in order.
    """
    cells = np.asarray(matrix)
    if cells.ndim != 2:
        raise InputError(f"votes have shape {cells.shape}; give one row a record and one column a source")
    if np.issubdtype(cells.dtype, np.integer):
        return _above(cells), classes
    values = cells.reshape(-1).tolist()
    known = [k for k, value in enumerate(values) if not is_unknown(value)]
    if all(isinstance(values[k], int | float) and not isinstance(values[k], bool) for k in known):
        found = np.full(len(values), -1, dtype=np.int64)
        numbers = np.array([values[k] for k in known], dtype=np.float64)
        if len(bad := np.flatnonzero(numbers != np.floor(numbers))):
            record = known[bad[0]] // cells.shape[1]
            raise InputError(f"record {record} has a vote {numbers[bad[0]]:g}; give class numbers, or names as text")
        found[known] = numbers.astype(np.int64)
        return _above(found.reshape(cells.shape)), classes
    texts = [label_text(values[k]) for k in known]
    names = sort_names(set(texts)) if classes is None else list(classes)
    found = np.full(len(values), -1, dtype=np.int64)
    found[known] = class_numbers(texts, names, np.array(known) // cells.shape[1])
    return found.reshape(cells.shape), names


def numbered(
    item: Sequence[str],
    source: Sequence[str],
    vote: Sequence[Any],
    ids: Sequence[str],
    classes: Sequence[str] | None,
) -> dict[str, Any]:
    """The arguments of `Votes` from ids, sources and classes in words; an id that no record has is an `InputError`."""
    place, sources = positions(ids), list(dict.fromkeys(source))
    records = np.array([pick(name, place, "record") for name in item], dtype=np.int64)
    known = [k for k, value in enumerate(vote) if not is_unknown(value)]
    texts = [label_text(vote[k]) for k in known]
    names = sort_names(set(texts)) if classes is None else list(classes)
    votes = np.full(len(vote), -1, dtype=np.int64)
    votes[known] = class_numbers(texts, names, records[known])
    number = positions(sources)
    voter = np.array([number[name] for name in source], dtype=np.int64)
    return {"item": records, "source": voter, "vote": votes, "n": len(ids), "classes": names, "sources": sources}


def class_numbers(texts: Sequence[str], names: Sequence[str], records: NDArray[np.int64]) -> list[int]:
    """The class of each vote; one for none of the classes is an `InputError` that names its record."""
    number = positions(names)
    for text, record in zip(texts, records.tolist(), strict=True):
        if text not in number:
            raise InputError(f"record {record} has a vote {text!r}, which is none of the classes {list(names)}")
    return [number[text] for text in texts]


def spoken(ids: Sequence[str], votes: Votes) -> Iterator[dict[str, Any]]:
    """For every record that is seen, what each source said of it."""
    ballots, names = votes.ballots, votes.task.names
    cuts, source, vote = ballots.offsets, ballots.source, ballots.vote
    for record in votes.observed().tolist():
        mine = range(cuts[record], cuts[record + 1])
        yield {"id": ids[record], "votes": [[votes.sources[source[k]], names[vote[k]]] for k in mine]}


def read_spoken(
    header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """The inverse of `spoken`: (n,) which records are seen, and (3, votes) records, sources and classes."""
    place, voter, number = positions(ids), positions(header["sources"]), positions(header["task"]["names"])
    seen = np.zeros(len(ids), dtype=bool)
    cells: list[tuple[int, int, int]] = []
    for row in rows:
        record = pick(row["id"], place, "record")
        seen[record] = True
        cells += [(record, pick(s, voter, "source"), pick(v, number, "class")) for s, v in row["votes"]]
    return seen, np.array(cells, dtype=np.int64).reshape(-1, 3).T


def write_votes(path: Path, ids: Sequence[str], votes: Votes) -> None:
    """``task,worker,label``, a line a vote; or where silence is an outcome ``id`` and a column a source."""
    names, sources = votes.task.names, votes.sources
    if lost := [name for name in (*names, *sources) if name in MISSING or name != name.strip()]:
        raise InputError(f"a table of votes cannot hold the name {lost[0]!r}; rename that class or source")
    ballots = votes.ballots
    if not votes.informative:
        lines = zip(ballots.item.tolist(), ballots.source.tolist(), ballots.vote.tolist(), strict=True)
        write_table(path, ["task", "worker", "label"], ([ids[i], sources[s], names[v]] for i, s, v in lines))
        return
    if "id" in sources:
        raise InputError("a table of votes has a column 'id' of its own; rename the source 'id'")
    write_table(path, ["id", *sources], _wide_rows(ids, votes))


def _wide_rows(ids: Sequence[str], votes: Votes) -> Iterator[list[str | None]]:
    source, vote, cuts = votes.ballots.source, votes.ballots.vote, votes.ballots.offsets
    for record in votes.observed().tolist():
        cells: list[str | None] = [None] * len(votes.sources)
        for k in range(cuts[record], cuts[record + 1]):
            cells[source[k]] = votes.task.names[vote[k]]
        yield [ids[record], *cells]


def _above(cells: NDArray[Any]) -> NDArray[Any]:
    if cells.size and cells.min() < -1:
        record, source = np.argwhere(cells < -1)[0]
        raise InputError(f"record {record} has vote {cells[record, source]} in column {source}; -1 is silence")
    return cells
