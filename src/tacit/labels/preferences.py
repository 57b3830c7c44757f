"""Which of two records has more of something: Bradley-Terry on the scores that a prediction gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.task import Classes, MultiLabel, Number, Task, task_from_json
from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.complement import excluding
from tacit.labels.coupled import NEVER
from tacit.labels.exact import Exact
from tacit.labels.indices import moved, placed, truths
from tacit.labels.local import categorical
from tacit.labels.number_sites import normal
from tacit.labels.values import Values
from tacit.labels.values_io import positions, write_table
from tacit.listing import pick


class Preferences(Labels):
    """Pairs of records of which the first was preferred: log sigmoid(s_winner - s_loser) (Bradley and Terry 1952).

    ``winner``, ``loser``: (pairs,) positions of records, from 0 to n - 1. The score s is the predicted mean for
    numbers; for classes, given ``of`` and the names ``classes``, it is the logit of the class ``of``
    (``multilabel``: of that label, where a record may have several). ``tie``: (pairs,) bool, None for none: neither
    was preferred. Ties have the probability of Davidson (1970), who weighs them by ``nu`` times the geometric mean
    of both strengths; where it is not given, ``nu`` makes ties between equals as frequent as ties are.

    A pair that is given twice counts twice. Preferences that run in a circle are no contradiction, as each is only
    probable; `describe` says how many there are. They say nothing of a site by itself: the belief comes back.
    """

    naively = "the share of won comparisons taken as the value"
    caveat = "only differences are seen, no level"

    def __init__(
        self,
        winner: Any,
        loser: Any,
        n: int,
        of: str | None = None,
        classes: Sequence[str] | None = None,
        tie: Any = None,
        nu: float | None = None,
        multilabel: bool = False,
    ) -> None:
        first, second = placed(winner, n, "preference"), placed(loser, n, "preference")
        if first.shape != second.shape:
            raise InputError(f"there are {len(first):,} winners and {len(second):,} losers; give one of each a pair")
        if len(alone := np.flatnonzero(first == second)):
            raise InputError(f"preference {alone[0]} sets record {first[alone[0]]} against itself; name two records")
        tied = np.zeros(len(first), dtype=bool) if tie is None else truths(tie, "preference") == 1
        if tied.shape != first.shape:
            raise InputError(f"tie has shape {tied.shape} for {len(first):,} preferences; give one a pair")
        if nu is not None and not 0 < nu < np.inf:
            raise InputError(f"nu is {nu:g}; it weighs ties and has to be above 0")
        if nu is None and tied.any():
            share = (tied.sum() + 0.5) / (len(tied) + 1)  # never 1, however many pairs were tied
            nu = float(2 * share / (1 - share))
        self.task, self.of, self.nu = _scored(of, classes, multilabel), of, nu
        self._set(n, first, second, tied, 0)

    def _set(
        self, n: int, winner: NDArray[np.int64], loser: NDArray[np.int64], tie: NDArray[np.bool_], dropped: int
    ) -> None:
        self.n, self.winner, self.loser, self.tie, self._dropped = n, winner, loser, tie, dropped
        for array in (winner, loser, tie):
            array.setflags(write=False)

    def __len__(self) -> int:
        return self.n

    def naive(self) -> Exact | Values:
        """For numbers the share of its comparisons that a record won, ties as halves; of classes nothing."""
        if not isinstance(self.task, Number):
            wide = (self.n, len(self.task.names)) if isinstance(self.task, MultiLabel) else (self.n,)
            return Exact(np.full(wide, -1, dtype=np.int64), self.task.names)
        won = np.bincount(self.winner, weights=np.where(self.tie, 0.5, 1.0), minlength=self.n)
        won += np.bincount(self.loser, weights=np.where(self.tie, 0.5, 0.0), minlength=self.n)
        met = np.bincount(self.winner, minlength=self.n) + np.bincount(self.loser, minlength=self.n)
        return Values(np.where(met > 0, won / np.maximum(met, 1), np.nan))

    @property
    def dropped(self) -> int:
        return self._dropped

    def units(self) -> Units:
        """The pairs, two sites each: winner, loser."""
        ends = np.stack([self._site(self.winner), self._site(self.loser)], axis=1).reshape(-1)
        return Units(2 * np.arange(len(self.winner) + 1, dtype=np.int64), ends)

    def _site(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """The site of each record that has the score."""
        if isinstance(self.task, MultiLabel) and self.of is not None:
            return records * self.task.sites_per_record + self.task.names.index(self.of)
        return records

    def hide(self, units: NDArray[np.int64]) -> Self:
        kept = np.ones(len(self.winner), dtype=bool)
        kept[units] = False
        return self._with(self.n, self.winner[kept], self.loser[kept], self.tie[kept])

    def take(self, index: NDArray[np.int64]) -> Self:
        place = moved(index, self.n, np.concatenate([self.winner, self.loser]))
        winner, loser = place[self.winner], place[self.loser]
        whole = (winner >= 0) & (loser >= 0)
        lost = int(((winner >= 0) != (loser >= 0)).sum())
        return self._with(len(index), winner[whole], loser[whole], self.tie[whole], lost)

    def padded(self, extra: int) -> Self:
        return self._with(self.n + extra, self.winner, self.loser, self.tie)

    def scores(self, prediction: Prediction) -> Tensor:
        """(sites,) the score that the preferences speak of."""
        if isinstance(self.task, Number) or self.of is None:
            return normal(prediction).mean
        log_p = categorical(prediction).log_p.clamp_min(NEVER)
        number = self.task.names.index(self.of) if isinstance(self.task, Classes) else 1
        return log_p[:, number] - excluding(log_p)[:, number]

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        return self.by_lead(self.leads(self.scores(prediction)))

    def leads(self, scores: Tensor) -> Tensor:
        """(pairs,) the winner's score minus the loser's, of ``scores`` (sites,)."""
        winner, loser = (torch.from_numpy(self._site(r).copy()).to(scores.device) for r in (self.winner, self.loser))
        return scores[winner] - scores[loser]

    def by_lead(self, lead: Tensor) -> Tensor:
        """(pairs,) log-likelihood where the winner leads by so much."""
        if self.nu is None:
            return logsigmoid(lead)
        level = torch.full_like(lead, np.log(self.nu)) - lead / 2
        tie = torch.from_numpy(self.tie.copy()).to(lead.device)
        outcomes = torch.stack([torch.zeros_like(lead), level, -lead])  # won, tied, lost
        return torch.where(tie, level, 0.0) - torch.logsumexp(outcomes, dim=0)

    def posterior(self, prediction: Prediction) -> Prediction:
        """The belief: which of two records has more says nothing of either by itself."""
        if isinstance(prediction, Categorical):
            return Categorical(prediction.log_p.detach())
        return Normal(prediction.mean.detach(), prediction.log_scale.detach())

    def cycles(self) -> tuple[int, int]:
        """How many groups of records are each preferred to themselves in the end, and the pairs inside of them."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        winner, loser = self.winner[~self.tie], self.loser[~self.tie]
        graph = coo_array((np.ones(len(winner), dtype=np.int8), (winner, loser)), shape=(self.n, self.n))
        group = connected_components(graph, directed=True, connection="strong")[1]
        inside = group[winner] == group[loser]
        return len(np.unique(group[winner[inside]])), int(inside.sum())

    def describe(self) -> str:
        pairs, known = len(self.winner), f"{len(self.labelled()):,} of {self.n:,} records"
        score = "the number" if self.of is None else f"the logit of {self.of!r}"
        said = f"{pairs:,} preferences, {int(self.tie.sum()):,} of them ties, on {known}, by {score}"
        circles, inside = self.cycles()
        if not circles:
            return f"{said}; none run in a circle"
        return f"{said}; {inside:,} ({inside / pairs:.0%}) run in circles, in {circles:,} groups of records"

    def header(self) -> dict[str, Any]:
        return {"task": self.task.to_json(), "of": self.of, "nu": self.nu}

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for winner, loser, tie in zip(self.winner.tolist(), self.loser.tolist(), self.tie.tolist(), strict=True):
            yield {"winner": ids[winner], "loser": ids[loser], "tie": tie}

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        task, place, found = task_from_json(header["task"]), positions(ids), list(rows)
        winner, loser = ([pick(row[end], place, "record") for row in found] for end in ("winner", "loser"))
        classes = None if isinstance(task, Number) else task.names
        tie = np.array([row["tie"] for row in found], dtype=bool)
        several = isinstance(task, MultiLabel)
        return cls(winner, loser, len(ids), header["of"], classes, tie, header["nu"], several)

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``winner,loser,tie``, two ids and 1 or 0. What the score is of is for its reader to say."""
        write_table(
            path, ["winner", "loser", "tie"], ([r["winner"], r["loser"], int(r["tie"])] for r in self.rows(ids))
        )

    def _with(
        self, n: int, winner: NDArray[np.int64], loser: NDArray[np.int64], tie: NDArray[np.bool_], lost: int = 0
    ) -> Self:
        new = object.__new__(type(self))
        new.task, new.of, new.nu = self.task, self.of, self.nu
        new._set(n, winner, loser, tie, self._dropped + lost)
        return new


def _scored(of: str | None, classes: Sequence[str] | None, multilabel: bool) -> Task:
    """The task whose predictions have the score: a number, or classes of which ``of`` is one."""
    if of is None and classes is None:
        return Number()
    if of is None or classes is None:
        raise InputError("preferences about classes need both: of, the class they speak of, and classes, all names")
    names = tuple(classes)
    if len(set(names)) != len(names):
        raise InputError("two classes have the same name; give each its own")
    if len(names) < 2 and not multilabel:
        raise InputError(f"preferences about {of!r} need at least one class beside it; give all names in classes")
    pick(of, dict.fromkeys(names), "class")
    return MultiLabel(names) if multilabel else Classes(names)
