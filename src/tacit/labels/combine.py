"""Which mixture suits the parts, and whether they speak of the same records and truths."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

from tacit.data.task import Classes, Masks, MultiLabel, Number, Task
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.grid import pixels

_SPOKEN: dict[type[Task], str] = {
    Classes: "one class a record",
    MultiLabel: "several labels a record",
    Masks: "one class a pixel",
}


def combined(parts: Sequence[Labels], trust: Sequence[float] | None) -> Labels:
    """As `Labels.combine`."""
    if not parts:
        raise InputError("there is nothing to combine; give at least one kind of evidence")
    for number, part in enumerate(parts):
        if not isinstance(part, Labels):
            raise InputError(
                f"part {number} is {type(part).__name__} and no evidence; give tacit.labels.Exact or the like"
            )
    weights = _weights(trust, len(parts))
    _require_alike(parts)
    if isinstance(parts[0].task, Number):
        from tacit.labels.number_mixture import NumberMixture

        return NumberMixture(parts, weights)
    from tacit.labels.mixture import Mixture

    return Mixture(parts, weights)


def _weights(trust: Sequence[float] | None, parts: int) -> tuple[float, ...]:
    """The trust in each part, 1 where none is given; what is no number in (0, 1] is an `InputError`."""
    if trust is None:
        return (1.0,) * parts
    try:
        given = list(trust)
    except TypeError:
        raise InputError(f"trust is {trust!r}; give a list with a number above 0 and at most 1 for each part") from None
    if len(given) != parts:
        raise InputError(f"there are {len(given)} trusts for {parts} kinds of evidence; give one each")
    for number, t in enumerate(given):
        if not isinstance(t, Real) or not 0 < t <= 1:
            raise InputError(f"a trust of {t!r} was given to part {number}; it has to be above 0 and at most 1")
    return tuple(float(t) for t in given)


def _require_alike(parts: Sequence[Labels]) -> None:
    first = parts[0]
    for part in parts[1:]:
        if len(part) != len(first):
            raise InputError(
                f"evidence on {len(part):,} records cannot be combined with evidence on {len(first):,}; "
                "all parts have to speak of the same records"
            )
        if isinstance(part.task, Number) != isinstance(first.task, Number):
            raise InputError("evidence on numbers cannot be combined with evidence on classes")
        if not isinstance(part.task, Number) and not isinstance(first.task, Number):
            _require_same_names(first.task, part.task)


def _require_same_names(first: Classes | MultiLabel | Masks, other: Classes | MultiLabel | Masks) -> None:
    if type(first) is not type(other):
        raise InputError(
            f"evidence on {_SPOKEN[type(first)]} cannot be combined with evidence on {_SPOKEN[type(other)]}"
        )
    if isinstance(first, Masks) and isinstance(other, Masks) and pixels(first) != pixels(other):
        raise InputError(
            f"evidence on masks of {first.height} x {first.width} pixels cannot be combined with evidence on "
            f"{other.height} x {other.width}"
        )
    if first.names == other.names:
        return
    if set(first.names) == set(other.names):
        place = next(k for k, (a, b) in enumerate(zip(first.names, other.names, strict=True)) if a != b)
        raise InputError(
            f"the parts name their classes in different orders: class {place} is {first.names[place]!r} in one and "
            f"{other.names[place]!r} in another; give all of them the same classes=[...]"
        )
    missing = sorted(set(first.names) ^ set(other.names))
    raise InputError(
        f"the parts do not have the same classes: {missing[0]!r} is in one only; give all of them the same "
        "classes=[...]"
    )
