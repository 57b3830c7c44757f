"""Votes of several sources: annotators, rules, old models, each with a confusion matrix of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.records import Records
from tacit.data.task import Classes
from tacit.errors import InputError
from tacit.figures import plural
from tacit.labels.aggregation.methods import majority
from tacit.labels.aggregation.tally import Tally
from tacit.labels.ballots import Ballots
from tacit.labels.exact import Exact
from tacit.labels.grid import named_classes
from tacit.labels.local import Local, LocalModel
from tacit.labels.soft import Soft
from tacit.labels.voter import Voter, answers
from tacit.labels.votes_checks import Triples, checked_confusion, checked_weight, class_count, source_names
from tacit.labels.votes_io import numbered, read_spoken, spoken, wide, write_votes

Abstain = Literal["ignored", "informative"]


class Votes(Local):
    """What S sources said of n records: any number of votes, on any records.

    ``item``, ``source``, ``vote``: (votes,) ints, one line a vote: its record, its source, its class; a vote of -1
    abstains. ``classes`` and ``sources``: their names in order.

    ``abstain="ignored"``: which records a source voted on says nothing of their truth. ``"informative"``: every
    source saw every record, and a missing vote is an outcome like any other; only so has a rule that votes for one
    class alone anything to say.

    ``confusion``: (S, C, C) probability of each vote by source and truth, (S, C, C + 1) with silence last where it is
    informative; None to have it estimated (`model`, `tacit.labels.aggregation`). The likelihood of a record's votes
    is sum_c p[c] prod_s T_s[c, vote] (Dawid and Skene 1979). ``weight``: (S,) powers of the factors, 1 for
    independent sources and less for copies, which makes it a composite likelihood.

    A source that votes several times on a record is as many factors, as in Dawid and Skene's own data: answers that
    were given anew, right or wrong anew. Files hold copies rather: readers take a vote once, and ``repeated`` says how
    many more there were.
    """

    task: Classes
    naively = "majority vote, ties shared"
    caveat = "sources that err together look like the truth"

    def __init__(
        self,
        item: Any,
        source: Any,
        vote: Any,
        n: int,
        classes: Sequence[str] | None = None,
        confusion: Any = None,
        abstain: Abstain = "ignored",
        sources: Sequence[str] | None = None,
        weight: Any = None,
        repeated: int = 0,
    ) -> None:
        if abstain not in ("ignored", "informative"):
            raise InputError(f"unknown abstain {abstain!r}; say 'ignored' or 'informative'")
        given = Triples.checked(item, source, vote, n)
        self.task = named_classes(class_count(given, classes, confusion), classes)
        self.sources = source_names(given, sources, confusion)
        self.abstain: Abstain = abstain
        given.refuse_beyond(self.task.names, self.sources)
        if self.informative:
            given.refuse_repeats(self.sources)
        self.ballots = Ballots.of(given.ordered(n), n, self.outcomes, self.informative)
        self.weight = checked_weight(weight, self.sources)
        self.confusion = self._checked(confusion)
        self.repeated = repeated

    @classmethod
    def from_wide(
        cls,
        matrix: Any,
        classes: Sequence[str] | None = None,
        confusion: Any = None,
        abstain: Abstain = "informative",
        sources: Sequence[str] | None = None,
    ) -> Self:
        """From one row a record and one column a source: class numbers with -1, or names with None, for silence."""
        cells, names = wide(matrix, classes)
        columns = [str(s) for s in range(cells.shape[1])] if sources is None else sources
        if len(columns) != cells.shape[1]:
            raise InputError(f"{len(columns)} source names for {cells.shape[1]} columns; give one a column")
        # Of the flat array: nonzero takes several times as long in two dimensions.
        place = np.flatnonzero(cells.reshape(-1) >= 0)
        item, source = np.divmod(place, np.int64(cells.shape[1]))
        return cls(item, source, cells.reshape(-1)[place], len(cells), names, confusion, abstain, columns)

    @classmethod
    def from_names(
        cls,
        item: Sequence[str],
        source: Sequence[str],
        vote: Sequence[Any],
        ids: Sequence[str],
        classes: Sequence[str] | None = None,
        abstain: Abstain = "ignored",
    ) -> Self:
        """From a line a vote in words: a record's id, who voted, and for what, or None. Sources come as they appear."""
        return cls(**numbered(item, source, vote, ids, classes), abstain=abstain)

    @classmethod
    def from_voters(
        cls,
        voters: Sequence[Voter],
        records: Records,
        classes: Sequence[str] | None = None,
        abstain: Abstain = "informative",
    ) -> Self:
        """What every voter says of every record."""
        return cls.from_wide(answers(voters, records), classes, None, abstain, [voter.name for voter in voters])

    @property
    def informative(self) -> bool:
        """Whether silence is an outcome."""
        return self.abstain == "informative"

    def __len__(self) -> int:
        return len(self.ballots)

    def naive(self) -> Exact | Soft:
        """The class with most votes; tied classes share alike, and records without a vote are unknown."""
        shares = np.full((len(self), self.outcomes), np.nan)
        voted = np.diff(self.ballots.offsets) > 0
        shares[voted] = majority(self).p[voted]
        return Soft(shares, self.task.names).naive()

    def observed(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.ballots.seen).astype(np.int64)

    def tally(self) -> Tally:
        """The votes on each of ``observed()``."""
        return self.ballots.tally(len(self.sources), self.informative)

    def emission(self) -> Tensor:
        """(units, C) log-probability of a record's votes; an `InputError` where no confusion is given or fitted."""
        if self.confusion is None:
            raise InputError(
                "how the sources err is not known yet: fit model() to predictions and take its fitted() labels, or "
                "give the confusion"
            )
        return torch.from_numpy(self.tally().log_evidence(self.confusion, self.weight))

    def model(self) -> LocalModel:
        from tacit.labels.votes_model import VotesModel

        return VotesModel(self) if self.confusion is None else LocalModel(self)

    def fixed(self, confusion: Any, weight: Any = None) -> Self:
        """The same votes with confusions, and weights, that are known."""
        new = self._with(self.ballots)
        new.weight = checked_weight(weight, self.sources)
        new.confusion = new._checked(confusion)
        return new

    def hide(self, units: NDArray[np.int64]) -> Self:
        seen = np.ones(len(self), dtype=bool)
        seen[self.observed()[units]] = False
        return self._with(self.ballots.seeing(seen))

    def take(self, index: NDArray[np.int64]) -> Self:
        return self._with(self.ballots.take(index))

    def padded(self, extra: int) -> Self:
        return self._with(self.ballots.padded(extra))

    def describe(self) -> str:
        given = np.bincount(self.ballots.code, minlength=len(self.sources) * self.outcomes)
        again = f"; {plural(self.repeated, 'repeated vote')} counted once" if self.repeated else ""
        single = int(((given.reshape(-1, self.outcomes) > 0).sum(axis=1) == 1).sum())
        rules = f" ({single:,} of them only ever for one class)" if single else ""
        return (
            f"{len(self.ballots.code):,} votes of {len(self.sources):,} sources{rules} on "
            f"{int((np.diff(self.ballots.offsets) > 0).sum()):,} of {len(self):,} records, {self.outcomes} classes, "
            f"silence {'is an outcome' if self.informative else 'says nothing'}, "
            f"confusion {'given' if self.confusion is not None else 'to be estimated'}{again}"
        )

    def header(self) -> dict[str, Any]:
        confusion = None if self.confusion is None else self.confusion.tolist()
        parameters = {"confusion": confusion, "weight": self.weight.tolist()}
        return {"task": self.task.to_json(), "sources": list(self.sources), "abstain": self.abstain} | parameters

    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        return spoken(ids, self)

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        seen, votes = read_spoken(header, rows, ids)
        names, sources = header["task"]["names"], header["sources"]
        item, source, vote = votes
        new = cls(
            item, source, vote, len(ids), names, header["confusion"], header["abstain"], sources, header["weight"]
        )
        return new._with(new.ballots.seeing(seen))

    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """A CSV of ``task``, ``worker``, ``label``, a line a vote; or of ``id`` and a column a source.

        The latter where silence is an outcome. Class order, confusions and weights are not in either; nor are, in
        the first, sources without a vote.
        """
        write_votes(path, ids, self)

    def _checked(self, confusion: Any) -> NDArray[np.float64] | None:
        """The confusion; votes that it makes impossible are an `InputError` that names the record."""
        if confusion is None:
            return None
        found = checked_confusion(confusion, self.sources, self.task.names, self.informative)
        if not (found > 0).all():
            possible = self.tally().log_evidence(found, self.weight).max(axis=1) > -np.inf
            if len(never := self.observed()[~possible]):
                raise InputError(f"the votes on record {never[0]} are impossible under the confusion; mend one of them")
        return found

    def _with(self, ballots: Ballots) -> Self:
        new = object.__new__(type(self))
        new.task, new.sources, new.abstain, new.ballots = self.task, self.sources, self.abstain, ballots
        new.confusion, new.weight, new.repeated = self.confusion, self.weight, self.repeated
        return new
