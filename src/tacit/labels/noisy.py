"""Noisy labels: the class that was given depends on the true one alone, by a transition matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.labels.exact import Exact
from tacit.labels.local import Local

if TYPE_CHECKING:
    from tacit.labels.noisy_model import NoisyModel

Estimator = Literal["confident", "pooled", "anchors"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)
OFF = 1e-3
"""How far from 1 a row of the transition may sum: rounded rows pass, and are rescaled."""


class Noisy(Local):
    """One given class per labelled record, wrong at rates that depend on the true class alone (class-conditional).

    ``y``: (n,) ints, -1 unknown. ``transition``: T[true, given], (C, C) with rows that sum to 1; or ``"estimate"``,
    from out-of-sample predictions (``model().fit``); or ``"learn"``, together with the network. ``classes``: the
    names in order. The likelihood is sum_c p[c] T[c, y] (Patrini et al. 2017, forward correction).

    ``estimator`` says how to estimate: ``"pooled"`` takes the likeliest one, half of its errors spread evenly over
    the other classes, and may be repeated once the network knows better; ``"confident"`` counts confident records
    (Northcutt et al. 2021), which needs predictions that are mostly right: a weak network's own errors count as
    noise; ``"anchors"`` reads each row off one record (Patrini et al. 2017), which needs one that is surely of its
    class and predictions of the *given* class.
    """

    task: Classes
    transition: NDArray[np.float64] | None
    naively = "taken as true"
    caveat = "with an estimated transition, errors that a network predicts as well as the truth look like the truth"

    def __init__(
        self,
        y: Any,
        transition: Any,
        classes: Sequence[str] | None = None,
        estimator: Estimator = "pooled",
    ) -> None:
        if estimator not in ESTIMATORS:
            raise InputError(f"unknown estimator {estimator!r} of a transition; say one of {list(ESTIMATORS)}")
        if isinstance(transition, str) and transition not in ("estimate", "learn"):
            raise InputError(f"unknown transition {transition!r}; give a matrix, or say 'estimate' or 'learn'")
        matrix = None if isinstance(transition, str) else _checked(transition)
        names = classes if classes is not None or matrix is None else [str(c) for c in range(len(matrix))]
        given = Exact(y, names)
        if not isinstance(given.task, Classes):
            raise InputError(f"noisy labels have shape {given.y.shape}; give one a record")
        if matrix is not None:
            _refuse_impossible(given, matrix)
            matrix.setflags(write=False)
        self.given, self.task = given, given.task
        self.transition = matrix
        self.estimator: Estimator = estimator
        self.how = transition if isinstance(transition, str) else "given"

    @property
    def y(self) -> NDArray[np.int64]:
        """(n,) the given classes, -1 where unknown."""
        return self.given.y

    def __len__(self) -> int:
        return len(self.given)

    def naive(self) -> Exact:
        """The labels as they were given."""
        return self.given

    def observed(self) -> NDArray[np.int64]:
        return self.given.observed()

    def emission(self) -> Tensor:
        """(units, C) log T[c, y]; an `InputError` where the transition is neither given nor fitted."""
        if self.transition is None:
            raise InputError(
                "the noise transition is not known yet: fit model() to predictions and take its fitted() labels, or "
                "give the transition"
            )
        return torch.from_numpy(self.transition[:, self.y[self.observed()]].T.copy()).log()

    def hide(self, units: NDArray[np.int64]) -> Self:
        return self._with(self.given.hide(units))

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.given.take(index))

    def padded(self, extra: int) -> Self:
        return self._with(self.given.padded(extra))

    def model(self) -> NoisyModel:
        from tacit.labels.noisy_model import NoisyModel, channel_of

        return NoisyModel(self, channel_of(self))

    def describe(self) -> str:
        if self.transition is None:
            known = "to be learned" if self.how == "learn" else f"to be estimated ({self.estimator})"
        else:
            known = f"given, {np.diag(self.transition).mean():.0%} right on average over the classes"
        return (
            f"noisy labels on {len(self.observed()):,} of {len(self):,} records, {self.task.outputs} classes, "
            f"transition {known}"
        )

    def header(self) -> dict[str, Any]:
        transition = self.how if self.transition is None else self.transition.tolist()
        return {"task": self.task.to_json(), "transition": transition, "estimator": self.estimator}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        return self.given.rows(ids)

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        given = Exact.from_rows(header, rows, ids)
        return cls(given.y, header["transition"], given.task.names, header["estimator"])

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id`` and ``label``. That they are noisy, and how, is for its reader to say."""
        self.given.to_file(path, ids)

    def _with(self, given: Exact) -> Self:
        new = object.__new__(type(self))
        new.given, new.task = given, self.task
        new.transition, new.estimator, new.how = self.transition, self.estimator, self.how
        return new


def _checked(transition: Any) -> NDArray[np.float64]:
    """(C, C) rows that sum to 1, or an `InputError` that names the row."""
    try:
        matrix = np.array(transition, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the transition is no matrix of numbers; give T[true, given], (C, C)") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise InputError(f"the transition has shape {matrix.shape}; give T[true, given], (C, C)")
    total = matrix.sum(axis=1)
    for row, what in (
        (np.flatnonzero(~(matrix >= 0).all(axis=1)), "holds a negative number or none"),
        (np.flatnonzero(~(np.abs(total - 1) <= OFF)), "does not sum to 1"),
    ):
        if len(row):
            raise InputError(f"row {row[0]} of the transition {what}; T[true, given] holds a distribution a row")
    return np.where(np.abs(total - 1)[:, None] > 1e-9, matrix / total[:, None], matrix)


def _refuse_impossible(given: Exact, matrix: NDArray[np.float64]) -> None:
    """`InputError` that names a record whose class the transition never gives, or a size that does not fit."""
    if len(matrix) != given.task.outputs:
        raise InputError(f"the transition is of {len(matrix)} classes, but there are {given.task.outputs}")
    observed = given.observed()
    never = observed[matrix[:, given.y[observed]].max(axis=0) == 0]
    if len(never):
        name = given.task.names[given.y[never[0]]]
        raise InputError(f"record {never[0]} was given {name!r}, which the transition never gives; mend one of them")
