"""One more source of votes: an old model, a rule, or a language model's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.values_io import is_unknown, label_text


class Voter:
    """A callable or a column of the records that names a class for each record, or nothing.

    ``rule``: the name of a side column; or a callable from one record (an image, a text, a row as a dictionary) to
    a class name, or None to abstain. With ``blocks=True`` it is called with many records at once, as
    `Records.blocks` gives them, and returns as many answers. ``answers`` translates what it says to class names
    (``{"yes": "spam", "unsure": None}``); what is not in it stands as it is. Text loses spaces around it. ``name``
    is the column's, or the callable's, unless given.
    """

    def __init__(
        self,
        rule: str | Callable[[Any], Any],
        name: str | None = None,
        answers: Mapping[Any, str | None] | None = None,
        blocks: bool = False,
    ) -> None:
        if not isinstance(rule, str) and not callable(rule):
            raise InputError(f"a voter is a callable or the name of a column, not a {type(rule).__name__}")
        self.rule, self.answers, self.blocks = rule, dict(answers or {}), blocks
        self.name = name if name is not None else rule if isinstance(rule, str) else _name_of(rule)

    def __call__(self, records: Records) -> list[str | None]:
        """What it says of each record: a class name, or None where it abstains."""
        if isinstance(self.rule, str):
            said = records.column(self.rule).tolist()
        elif self.blocks:
            said = self._of_blocks(records, self.rule)
        else:
            said = self._one_by_one(records, self.rule)
        return [self._class(answer) for answer in said]

    def _one_by_one(self, records: Records, rule: Callable[[Any], Any]) -> list[Any]:
        said: list[Any] = []
        for block in records.blocks():
            for sample in block.to_pylist() if isinstance(block, pa.Table) else block:
                try:
                    said.append(rule(sample))
                except Exception as error:
                    where = f"record {len(said)} ({records.ids[len(said)]!r})"
                    raise InputError(f"voter {self.name!r} failed on {where}: {error!r}") from error
        return said

    def _of_blocks(self, records: Records, rule: Callable[[Any], Any]) -> list[Any]:
        said: list[Any] = []
        for block in records.blocks():
            answers = list(rule(block))
            if len(answers) != len(block):
                raise InputError(
                    f"voter {self.name!r} gave {len(answers)} answers for {len(block)} records; give one each"
                )
            said += answers
        return said

    def _class(self, answer: Any) -> str | None:
        if isinstance(answer, str):
            answer = answer.strip()
        known = answer.item() if isinstance(answer, np.generic) else answer
        translated = self.answers.get(known, known)
        return None if is_unknown(translated) else label_text(translated)


def answers(voters: Sequence[Voter], records: Records) -> NDArray[np.object_]:
    """(records, voters) class names, None where a voter abstains."""
    said = np.full((len(records), len(voters)), None, dtype=object)
    for k, voter in enumerate(voters):
        said[:, k] = voter(records)
    return said


def _name_of(rule: Callable[[Any], Any]) -> str:
    return str(getattr(rule, "__name__", type(rule).__name__))
