"""Labels from whatever the user gave: an array, a list, a file, or a column of the records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from tacit.data.records import Records
from tacit.data.task import Masks, Number
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.soft import Soft, shares_of
from tacit.labels.values import Values
from tacit.labels.values_io import is_unknown
from tacit.listing import nearest

Kind = Literal["classes", "regression"]
MEANT = {"number": "regression", "numbers": "regression", "numeric": "regression", "classification": "classes"}
"""Words for kinds that others use."""

IMPOSSIBLE = -1e29
"""Log-likelihoods below this stand for impossible evidence."""

MANY = 20
"""Distinct numbers beyond which a numeric target may be a regression."""


def require_kind(name: str | None) -> Kind | None:
    """The kind of that name; any other is an `InputError` that says the right word."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    if name is None:
        return None
    for kind in kinds:
        if kind == name:
            return kind
    meant = MEANT.get(name.lower())
    hint = f"Did you mean {meant!r}?" if meant else nearest(name, kinds)
    raise InputError(f"unknown task {name!r}. {hint}")


def read_labels(
    path: str | Path,
    records: Records,
    *,
    target: str | None = None,
    kind: str | None = None,
    classes: Sequence[str] | None = None,
    beside: str | Path | None = None,
    of: str | None = None,
    abstain: str | None = None,
) -> Labels:
    """Labels from a file or folder, aligned to ``records``; whatever cannot be read is an `InputError` that says where.

    ``kind``: "classes" or "regression", what is to be predicted; or the name of a format ("coco") or of a kind of
    evidence ("votes"), where it is not to be found by looking. ``target``: the column with the labels. ``classes``:
    their names in order. ``beside``: a second file, of bags or of a class tree. ``of``: the class that preferences
    speak of. ``abstain``: whether a missing vote is "ignored" or "informative". See `tacit.labels.formats`.
    """
    from tacit.labels.formats import read_labels_file

    task, form = (kind, None) if kind in get_args(Kind) else (None, kind)
    if form is not None and form.lower() in MEANT:
        require_kind(form)
    return read_labels_file(
        path, records, kind=form, target=target, task=task, classes=classes, beside=beside, of=of, abstain=abstain
    )


def labels_of(given: Any, records: Records, kind: Kind | None = None) -> Labels:
    """`Labels` for ``records`` from labels, a path, values aligned to the records, or None for class folders."""
    if isinstance(given, Labels):
        labels = given
        require_task(labels, kind)
    elif given is None:
        if "folder" not in records.columns or all(name is None for name in records.column("folder")):
            raise InputError(
                "no labels were given: name a file (--labels), a column (--target), or put images into class "
                "folders; to learn from the data without labels use `tacit embed`"
            )
        labels = labels_from(records.column("folder").tolist(), kind)
    elif isinstance(given, str | Path):
        labels = read_labels(given, records, kind=kind)
    else:
        values = np.asarray(given, dtype=object)
        if values.ndim != 1:
            raise InputError(
                f"labels have shape {values.shape}; give one a record, or use tacit.labels.Exact for several"
            )
        labels = labels_from(values.tolist(), kind)
    if len(labels) != len(records):
        raise InputError(f"there are {len(labels)} labels for {len(records)} records; give one a record")
    return labels


def require_task(labels: Labels, kind: Kind | None) -> None:
    """Raise `InputError` where ``kind`` is not what the labels speak of."""
    numbers = isinstance(labels.task, Number)
    if kind is not None and numbers != (kind == "regression"):
        others = "numbers" if numbers else "classes"
        raise InputError(
            f"there are {labels.describe()}: they are of {others}, not for --task {kind}; leave the task out"
        )


def labels_from(values: Sequence[Any], kind: Kind | None = None) -> Labels:
    """Classes or numbers from raw values; None, NaN and, among whole numbers from 0 on, -1 are unknown.

    (-1 is a class where the classes are exactly -1 and 1.)
    Numbers with more than ``MANY`` distinct values that `could_be_measured` could be either; then ``kind`` has to say.
    """
    if kind == "regression":
        require_a_number(values)
        return Values.from_values(values)
    numbers = numbers_in(values)
    if kind is None and numbers:
        infinite = next((row for row, number in numbers.items() if math.isinf(number)), None)
        if infinite is not None:
            raise InputError(f"record {infinite} has an infinite value; give a number, or leave it empty for unknown")
        distinct = set(numbers.values())
        if len(distinct) > MANY and could_be_measured(distinct, len(numbers)):
            raise InputError(
                f"the target holds {len(distinct)} different numbers: is it a number to predict or are they "
                "classes? Say --task regression or --task classes"
            )
    if marks_unknown(set(numbers.values())):
        values = [None if numbers.get(row) == -1 else value for row, value in enumerate(values)]
    return Exact.from_values(values)


def require_a_number(values: Sequence[Any]) -> None:
    """Raise `InputError` where none of the known ``values`` is a number: then it is the task that is wrong."""
    known = [value for value in values if not is_unknown(value)]
    if known and not any(numbers_in([value]) for value in known):
        raise InputError(
            f"the labels are names, such as {known[0]!r}, and --task regression needs numbers; "
            "say --task classes, or name other labels"
        )


def could_be_measured(distinct: set[float], labels: int) -> bool:
    """Whether so many different numbers among ``labels`` may be no codes of classes.

    They may where they are not all whole, where there are hundreds, and where most occur once and they leave gaps:
    prices do, numbered classes of one label each do not.
    """
    if not all(number.is_integer() for number in distinct) or len(distinct) >= 100:
        return True
    gaps = max(distinct) - min(distinct) + 1 > len(distinct)
    return gaps and 2 * len(distinct) > labels


def numbers_in(values: Sequence[Any]) -> dict[int, float]:
    """The number of every known record by position; empty where any known value is none, and no text of one."""
    known = {row: value for row, value in enumerate(values) if not is_unknown(value)}
    try:
        numbers = {row: float(value) for row, value in known.items()}
    except (TypeError, ValueError):
        return {}
    return {} if any(math.isnan(number) for number in numbers.values()) else numbers


def marks_unknown(numbers: set[float]) -> bool:
    """Whether -1 among these labels stands for unknown: the others are whole numbers from 0, and not 1 alone."""
    others = numbers - {-1.0}
    return -1.0 in numbers and others != {1.0} and all(n.is_integer() and n >= 0 for n in others)


def require_usable(labels: Labels) -> None:
    """Raise `InputError` where there is nothing to learn from: no label, or one class only."""
    if isinstance(labels.task, Masks):
        raise InputError(
            "these are labels of pixels, which `fit` does not learn from yet; their likelihood and posterior are in "
            "tacit.labels. Give one label a record"
        )
    count = len(labels.labelled())
    if count == 0:
        raise InputError(
            "no record has a label, so there is nothing to fit; label a few records, or learn from the data alone "
            "with `tacit embed`"
        )
    naive = labels.naive()
    if len(naive.labelled()) == 0:
        raise InputError(
            f"there are {labels.describe()}, which name no class of any record; add exact labels for a few records "
            "(Labels.combine)"
        )
    if isinstance(naive, Soft) or (isinstance(naive, Exact) and naive.y.ndim == 1):
        present = np.flatnonzero(np.nansum(shares_of(naive), axis=0))
        if len(present) < 2:
            only = naive.task.names[int(present[0])]
            what = f"all {count} labels are" if naive is labels else f"all of it ({labels.describe()}) is"
            raise InputError(f"{what} of one class, {only!r}; label at least one record of another class")
    if naive is not labels:
        require_possible(labels)


def require_possible(labels: Labels) -> None:
    """Raise `InputError` where the evidence contradicts itself, which leaves no truth to be learned."""
    import torch

    from tacit.labels.overview import ignorance

    units = labels.units()
    with torch.no_grad():
        found = labels.model().log_likelihood(ignorance(labels)).double().cpu().numpy()
    if len(bad := np.flatnonzero(found < IMPOSSIBLE)):
        record = int(units.sites[units.offsets[bad[0]]]) // labels.task.sites_per_record
        raise InputError(f"the evidence on record {record} contradicts itself; mend or drop a part of it")
