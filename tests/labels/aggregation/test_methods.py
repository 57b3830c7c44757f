"""Aggregation against a literal transcription of its equations, and what it has to get right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from tacit.errors import InputError
from tacit.labels import Votes
from tacit.labels.aggregation import Aggregate, aggregate, dawid_skene, majority, methods, one_coin

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
METHODS = [majority, one_coin, dawid_skene, aggregate]


def crowd(seed: int, items: int = 400, sources: int = 12, classes: int = 3, each: int = 5) -> tuple[Ints, Ints, Floats]:
    """(items, sources) votes with -1, truths, and the confusions that made them, of sources that are somewhat alike."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, items)
    often = np.eye(classes) + 0.25
    often[1, 0] += 0.5  # the second class is easily taken for the first
    confusion = np.array([rng.dirichlet(8 * row, sources) for row in often])
    confusion = confusion.transpose(1, 0, 2)
    drawn = (rng.random((items, sources, 1)) > confusion[:, truth].transpose(1, 0, 2).cumsum(axis=2)).sum(axis=2)
    silent = rng.random((items, sources)).argsort(axis=1) >= each
    return np.where(silent, -1, drawn), truth, confusion


def dawid_skene_by_hand(matrix: Ints, classes: int, iterations: int, smoothing: float, silence: bool) -> Floats:
    """Equations 2.3 to 2.5 of Dawid and Skene (1979), number by number."""
    items, sources = matrix.shape
    outcomes = classes + silence
    t = np.zeros((items, classes))
    for i in range(items):
        for v in matrix[i][matrix[i] >= 0]:
            t[i, v] += 1
        t[i] = t[i] / t[i].sum() if t[i].sum() else 1 / classes
    for _ in range(iterations):
        p = t.sum(axis=0) + smoothing
        p /= p.sum()
        pi = np.full((sources, classes, outcomes), smoothing)
        for i, s, c in np.ndindex(items, sources, classes):
            if silence or matrix[i, s] >= 0:
                pi[s, c, matrix[i, s]] += t[i, c]
        pi /= pi.sum(axis=2, keepdims=True)
        for i in range(items):
            for c in range(classes):
                t[i, c] = p[c]
                for s in range(sources):
                    t[i, c] *= pi[s, c, matrix[i, s]] if silence or matrix[i, s] >= 0 else 1
            t[i] /= t[i].sum()
    return t


@pytest.mark.parametrize("silence", [False, True])
def test_dawid_skene_is_what_the_paper_says(silence: bool) -> None:
    matrix, _, _ = crowd(0, items=30, sources=5, each=3)
    votes = Votes.from_wide(matrix, list("abc"), abstain="informative" if silence else "ignored")
    expected = dawid_skene_by_hand(matrix, 3, 4, 0.01, silence)
    assert_allclose(dawid_skene(votes, iterations=4).p, expected, rtol=1e-8, atol=1e-12)


def test_dawid_skene_climbs_the_likelihood() -> None:
    matrix, _, _ = crowd(1)
    votes = Votes.from_wide(matrix, list("abc"), abstain="ignored")
    climbed = [dawid_skene(votes, iterations=k, smoothing=1e-9).log_likelihood for k in range(1, 12)]
    assert (np.diff(climbed) > -1e-6).all()
    found = dawid_skene(votes)
    assert found.confusion is not None
    fixed = votes.fixed(found.confusion)
    scores = np.log(found.prior) + fixed.emission().numpy()
    assert_allclose(np.logaddexp.reduce(scores, axis=1).sum(), found.log_likelihood, rtol=1e-10)
    assert_allclose(np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)), found.p, atol=1e-10)


def test_one_coin_by_hand() -> None:
    matrix, _, _ = crowd(2, items=25, sources=4, each=3)
    votes = Votes.from_wide(matrix, list("abc"), abstain="ignored")
    t = votes.tally().shares()
    for _ in range(3):
        prior = (t.sum(axis=0) + 1) / (len(t) + 3)
        scores = np.tile(np.log(prior), (len(t), 1))
        for s in range(4):
            voted = np.flatnonzero(matrix[:, s] >= 0)
            accuracy = (t[voted, matrix[voted, s]].sum() + 1) / (len(voted) + 2)
            for i in voted:
                scores[i] += np.where(np.arange(3) == matrix[i, s], np.log(accuracy), np.log((1 - accuracy) / 2))
        t = np.exp(scores)
        t /= t.sum(axis=1, keepdims=True)
    assert_allclose(one_coin(votes, iterations=3).p, t, rtol=1e-8)


def test_majority_shares_ties_and_knows_nothing_without_votes() -> None:
    found = majority(Votes.from_wide([[0, 0, 1], [0, 1, -1], [-1, -1, -1], [0, 1, 2]], list("abc")))
    assert_allclose(found.p, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3, [1 / 3] * 3])
    assert found.confusion is None and np.isnan(found.log_likelihood)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("abstain", ["ignored", "informative"])
def test_beliefs_are_distributions_and_follow_permutations(method: Any, abstain: Any) -> None:
    matrix, _, _ = crowd(3, items=60)
    matrix[:2] = -1
    straight = method(Votes.from_wide(matrix, list("abc"), abstain=abstain))
    assert isinstance(straight, Aggregate) and straight.p.shape == (60, 3)
    assert_allclose(straight.p.sum(axis=1), 1.0)
    rng = np.random.default_rng(0)
    records, sources, classes = rng.permutation(60), rng.permutation(12), rng.permutation(3)
    moved = np.append(np.argsort(classes), -1)[matrix][records][:, sources]
    permuted = method(Votes.from_wide(moved, list("abc"), abstain=abstain))
    assert_allclose(permuted.p, straight.p[records][:, classes], rtol=1e-6, atol=1e-9)


def test_partial_pooling_finds_truth_and_sources_that_free_fits_miss() -> None:
    """Few votes of many sources that are alike: better than majority, and than every cell by itself."""
    right = dict.fromkeys((majority, dawid_skene, aggregate), 0.0)
    off = dict.fromkeys((dawid_skene, aggregate), 0.0)
    for seed in range(20):
        matrix, truth, confusion = crowd(seed, items=300, sources=40, each=4)
        votes = Votes.from_wide(matrix, list("abc"), abstain="ignored")
        for method in right:
            found = method(votes)
            right[method] += (found.p.argmax(axis=1) == truth).mean() / 20
            if found.confusion is not None:
                off[method] += np.abs(found.confusion - confusion).mean() / 20
    assert right[aggregate] > max(right[majority], right[dawid_skene]) + 0.01
    assert off[aggregate] < off[dawid_skene] - 0.02


def test_copies_are_one_voter() -> None:
    matrix, _, _ = crowd(4, items=600, sources=8, each=8)
    copied = np.concatenate([matrix] + [matrix[:, :1]] * 4, axis=1)
    alone = aggregate(Votes.from_wide(matrix, list("abc"), abstain="ignored"))
    found = aggregate(Votes.from_wide(copied, list("abc"), abstain="ignored"))
    assert found.weight is not None and alone.weight is not None
    assert_array_equal(alone.weight, np.ones(8))
    assert_allclose(found.weight, [0.2, *[1.0] * 7, *[0.2] * 4], atol=0.01)
    assert np.abs(found.p - alone.p).mean() < 0.01
    counted = dawid_skene(Votes.from_wide(copied, list("abc"), abstain="ignored"))
    assert np.abs(counted.p - alone.p).mean() > 0.05, "counting copies five times makes a difference"


def test_one_rule_alone_is_believed_in_part() -> None:
    found = aggregate(Votes.from_wide([[1], [1], [-1], [-1], [-1], [-1]], ["ham", "spam"]))
    assert (found.p[:2, 1] > found.p[2:, 1].max()).all() and found.p[0, 1] > 0.5
    assert 0 < found.p[5, 1] < 1, "its silence proves nothing"
    alone = aggregate(Votes([0, 1, 2], [0, 0, 0], [1, 0, 1], 4, ["ham", "spam"]))
    assert_array_equal(alone.p.argmax(axis=1)[:3], [1, 0, 1])


def test_weak_rules_that_fire_together_do_not_take_over() -> None:
    """Dependent rules of both classes: a free fit follows what makes them fire, not the truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 4000)
    theme = rng.random(4000)
    fires = np.column_stack([theme < 0.3 * np.where(truth == v, 0.9, 0.6) for v in (0, 1, 0, 1)])
    own = np.column_stack([rng.random(4000) < np.where(truth == v, 0.2, 0.08) for v in (0, 1, 0, 1)])
    votes = Votes.from_wide(np.where(np.hstack([fires, own]), [0, 1] * 4, -1), ["a", "b"])
    voted = np.diff(votes.ballots.offsets) > 0
    right = {m: m(votes).p[np.arange(4000), truth][voted].mean() for m in (aggregate, dawid_skene)}
    assert right[aggregate] > right[dawid_skene] + 0.05


def test_rules_of_a_rare_class_and_one_that_always_speaks_do_not_take_over() -> None:
    """Six skewed classes: a rule for the first speaks of most records, and hardly any rule speaks of the last."""
    rng = np.random.default_rng(0)
    truth = rng.choice(6, 3000, p=[0.25, 0.2, 0.2, 0.2, 0.14, 0.01])
    columns = [np.where(rng.random(3000) < np.where(truth == 0, 0.75, 0.6), 0, -1)]
    for v in [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]:
        columns.append(np.where(rng.random(3000) < np.where(truth == v, 0.3, 0.02 if v < 5 else 0.0005), v, -1))
    votes = Votes.from_wide(np.column_stack(columns), list("abcdef"))
    voted = np.diff(votes.ballots.offsets) > 0
    found, most = aggregate(votes), majority(votes)
    assert (found.p.argmax(axis=1) == 5)[voted].mean() < 0.02
    first = most.p > 0
    expected = (first / first.sum(axis=1, keepdims=True))[np.arange(3000), truth]
    assert (found.p.argmax(axis=1) == truth)[voted].mean() > expected[voted].mean() + 0.02
    assert_allclose(found.p[~voted], np.tile(found.prior, ((~voted).sum(), 1)))


def test_no_votes_at_all_leave_everything_open() -> None:
    for abstain in ("ignored", "informative"):
        votes = Votes([], [], [], 3, ["a", "b"], abstain=abstain, sources=["x"])  # type: ignore[arg-type]
        for method in METHODS:
            assert_allclose(method(votes).p, np.full((3, 2), 0.5), err_msg=f"{abstain} {method}")  # type: ignore[operator]


def test_what_cannot_be_asked() -> None:
    votes = Votes([0], [0], [0], 1, ["a", "b"])
    with pytest.raises(InputError, match="0 iterations"):
        aggregate(votes, iterations=0)
    with pytest.raises(InputError, match="a smoothing of 0"):
        dawid_skene(votes, smoothing=0)


def annotators(right: Sequence[float], share: float, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(400, S) votes of sources that are right at these rates, each on this share of the items, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=400)[:, None]
    shape = (400, len(right))
    wrong = (truth + rng.integers(1, classes, shape)) % classes
    votes = np.where(rng.random(shape) < np.array(right), truth, wrong)
    return np.where(rng.random(shape) < share, votes, -1), truth[:, 0]


@pytest.mark.parametrize(
    ("right", "share", "classes", "better"),
    [
        ([0.37, 0.83, 0.9], 0.7, 3, 0.05),
        ([0.25, 0.25, 0.7, 0.8, 0.9], 0.6, 4, 0.1),
        (np.linspace(0.3, 0.95, 20), 0.15, 4, 0.05),
        (np.linspace(0.2, 0.9, 40), 0.05, 5, 0.02),
    ],
    ids=["one bad of three", "two bad of five", "few votes of all skills", "very few votes of all skills"],
)
def test_annotators_of_different_skill_are_told_apart(
    right: Sequence[float], share: float, classes: int, better: float
) -> None:
    """Better than majority by a margin, and not below every cell by itself."""
    scores: dict[Any, list[float]] = {majority: [], dawid_skene: [], aggregate: []}
    for seed in range(8):
        matrix, truth = annotators(right, share, classes, seed)
        votes = Votes.from_wide(matrix, list("abcde")[:classes], abstain="ignored")
        seen = np.flatnonzero(votes.observed())
        for method, score in scores.items():
            beliefs = method(votes).p[seen]
            sure = beliefs if method is majority else np.eye(classes)[beliefs.argmax(axis=1)]
            score.append(float(sure[np.arange(len(seen)), truth[seen]].mean()))
    mean = {method: float(np.mean(score)) for method, score in scores.items()}
    assert mean[aggregate] > mean[majority] + better
    assert mean[aggregate] > mean[dawid_skene] - 0.02


@pytest.mark.parametrize("abstain", ["ignored", "informative"])
def test_a_part_of_many_items_is_enough_to_begin_with(abstain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly the beliefs of all iterations over all items, in which no two items share their votes; copies share."""
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=20_000)[:, None]
    right = np.append(np.linspace(0.45, 0.85, 12), [0.5, 0.5])
    wrong = (truth + rng.integers(1, 3, (20_000, 14))) % 3
    matrix = np.where(rng.random((20_000, 14)) < right, truth, wrong)
    matrix[:, 13] = matrix[:, 12]
    matrix[rng.random((20_000, 14)) < 0.4] = -1
    votes = Votes.from_wide(matrix, list("abc"), abstain=abstain)
    found = aggregate(votes)
    monkeypatch.setattr(methods, "ENOUGH", 10**9)
    whole = aggregate(votes)
    assert found.weight is not None and whole.weight is not None and found.confusion is not None
    assert (found.weight[:12] == 1).all() and found.weight[12] == pytest.approx(whole.weight[12], abs=0.05)
    assert np.abs(found.p - whole.p).mean() < 0.005
    assert not np.array_equal(found.p, whole.p)  # else it was no part


def test_what_a_part_of_many_items_misses_is_found() -> None:
    """Eight copies of one bad source that speak of every item but each 13th, and a class of every 13th item alone."""
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 4, size=40_000)
    truth[::13] = 0
    wrong = (truth[:, None] + rng.integers(1, 4, (40_000, 11))) % 4
    right = rng.random((40_000, 11)) < np.append(np.linspace(0.5, 0.8, 10), 0.45)
    each = np.where(right, truth[:, None], wrong)
    each[:, 1:10][rng.random((40_000, 9)) < 0.6] = -1
    each[::13, 10] = -1
    matrix = np.column_stack([each, *[each[:, 10]] * 7])
    found = aggregate(Votes.from_wide(matrix, list("abcd"), abstain="ignored"))
    assert found.weight is not None
    assert_allclose(found.weight[:10], 1.0)
    assert_allclose(found.weight[10:], 1 / 8)
    assert (found.p.argmax(axis=1) == truth).mean() > 0.75
    assert (found.p.argmax(axis=1) == truth)[::13].mean() > 0.6


def test_items_with_the_same_votes_are_never_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six items in ten are seen by two of ten sources alone: few rows that stand for thousands of items each."""
    rng = np.random.default_rng(0)
    truth = rng.choice(4, 60_000, p=[0.55, 0.15, 0.15, 0.15])
    wrong = (truth[:, None] + rng.integers(1, 4, (60_000, 10))) % 4
    matrix = np.where(rng.random((60_000, 10)) < 0.6, truth[:, None], wrong)
    matrix[rng.random((60_000, 10)) < 0.5] = -1
    matrix[:36_000, 2:] = -1
    votes = Votes.from_wide(matrix, list("abcd"), abstain="ignored")
    found = aggregate(votes)
    monkeypatch.setattr(methods, "ENOUGH", 10**9)
    assert_array_equal(found.p, aggregate(votes).p)
