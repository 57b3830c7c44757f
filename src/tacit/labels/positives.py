"""Positive and unlabelled records: a record is labelled only if it is positive, and then with one propensity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.task import Classes, MultiLabel, task_from_json
from tacit.errors import InputError
from tacit.labels.exact import Exact
from tacit.labels.local import Local
from tacit.labels.values_io import positions, write_table
from tacit.listing import pick

if TYPE_CHECKING:
    from tacit.labels.positives_model import PositivesModel

Floats = NDArray[np.float64]
NAMES = ("negative", "positive")
STATES = {"labelled": 1, "unlabelled": 0}


class Positives(Local):
    """Labels of positives only, selected completely at random (Elkan and Noto 2008; Bekker and Davis 2020).

    ``state``: (n,), or (n, K) for several labels a record: 1 labelled, 0 unlabelled, -1 withheld, of which nothing is
    known. ``prior``: the share of positives among the labelled and unlabelled, a number or (K,); None or
    ``"estimate"`` where ``model().fit`` is to find it from out-of-sample predictions. ``classes``: for (n,) the names
    of absent and present, else of the K labels.

    A positive is labelled with the propensity c = labelled share / prior, whatever else it is like. So labelled has
    the probability (0, c) for (absent, present), and unlabelled (1, 1 - c). The labelled share is that of the records
    as they were given; hiding and taking do not move it. Without the prior, c is not identified: a rare class that is
    often labelled looks like a frequent one that seldom is.
    """

    prior: Floats | None
    share: Floats
    naively = "unlabelled taken as negative"
    caveat = "without a known class prior, few positives that are often labelled look like many that seldom are"

    def __init__(self, state: Any, prior: Any = "estimate", classes: Sequence[str] | None = None) -> None:
        array = np.asarray(state)
        array = array.astype(np.int64) if array.dtype == bool else array
        if array.ndim > 2:
            raise InputError(f"positives have shape {array.shape}; give (records,) or (records, labels)")
        self.given = Exact(array, NAMES if classes is None and array.ndim == 1 else classes)
        self.task = self.given.task
        if isinstance(self.task, Classes) and len(self.task.names) != 2:
            raise InputError(f"positives need two classes, absent and present, but {self.task.outputs} were named")
        self.share = _labelled_share(self.state)
        self.prior = None if prior is None or isinstance(prior, str) else _prior(prior, self.share, self.present)
        if isinstance(prior, str) and prior != "estimate":
            raise InputError(f"unknown prior {prior!r}; give the share of positives, or say 'estimate'")
        self._freeze()

    @property
    def state(self) -> NDArray[np.int64]:
        """(n,) or (n, K): 1 labelled, 0 unlabelled, -1 withheld."""
        return self.given.y

    @property
    def present(self) -> tuple[str, ...]:
        """(K,) the names of what is present."""
        return self.task.names if isinstance(self.task, MultiLabel) else self.task.names[1:]

    def __len__(self) -> int:
        return len(self.given)

    def observed(self) -> NDArray[np.int64]:
        return self.given.observed()

    def emission(self) -> Tensor:
        """(units, 2) log-probability of the state for absent and present; an `InputError` without a prior."""
        if self.prior is None:
            raise InputError(
                "the class prior is not known yet: fit model() to predictions and take its fitted() labels, or give "
                "prior=, the share of positives"
            )
        return self.emission_at(torch.from_numpy(self.prior.copy()))

    def emission_at(self, prior: Tensor) -> Tensor:
        """(units, 2) as `emission`, for the (K,) float64 ``prior``."""
        share = torch.from_numpy(self.share.copy()).to(prior.device)
        spoken = self.observed()
        label = torch.from_numpy(spoken % len(self.present)).to(prior.device)
        labelled = torch.from_numpy(self.state.reshape(-1)[spoken] == 1).to(prior.device)
        c, not_c = ((x.log() - prior.log())[label] for x in (share, (prior - share).clamp_min(0.0)))
        absent = torch.where(labelled, -torch.inf, 0.0).to(c)
        return torch.stack([absent, torch.where(labelled, c, not_c)], dim=1)

    def naive(self) -> Exact:
        """Labelled records as positive, unlabelled ones as negative."""
        return self.given

    def hide(self, units: NDArray[np.int64]) -> Self:
        return self._with(self.given.hide(units))

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.given.take(index))

    def padded(self, extra: int) -> Self:
        return self._with(self.given.padded(extra))

    def model(self) -> PositivesModel:
        from tacit.labels.positives_model import PositivesModel, Prior

        return PositivesModel(self, Prior(self))

    def with_prior(self, prior: Any) -> Self:
        """The same evidence with this prior, a number or (K,)."""
        new = self._with(self.given)
        new.prior = _prior(prior, self.share, self.present)
        new._freeze()
        return new

    def describe(self) -> str:
        labelled, unlabelled = int((self.state == 1).sum()), int((self.state == 0).sum())
        if self.prior is None:
            known = "to be estimated"
        else:
            known = f"{self.prior.mean():.3g}" + (" on average" if len(self.prior) > 1 else "")
        return (
            f"positives only: {labelled:,} labelled and {unlabelled:,} unlabelled on {len(self):,} records, "
            f"{len(self.present)} {'label' if len(self.present) == 1 else 'labels'}, class prior {known}"
        )

    def header(self) -> dict[str, Any]:
        prior = "estimate" if self.prior is None else self.prior.tolist()
        return {"task": self.task.to_json(), "prior": prior, "share": self.share.tolist()}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = {number: name for name, number in STATES.items()}
        wide = self.state.reshape(len(self), -1)
        for record in self.labelled().tolist():
            yield {
                "id": ids[record],
                "states": {label: names[int(s)] for label, s in zip(self.present, wide[record], strict=True) if s >= 0},
            }

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task, place = task_from_json(header["task"]), positions(ids)
        assert isinstance(task, Classes | MultiLabel)
        number = positions(task.names if isinstance(task, MultiLabel) else task.names[1:])
        state = np.full((len(ids), len(number)), -1, dtype=np.int64)
        for row in rows:
            record = pick(row["id"], place, "record")
            for label, name in row["states"].items():
                state[record, pick(label, number, "label")] = pick(name, STATES, "state")
        new = cls(state if isinstance(task, MultiLabel) else state[:, 0], None, task.names)
        new.share = np.array(header["share"], dtype=np.float64)
        new._freeze()
        return new if header["prior"] == "estimate" else new.with_prior(header["prior"])

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``id,label,state``, a line for each state that is known; the prior is for its reader to say."""
        rows = ([row["id"], *said] for row in self.rows(ids) for said in row["states"].items())
        write_table(path, ["id", "label", "state"], rows)

    def _with(self, given: Exact) -> Self:
        new = object.__new__(type(self))
        new.given, new.task, new.share, new.prior = given, given.task, self.share, self.prior
        return new

    def _freeze(self) -> None:
        self.share.setflags(write=False)
        if self.prior is not None:
            self.prior.setflags(write=False)


def _labelled_share(state: NDArray[np.int64]) -> Floats:
    """(K,) of the records that are labelled or unlabelled, how many are labelled; 0 where there are none."""
    wide = state.reshape(len(state), -1)
    seen = (wide >= 0).sum(axis=0)
    return np.asarray((wide == 1).sum(axis=0) / np.maximum(seen, 1), dtype=np.float64)


def _prior(prior: Any, share: Floats, labels: Sequence[str]) -> Floats:
    """(K,) priors, each at least the labelled share, or an `InputError` that names the label."""
    try:
        found = np.array(np.broadcast_to(np.asarray(prior, dtype=np.float64), share.shape))
    except (TypeError, ValueError):
        raise InputError(f"the class prior is no number, nor {len(share)} of them; give one a label") from None
    for k, label in enumerate(labels):
        if not 0 < found[k] <= 1:
            raise InputError(f"the class prior of {label!r} is {found[k]:g}; it has to be above 0 and at most 1")
        if found[k] < share[k] - 1e-12:
            raise InputError(
                f"the class prior of {label!r} is {found[k]:g}, below the share of records that are labelled so, "
                f"{share[k]:.4g}; at least these are positive"
            )
    return np.maximum(found, share)
