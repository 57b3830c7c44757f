"""Votes against enumeration, their tables, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Labels, Noisy, Votes

from .judge import assert_enumerated, belief

SOURCES = ("ann", "bob, jr", "日本")


def example(rng: np.random.Generator) -> Votes:
    """Six records, three classes, three sources; nothing is known of record 4. Silence is an outcome, or not."""
    informative = bool(rng.integers(2))
    matrix = rng.integers(-1, 3, (6, 3))
    matrix[0, 0], matrix[4] = rng.integers(3), -1
    confusion = rng.dirichlet(np.ones(3 + informative), (3, 3))
    abstain = "informative" if informative else "ignored"
    votes = Votes.from_wide(matrix, list("abc"), confusion, abstain, SOURCES)  # type: ignore[arg-type]
    return votes.hide(np.array([4])) if informative else votes


def probability(votes: Votes, truth: Sequence[int]) -> float:
    """Of all votes, source by source: a product over the table, silence included where it is an outcome."""
    assert votes.confusion is not None
    ballots, p = votes.ballots, 1.0
    for record in votes.observed():
        mine = slice(ballots.offsets[record], ballots.offsets[record + 1])
        for s, v in zip(ballots.source[mine], ballots.vote[mine], strict=True):
            p *= votes.confusion[s, truth[record], v] ** votes.weight[s]
        silent = set(range(len(votes.sources))) - set(ballots.source[mine].tolist())
        for s in silent if votes.informative else ():
            p *= votes.confusion[s, truth[record], -1] ** votes.weight[s]
    return p


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_likelihood_is_the_probability_of_all_votes(seed: int) -> None:
    votes = example(np.random.default_rng(seed))
    assert_enumerated(votes, belief(6, 3, seed), lambda truth: probability(votes, truth))


@pytest.mark.parametrize("abstain", ["ignored", "informative"])
def test_a_copy_of_less_weight_counts_for_less(abstain: Any) -> None:
    rng = np.random.default_rng(0)
    confusion = rng.dirichlet(np.ones(3 + (abstain == "informative")), (2, 3))
    votes = Votes([0, 0, 1], [0, 1, 1], [2, 0, 1], 3, list("abc"), confusion, abstain, weight=[0.5, 1.0])
    assert_enumerated(votes, belief(3, 3), lambda truth: probability(votes, truth))


def test_each_vote_of_an_eager_source_counts() -> None:
    """A source may see a record more than once where silence says nothing (Dawid and Skene 1979)."""
    confusion = np.array([[[0.8, 0.2], [0.3, 0.7]]])
    votes = Votes([0, 0], [0, 0], [0, 1], 1, confusion=confusion)
    assert_allclose(votes.emission().exp(), [[0.8 * 0.2, 0.3 * 0.7]], rtol=1e-12)


def test_one_source_that_is_never_silent_is_a_noisy_label() -> None:
    transition = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9]])
    y, log_p = np.array([2, 0, 1]), Categorical(belief(3, 3))
    votes = Votes(np.arange(3), np.zeros(3, int), y, 3, confusion=transition[None])
    torch.testing.assert_close(votes.log_likelihood(log_p), Noisy(y, transition).log_likelihood(log_p))


def test_two_sets_of_votes_add_up_to_one() -> None:
    rng = np.random.default_rng(1)
    matrix, confusion = rng.integers(-1, 3, (4, 5)), rng.dirichlet(np.ones(4), (5, 3))
    parts = [Votes.from_wide(matrix[:, k], list("abc"), confusion[k]) for k in (slice(2), slice(2, 5))]
    log_p = Categorical(belief(4, 3))
    both = Labels.combine(*parts).log_likelihood(log_p)
    torch.testing.assert_close(both, Votes.from_wide(matrix, list("abc"), confusion).log_likelihood(log_p))


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_permuting_sources_and_classes_permutes_the_posterior(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, confusion, log_p = rng.integers(-1, 3, (5, 4)), rng.dirichlet(np.ones(4), (4, 3)), belief(5, 3, seed)
    straight = Votes.from_wide(matrix, list("abc"), confusion).posterior(Categorical(log_p))
    sources, classes = rng.permutation(4), rng.permutation(3)
    renamed = np.append(np.argsort(classes), -1)[matrix[:, sources]]
    moved = confusion[sources][:, classes][:, :, np.append(classes, 3)]
    permuted = Votes.from_wide(renamed, list("abc"), moved).posterior(Categorical(log_p[:, classes]))
    assert isinstance(straight, Categorical) and isinstance(permuted, Categorical)
    torch.testing.assert_close(permuted.p, straight.p[:, classes])


@pytest.mark.parametrize("abstain", ["ignored", "informative"])
@pytest.mark.parametrize("tiny", [0.0, 1e-300, 1e-30])
def test_extreme_confusions_stay_finite(abstain: Any, tiny: float) -> None:
    sure = np.array([[1 - tiny, tiny, 0.0], [tiny, 1 - tiny, 0.0]])[:, : 2 + (abstain == "informative")]
    votes = Votes([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], 2, None, [sure, sure], abstain)
    log_p = torch.tensor([[1e-30, 1.0], [0.5, 0.5]], dtype=torch.float64).log().requires_grad_()
    value = votes.log_likelihood(Categorical(log_p))
    (gradient,) = torch.autograd.grad(value.sum(), log_p)
    assert_allclose(value.detach(), np.log([1e-30 if tiny < 1e-30 else 1e-30 + tiny**2, 0.5]), rtol=1e-12)
    assert bool(torch.isfinite(gradient).all())
    assert gradcheck(lambda x: votes.log_likelihood(Categorical(x)), (belief(2, 2).requires_grad_(),))


def test_memory_is_four_bytes_a_vote() -> None:
    rng = np.random.default_rng(0)
    item, source = rng.integers(0, 1000, 20_000), rng.integers(0, 50, 20_000)
    votes = Votes(item, source, rng.integers(0, 3, 20_000), 1000, list("abc"))
    held = (votes.ballots.code, votes.ballots.offsets, votes.ballots.seen, votes.weight)
    assert sum(array.nbytes for array in held) <= 4 * 20_000 + 9 * 1001 + 8 * 50
    assert votes.tally().said.indices.dtype == np.int32


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(-1, 2)), max_size=20))
def test_votes_are_kept_in_the_order_given(cells: list[tuple[int, int, int]]) -> None:
    item, source, vote = np.array(cells, dtype=np.int64).reshape(-1, 3).T
    ballots = Votes(item, source, vote, 5, list("abc"), sources=list("xyz")).ballots
    expected = sorted((cell for cell in cells if cell[2] >= 0), key=lambda cell: cell[0])
    assert list(zip(ballots.item, ballots.source, ballots.vote, strict=True)) == expected


def test_a_wide_matrix_may_hold_numbers_or_names() -> None:
    numbers = np.array([[1, -1], [0, 1]])
    for matrix in (numbers.astype(np.int8), [[1, None], [0, 1]], [[1.0, np.nan], [0.0, 1.0]]):
        votes = Votes.from_wide(matrix)
        assert_array_equal(votes.ballots.vote, [1, 0, 1])
        assert_array_equal(votes.ballots.item, [0, 1, 1])
        assert votes.task.names == ("0", "1") and votes.sources == ("0", "1")
    named = Votes.from_wide([["ham", None], ["", "spam"]], sources=["a", "b"])
    assert named.task.names == ("ham", "spam") and named.abstain == "informative"
    assert_array_equal(named.ballots.vote, [0, 1])
    other = Votes.from_wide([["ham", None]], ["spam", "ham", "eggs"], abstain="ignored")
    assert_array_equal(other.ballots.vote, [1])
    assert Votes.from_wide(np.full((2, 3), -1), ["a", "b"]).sources == ("0", "1", "2")


def test_votes_in_words() -> None:
    votes = Votes.from_names(["r2", "r1", "r2"], ["zoe", "ann", "ann"], ["yes", None, "no"], ["r1", "r2"])
    assert votes.sources == ("zoe", "ann") and votes.task.names == ("no", "yes") and votes.abstain == "ignored"
    assert list(votes.rows(["r1", "r2"])) == [{"id": "r2", "votes": [["zoe", "yes"], ["ann", "no"]]}]
    with pytest.raises(InputError, match="unknown record 'r3'"):
        Votes.from_names(["r3"], ["a"], ["x"], ["r1", "r2"])
    with pytest.raises(InputError, match="record 1 has a vote 'maybe', which is none of the classes"):
        Votes.from_names(["r2"], ["a"], ["maybe"], ["r1", "r2"], ["no", "yes"])


def test_tables(tmp_path: Path) -> None:
    matrix, ids = np.array([[1, -1], [-1, -1], [0, 1]]), ["x", "y", "z"]
    Votes.from_wide(matrix, ["ham", "spam"], abstain="ignored", sources=["a", "b"]).to_file(tmp_path / "long", ids)
    assert (tmp_path / "long").read_text().split() == ["task,worker,label", "x,a,spam", "z,a,ham", "z,b,spam"]
    Votes.from_wide(matrix, ["ham", "spam"], sources=["a", "b"]).to_file(tmp_path / "wide", ids)
    assert (tmp_path / "wide").read_text().split() == ["id,a,b", "x,spam,", "y,,", "z,ham,spam"]
    with pytest.raises(InputError, match="cannot hold the name ' a'"):
        Votes.from_wide(matrix, ["ham", "spam"], sources=[" a", "b"]).to_file(tmp_path / "bad", ids)
    with pytest.raises(InputError, match="rename the source 'id'"):
        Votes.from_wide(matrix, ["ham", "spam"], sources=["id", "b"]).to_file(tmp_path / "bad", ids)


def test_what_was_never_voted_on_is_not_what_was_hidden() -> None:
    votes = Votes.from_wide([[-1, -1], [0, 1]], ["a", "b"], np.full((2, 2, 3), 1 / 3))
    assert len(votes.units()) == 2, "nobody's vote is something to have seen"
    hidden = votes.hide(np.array([0]))
    again = Votes.from_rows(hidden.header(), list(hidden.rows("xy")), "xy")
    assert_array_equal(again.observed(), [1])
    assert len(votes.take(np.array([0, 0, 1])).units()) == 3


def test_describe_says_who_votes_how() -> None:
    said = Votes.from_wide([[0, -1], [0, 1], [-1, 0]], ["a", "b"]).describe()
    assert said == (
        "4 votes of 2 sources (1 of them only ever for one class) on 3 of 3 records, 2 classes, silence is an outcome, "
        "confusion to be estimated"
    )
    single = Votes([0], [0], [0], 2, ["a", "b"], [[[0.9, 0.1], [0.2, 0.8]]])
    assert single.describe().endswith("on 1 of 2 records, 2 classes, silence says nothing, confusion given")


def test_what_is_not_known_yet_is_refused_with_what_to_do() -> None:
    votes = Votes([0], [0], [1], 1)
    with pytest.raises(InputError, match=r"not known yet: fit model\(\)"):
        votes.log_likelihood(Categorical(belief(1, 2)))
    known = votes.fixed([[[0.9, 0.1], [0.2, 0.8]]])
    assert_allclose(known.emission().exp(), [[0.1, 0.8]])
    assert votes.confusion is None, "labels are immutable"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, 5], [0, 0], [0, 1], 3), {}, "vote 1 names record 5, but records go from 0 to 2"),
        (([0, -1], [0, 0], [0, 1], 3), {}, "vote 1 names record -1"),
        (([0], [-2], [0], 3), {}, "vote 0 names source -2"),
        (([0, 1], [0, 0], [0, -3], 3), {}, "vote 1, on record 1, is for class -3"),
        (([0, 2], [0, 0], [0, 2], 3), {"classes": ["a", "b"]}, "record 2 has a vote for class 2, but classes go"),
        (([0, 2], [0, 1], [0, 1], 3), {"sources": ["a"]}, "record 2 has a vote of source 1, but there are 1 sources"),
        (([0, 1], [0], [0, 1], 3), {}, "there are 2 records, 1 sources and 2 votes"),
        (([[0]], [0], [0], 3), {}, "positions have shape"),
        (([0.5], [0], [0], 3), {}, "vote 0 has 0.5; give a whole number"),
        (([0], [0], [-1], 3), {}, "no vote names a class"),
        (([], [], [], 3), {"classes": ["a", "b"]}, "there is no source of votes"),
        (([0], [0], [0], 1), {"abstain": "ignore"}, "unknown abstain 'ignore'"),
        (([0], [0], [0], 1), {"classes": ["a", "a"]}, "two classes have the same name"),
        (([0], [0], [0], 1), {"sources": ["a", "a"]}, "two sources have the same name"),
        (
            ([0, 1, 1], [0, 0, 0], [0, 1, 0], 2),
            {"abstain": "informative"},
            "record 1 has several votes of source '0'",
        ),
        (([0], [0], [0], 1), {"confusion": np.eye(2)}, r"the confusion has shape \(2, 2\)"),
        (
            ([0], [0], [0], 1),
            {"confusion": [np.eye(2)], "abstain": "informative"},
            r"give \(1, 2, 3\), source by truth by vote, the last outcome being silence",
        ),
        (([0], [0], [0], 1), {"confusion": [[["a"]]]}, "the confusion is no array of numbers"),
        (
            ([0], [0], [0], 1),
            {"confusion": [[[0.9, 0.1], [0.5, 0.4]]], "sources": ["ann"], "classes": ["x", "y"]},
            "the confusion of source 'ann' where the truth is 'y' does not sum to 1",
        ),
        (([0], [0], [0], 1), {"confusion": [[[1.1, -0.1], [0.5, 0.5]]]}, "holds a negative number"),
        (
            ([0, 1], [0, 0], [0, 1], 2),
            {"confusion": [[[1.0, 0.0], [1.0, 0.0]]]},
            "the votes on record 1 are impossible under the confusion",
        ),
        (([0], [0], [1], 1), {"weight": [0.0]}, "source '0' has a weight of 0"),
        (([0], [0], [1], 1), {"weight": [1.0, 1.0]}, r"the weight has shape \(2,\)"),
    ],
)
def test_unusable_votes_are_refused(arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Votes(*arguments, **options)


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        ([0, 1], {}, "votes have shape"),
        ([[0, -2]], {}, "record 0 has vote -2 in column 1"),
        ([[0.5, 1]], {}, "record 0 has a vote 0.5"),
        ([["a", "b"], ["a", "c"]], {"classes": ["a", "b"]}, "record 1 has a vote 'c', which is none of the classes"),
        ([[0, 1]], {"sources": ["a"]}, "1 source names for 2 columns"),
        ([[-1, -1]], {}, "no vote names a class"),
    ],
)
def test_unusable_matrices_are_refused(matrix: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Votes.from_wide(matrix, **options)
