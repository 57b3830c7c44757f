"""Columns whose rows belong together are named; columns that merely say something of the label are not."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tacit
from tacit.compare.belonging import MOST_COLUMNS, agreement, belonging, belonging_hints
from tacit.labels import Exact, Noisy
from tacit.train.watch import Watch

ROWS = 600
RNG = np.random.default_rng(0)
PATIENT = RNG.permutation(np.repeat(np.arange(60), 10))
SICK = RNG.permutation(np.arange(60) % 2)
Y = SICK[PATIENT]
NOISE = RNG.normal(size=ROWS)


def hints(y: Any, exclude: tuple[str, ...] = (), **columns: Any) -> list[str]:
    frame = pd.DataFrame({"noise": NOISE[: len(y)], **columns})
    return belonging_hints(tacit.read(frame, exclude=exclude), Exact(np.asarray(y)))


def words(numbers: Any, prefix: str = "p") -> list[str]:
    return [f"{prefix}{number}" for number in numbers]


def test_agreement_is_that_of_pairs() -> None:
    value, y = RNG.integers(0, 8, 40), RNG.integers(0, 3, 40)
    same = {i: [y[i] == y[j] for j in range(40) if j != i and value[j] == value[i]] for i in range(40)}
    assert agreement(value, y) == pytest.approx(np.mean([np.mean(agreed) for agreed in same.values() if agreed]))
    everybody = np.zeros(40, dtype=np.int64)
    assert agreement(everybody, y) == pytest.approx(np.mean([a == b for a, b in combinations(y, 2)]))
    assert agreement(np.arange(40), y) == 0


@pytest.mark.parametrize("exclude", [(), ("patient",)])
@pytest.mark.parametrize("cells", [PATIENT, words(PATIENT), 1000.0 + PATIENT], ids=["numbers", "words", "floats"])
def test_a_patient_column_is_named_with_the_option(cells: Any, exclude: tuple[str, ...]) -> None:
    (hint,) = hints(Y, exclude, patient=cells)
    assert "rows with the same 'patient' nearly always have the same label (100 % of pairs, 50 % by chance)" in hint
    assert "give --group patient" in hint
    assert "--bag patient" in hint


def test_a_few_records_that_differ_from_their_patient_change_nothing() -> None:
    y = np.where(np.arange(ROWS) % 50 == 0, 1 - Y, Y)
    (hint,) = hints(y, patient=words(PATIENT))
    assert "(96 % of pairs" in hint
    assert not hints(np.where(np.arange(ROWS) % 5 == 0, 1 - Y, Y), patient=words(PATIENT))


def test_patients_numbered_class_by_class_are_known_by_the_name_of_their_column() -> None:
    y = (PATIENT >= 30).astype(int)
    assert len(hints(y, patient_id=PATIENT)) == 1
    assert not hints(y, age=PATIENT), "a number with a threshold"


@pytest.mark.parametrize(
    "name",
    [
        *("patient", "patient_id", "PatientID", "userId", "study subject", "siteid", "session", "ID"),
        *("tumour-site-id", "patient_no", "Patient Nr", "subject_num", "patient1", "site_code", "caseNumber"),
    ],
)
def test_a_name_that_ends_in_an_identifier_is_one(name: str) -> None:
    assert len(hints((PATIENT >= 30).astype(int), **{name: PATIENT})) == 1
    assert len(hints((PATIENT >= 30).astype(int), **{name: words(PATIENT, "0")})) == 1


@pytest.mark.parametrize(
    "name",
    ["patient_age", "group_size", "family_income", "sessionMinutes", "site elevation", "score_case", "users", "paid"],
)
def test_a_name_that_only_holds_an_identifier_measures_something(name: str) -> None:
    assert not hints((PATIENT >= 30).astype(int), **{name: PATIENT})


def test_texts_that_measure_something_are_no_groups() -> None:
    warm = (PATIENT >= 30).astype(int)
    assert not hints(warm, temperature=[f"{p - 10} C" for p in PATIENT])
    assert not hints(warm, time=[f"{p // 6:02d}:{p % 6}0" for p in PATIENT])
    assert not hints(warm, price=[f"$ {p / 10}" for p in PATIENT])
    assert len(hints(Y, room=[f"{p} C" for p in PATIENT])) == 1, "no threshold"
    assert len(hints(warm, code=words(PATIENT))) == 1, "numbers behind letters are codes"


def test_many_columns_take_little_time_and_a_named_one_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []

    def watched(name: str, *rest: Any) -> Any:
        looked_at.append(name)
        return belonging(name, *rest)

    monkeypatch.setattr("tacit.compare.belonging.belonging", watched)
    columns = {f"city{k}": words(PATIENT) for k in range(20)}
    assert "'patient_id'" in hints(Y, **columns, patient_id=PATIENT)[0]
    assert looked_at[0] == "patient_id"
    assert len(looked_at) <= 4, "three are enough"
    looked_at.clear()
    assert not hints(RNG.permutation(Y), **{f"x{k}": PATIENT for k in range(400)})
    assert len(looked_at) == MOST_COLUMNS


def test_numbers_are_no_groups() -> None:
    x = RNG.normal(size=ROWS)
    assert not hints((x > 0).astype(int), x=x.round(1)), "with ties"
    assert not hints((x > 0).astype(int), x=(10 * x).round()), "and whole"
    assert not hints((abs(x) > 0.7).astype(int), x=(10 * x).round()), "with two thresholds"


def test_what_is_alike_by_chance_is_no_group() -> None:
    assert not hints(RNG.permutation(Y), patient=words(PATIENT))
    rare = (np.arange(ROWS) % 50 == 0).astype(int)
    assert agreement(PATIENT, rare) > 0.95
    assert not hints(rare, patient=words(PATIENT)), "98 % of all have the same label"
    few = np.repeat(np.arange(20), 2)
    assert not hints((few == 0).astype(int), pair=words(few)), "so few pairs agree by chance"


def test_a_copy_of_the_labels_is_no_group() -> None:
    y = np.arange(ROWS) % 25
    assert not hints(y, name=words(y))
    assert len(hints(y, patient=words(np.arange(ROWS) % 100))) == 1


def test_values_that_are_few_unique_or_large_are_no_groups() -> None:
    assert not hints(Y, town=words(np.where(Y, PATIENT % 9, 9 + PATIENT % 9)))
    assert not hints(Y, name=words(np.arange(ROWS)))
    many = np.arange(10_000) % 40
    frame = pd.DataFrame({"noise": RNG.normal(size=10_000), "country": words(many)})
    assert not belonging_hints(tacit.read(frame), Exact(many % 2)), "250 rows a value"


def test_labels_that_are_not_exact_or_few_give_no_hint() -> None:
    frame = pd.DataFrame({"noise": NOISE, "patient": words(PATIENT)})
    records = tacit.read(frame)
    assert len(belonging_hints(records, Exact(np.where(np.arange(ROWS) < 300, Y, -1)))) == 1
    assert not belonging_hints(records, Exact(np.where(np.arange(ROWS) < 30, Y, -1)))
    assert not belonging_hints(records, Noisy(Y, "estimate", ["a", "b"]))


def test_missing_patients_are_left_out() -> None:
    cells = [None if i % 4 == 0 else f"p{p}" for i, p in enumerate(PATIENT)]
    assert len(hints(np.where(np.arange(ROWS) % 4 == 0, 1 - Y, Y), patient=cells)) == 1


@pytest.mark.skipif("TACIT_DATA" not in os.environ, reason="TACIT_DATA names no folder of data sets")
@pytest.mark.parametrize("labelled", [100, 400, 3000])
def test_an_ordinary_table_gives_none(labelled: int) -> None:
    table = pd.read_csv(Path(os.environ["TACIT_DATA"]) / "adult" / "adult.csv.gz").head(6000)
    target = table.columns[-1]
    records = tacit.read(table, exclude=(target,))
    known = table[target].where(np.arange(len(table)) < labelled, None)
    assert not belonging_hints(records, Exact.from_values(known.tolist()))


def test_fit_says_it_on_the_way_and_in_its_notes_unless_groups_are_given() -> None:
    said: list[str] = []

    class Listening(Watch):
        def say(self, text: str) -> None:
            said.append(text)

    some, y = words(PATIENT[:240]), Y[:240]
    records = tacit.read(pd.DataFrame({"noise": NOISE[:240], "patient": some}))
    asked: dict[str, Any] = {"budget": "1step", "methods": [], "clock": False, "device": "cpu"}
    run = tacit.fit(records, y, watch=Listening(), **asked)
    assert "--group patient" in run.info["notes"][0]
    assert run.info["notes"][0] in said
    run = tacit.fit(records, y, groups=some, **asked)
    assert not any("--group" in note for note in run.info["notes"])
