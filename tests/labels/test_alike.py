"""Classes that look like slips of others, and those that only look so."""

from __future__ import annotations

import string

import numpy as np
import pytest

from tacit.labels import Exact, Labels, Values, Votes
from tacit.labels.alike import _misspelt, alike
from tacit.labels.overview import overview


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("catt", "cat"),
        ("cats", "cat"),
        ("tabel", "table"),
        ("hors", "horse"),
        ("horze", "horse"),
        ("chihauhua", "chihuahua"),
        ("golden retreiver", "golden retriever"),
        ("Golden-Retrievr", "golden retriever"),
        ("class 1 speach", "class 1 speech"),
        ("Cat", "cat"),
        (" Cat", "cat"),
        ("CAT", "cat"),
        ("polar_bear", "polar bear"),
        ("polarbear", "polar bear"),
        ("straße", "STRASSE"),
    ],
)
def test_a_rare_class_that_is_a_slip_of_a_usual_one(slip: str, meant: str) -> None:
    counts = {slip: 1, meant: 400, "ship": 300}
    assert alike(counts) == [(slip, meant)]
    assert alike(dict(reversed(counts.items()))) == [(slip, meant)]


@pytest.mark.parametrize(
    ("rare", "usual"),
    [
        ("class_2", "class_1"),
        ("class_11", "class_1"),
        ("class_b", "class_a"),
        ("classB", "classA"),
        ("b", "a"),
        ("A", "a"),
        ("ab", "abb"),
        ("AAB", "AAAB"),
        ("10", "11"),
        ("10", "100"),
        ("1.5", "15"),
        ("-1", "1"),
        ("3", "33"),
        ("type 1a", "type 1b"),
        ("grade ii", "grade iii"),
        ("stage viii", "stage vii"),
        ("model 1000", "model 10000"),
        ("XIII", "XII"),
        ("skin atypical", "skin typical"),
        ("no", "noo"),
        ("atypical", "typical"),
        ("unhappy", "happy"),
        ("male", "female"),
        ("cat", "bat"),
        ("cat", "car"),
        ("maternal", "paternal"),
        ("left lung", "right lung"),
        ("not spam", "spam"),
        ("C++", "C"),
        ("猫", "犬"),
    ],
)
def test_names_that_differ_on_purpose(rare: str, usual: str) -> None:
    assert alike({rare: 1, usual: 400}) == []
    assert alike({usual: 1, rare: 400}) == []


def test_only_a_rare_class_beside_a_usual_one_is_a_slip() -> None:
    assert alike({"catt": 2, "cat": 20}) == [("catt", "cat")]
    assert alike({"catt": 2, "cat": 19}) == []
    assert alike({"catt": 3, "cat": 299}) == []
    assert alike({"catt": 3, "cat": 300}) == [("catt", "cat")]
    assert alike({"catt": 0, "cat": 300}) == [], "a class that is only listed was not written by anyone"


def test_equal_but_for_case_is_said_however_often() -> None:
    assert alike({"Cat": 180, "cat": 200, "CAT": 3}) == [("Cat", "cat"), ("CAT", "cat")]


def test_the_most_usual_of_several_is_meant() -> None:
    assert alike({"beart": 1, "bear": 30, "beat": 300}) == [("beart", "beat")]
    assert alike({"beart": 1, "bear": 300, "beat": 30}) == [("beart", "bear")]


def test_no_class_of_numbered_or_lettered_ones_is_a_slip() -> None:
    rng = np.random.default_rng(0)
    for names in (
        [f"class_{k}" for k in range(300)],
        [f"n{k:08d}" for k in range(300)],
        [str(k) for k in range(300)],
        list(string.ascii_letters),
        ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"],
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    ):
        assert alike(dict(zip(names, rng.choice([1, 2, 400], len(names)).tolist(), strict=True))) == []


def test_thousands_of_classes_are_not_compared_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    usual = ["a" + "".join(letters) for letters in rng.choice(list(string.ascii_lowercase), (1500, 9))]
    planted = {}
    for k, word in enumerate(usual):
        at = 2 + k % 6
        other = "x" if word[at] != "x" else "y"
        slips = [word[:at] + word[at + 1 :], word[:at] + other + word[at:], word[:at] + other + word[at + 1 :]]
        exchanged = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        slip = [*slips, exchanged][k % 4]
        if slip != word:
            planted[slip] = word
    compared = []

    def counted(name: str, other: str) -> bool:
        compared.append(name)
        return _misspelt(name, other)

    monkeypatch.setattr("tacit.labels.alike._misspelt", counted)
    assert dict(alike(dict.fromkeys(usual, 100) | dict.fromkeys(planted, 1))) == planted
    assert len(compared) < 3 * len(planted)


def test_texts_are_no_slips_of_each_other() -> None:
    text = "what is as long as this is hardly a class " * 3
    assert alike({text + "cat": 1, text + "catt": 400}) == []


def test_votes_count_where_the_majority_hides_the_slip() -> None:
    item, source = np.repeat(np.arange(60), 3), np.tile([0, 1, 2], 60)
    vote = np.zeros(180, dtype=int)
    vote[90:], vote[4] = 2, 1
    votes = Votes(item, source, vote, 60, ["cat", "catt", "dog"])
    found = overview(votes)
    assert found["classes"]["catt"] == 0
    [entry] = [entry for entry in found["findings"] if entry["about"] == "classes"]
    assert entry["alike"] == [{"name": "catt", "count": 1, "like": "cat", "of": 89}]
    with_gold = overview(Labels.combine(votes, Exact(np.r_[1, np.full(59, -1)], ["cat", "catt", "dog"])))
    [entry] = [entry for entry in with_gold["findings"] if entry["about"] == "classes"]
    assert entry["alike"] == [{"name": "catt", "count": 2, "like": "cat", "of": 89}]


def test_labels_without_a_slip_have_no_such_finding() -> None:
    assert overview(Exact([0, 1, 1], ["cat", "dog"]))["findings"] == []
    assert overview(Values([0.5, 1.5]))["findings"] == []
