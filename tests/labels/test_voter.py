"""Callables and columns as sources of votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

import tacit
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels import Voter, Votes

TEXTS = ["win cash now", "see you at five", "cash prize", "call me"]


def texts() -> Records:
    return tacit.read(TEXTS)


def mentions(text: str) -> str | None:
    return "spam" if "cash" in text else None


def test_a_rule_sees_one_record_at_a_time_and_may_abstain() -> None:
    voter = Voter(mentions)
    assert voter.name == "mentions"
    assert voter(texts()) == ["spam", None, "spam", None]
    assert Voter(lambda text: len(text), name="length")(texts()) == ["12", "15", "10", "7"]


def test_a_model_sees_many_records_at_a_time() -> None:
    seen: list[int] = []

    def model(samples: list[str]) -> np.ndarray[Any, Any]:
        seen.append(len(samples))
        return np.array([int("cash" in text) for text in samples])

    assert Voter(model, blocks=True, answers={1: "spam", 0: "ham"})(texts()) == ["spam", "ham", "spam", "ham"]
    assert seen == [4]
    with pytest.raises(InputError, match="voter '<lambda>' gave 1 answers for 4 records"):
        Voter(lambda samples: ["spam"], blocks=True)(texts())


def test_rows_of_tables_are_dictionaries_and_columns_are_votes() -> None:
    table = pa.table({"id": list("abc"), "length": [1.0, 2.0, 9.0], "width": [3.0] * 3, "old": ["yes", None, " no "]})
    records = tacit.read(table, id="id", exclude=["old"])
    assert Voter("old")(records) == ["yes", None, "no"]
    assert Voter(lambda row: "long" if row["length"] > 5 else None, name="rule")(records) == [None, None, "long"]


def test_a_language_models_answers_are_translated() -> None:
    replies = iter([" Yes ", "no", "unsure", ""])
    answers = {"Yes": "spam", "no": "ham", "unsure": None}
    assert Voter(lambda text: next(replies), "llm", answers)(texts()) == ["spam", "ham", None, None]


def test_voters_are_the_columns_of_votes() -> None:
    voters = [Voter(mentions), Voter(lambda text: "ham" if "you" in text else None, name="polite")]
    votes = Votes.from_voters(voters, texts())
    assert votes.sources == ("mentions", "polite") and votes.task.names == ("ham", "spam") and votes.informative
    assert_array_equal(votes.ballots.item, [0, 1, 2])
    assert_array_equal(votes.ballots.vote, [1, 0, 1])
    with pytest.raises(InputError, match="none of the classes"):
        Votes.from_voters(voters, texts(), ["ham", "eggs"])


def test_what_goes_wrong_names_the_voter_and_the_record() -> None:
    with pytest.raises(InputError, match=r"voter 'broken' failed on record 0 \('.*'\): ZeroDivisionError"):
        Voter(lambda text: 1 // 0, name="broken")(texts())
    with pytest.raises(InputError, match="no column 'llm'"):
        Voter("llm")(texts())
    with pytest.raises(InputError, match="not a int"):
        Voter(3)  # type: ignore[arg-type]
