"""What candidates are judged by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from tacit.compare.judges import FLOOR, EvidenceJudge, TruthJudge, folds_for, judge_for
from tacit.compare.store import Held
from tacit.data.prediction import Categorical
from tacit.labels import Bags, Candidates, Exact, Labels, Pairs, Values, Votes
from tacit.labels.overview import ENOUGH

AB = ["a", "b"]


def beliefs(n: int, rng: np.random.Generator, classes: int = 2) -> Categorical:
    return Categorical(torch.from_numpy(rng.dirichlet(np.ones(classes), n)).log())


def held_by(judge: EvidenceJudge | TruthJudge, fold: np.ndarray, prediction: Categorical) -> list[Held]:
    """Each fold's records, with the predictions of ``prediction``, in any order of folds."""
    parts = [(judge.known[fold == f], int(f)) for f in reversed(np.unique(fold)) if f >= 0]
    return [(index, f, prediction.take(torch.from_numpy(index))) for index, f in parts]


def half_candidates(n: int, rng: np.random.Generator) -> Candidates:
    mask = np.ones((n, 3), dtype=bool)
    mask[np.arange(n), rng.integers(3, size=n)] = False
    mask[::4] = True
    return Candidates(mask, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (Exact([0, 1, 1], AB), TruthJudge),
        (Values([1.0, 2.0]), TruthJudge),
        (Candidates([[1, 0, 0], [1, 1, 0]]), EvidenceJudge),
        (Labels.combine(Exact(np.arange(ENOUGH) % 2, AB), Candidates(np.ones((ENOUGH, 2)), AB)), TruthJudge),
        (Labels.combine(Exact(np.arange(ENOUGH - 1) % 2, AB), Candidates(np.ones((ENOUGH - 1, 2)), AB)), EvidenceJudge),
    ],
)
def test_the_truth_judges_where_there_is_enough_of_it(labels: Labels, kind: type) -> None:
    assert type(judge_for(labels, None)) is kind


def test_held_out_evidence_is_scored_by_its_likelihood_observation_by_observation() -> None:
    rng = np.random.default_rng(0)
    labels = half_candidates(40, rng)
    judge = EvidenceJudge(labels)
    fold = judge.folds(3, rng, None)
    prediction = beliefs(40, rng, 3)
    truth, found = judge.values(held := held_by(judge, fold, prediction))
    assert_array_equal(judge.known, np.setdiff1d(np.arange(40), np.arange(0, 40, 4)))
    assert len(truth) == len(found) == judge.count(fold) == 30
    by_hand = np.log((prediction.p.numpy() * labels.possible).sum(axis=1))
    assert_allclose(found, by_hand[judge.owner(held)])
    assert judge.metric.score(truth, found) == pytest.approx(by_hand[judge.known].mean())


def test_one_surprise_counts_so_much_and_no_more() -> None:
    judge = EvidenceJudge(Candidates([[1, 0], [0, 1]], AB))
    sure = Categorical(torch.tensor([[0.0, -900.0], [0.0, -900.0]], dtype=torch.float64))
    _, found = judge.values([(np.array([0]), 0, sure.take([0])), (np.array([1]), 1, sure.take([1]))])
    assert_allclose(found, [0.0, FLOOR])


def test_what_is_tied_together_is_held_out_together() -> None:
    rng = np.random.default_rng(1)
    bag = rng.permutation(np.repeat(np.arange(12), 3))
    labels = Bags(bag, np.arange(12) % 2 == 0)
    judge = EvidenceJudge(labels)
    fold = judge.folds(3, rng, None)
    assert all(len(np.unique(fold[bag == b])) == 1 for b in range(12))
    assert judge.count(fold) == 12
    positives = [len({b for b in bag[fold == f] if b % 2 == 0}) for f in range(3)]
    assert positives == [2, 2, 2], "folds have positive and negative bags alike"


def test_a_chain_of_pairs_is_cut_rather_than_held_out_whole() -> None:
    rng = np.random.default_rng(2)
    labels = Pairs(np.arange(29), np.arange(1, 30), np.ones(29, dtype=bool), 30, AB)
    judge = EvidenceJudge(labels)
    fold = judge.folds(3, rng, None)
    assert sorted(np.bincount(fold)) == [10, 10, 10]
    _, found = judge.values(held_by(judge, fold, beliefs(30, rng)))
    within = int((fold[:-1] == fold[1:]).sum())
    assert len(found) == judge.count(fold) == within


def test_how_sources_err_is_learned_from_the_other_folds_only() -> None:
    rng = np.random.default_rng(3)
    n = 60
    y = rng.integers(2, size=n)
    vote = np.stack([y, np.where(rng.random(n) < 0.8, y, 1 - y)], axis=1)
    sure = Categorical(torch.log_softmax(torch.from_numpy(8.0 * np.eye(2)[y]), dim=1))

    def score_of_last_fold(vote: np.ndarray, fold: np.ndarray, last: np.ndarray) -> np.ndarray:
        judge = EvidenceJudge(Votes.from_wide(vote, [*AB], abstain="ignored"))
        held = held_by(judge, fold, sure)
        _, found = judge.values(held)
        return found[np.isin(judge.owner(held), last)]

    fold = np.arange(n) % 3
    last = np.flatnonzero(fold == 2)
    before = score_of_last_fold(vote, fold, last)
    spoiled = vote.copy()
    spoiled[last, 1] = 1 - spoiled[last, 1]
    after = score_of_last_fold(spoiled, fold, last)
    # the second source was mostly right elsewhere: its new votes surprise, and none of them was learned from
    assert after.mean() < before.mean() - 0.5


def test_the_exact_part_of_a_mixture_judges_at_its_records() -> None:
    rng = np.random.default_rng(4)
    y = np.where(np.arange(50) < 24, np.arange(50) % 2, -1)
    labels = Labels.combine(Exact(y, AB), Candidates(np.eye(2)[np.arange(50) % 2], AB))
    judge = judge_for(labels, None)
    assert isinstance(judge, TruthJudge)
    fold = judge.folds(3, rng, None)
    prediction = beliefs(50, rng)
    truth, values = judge.values(held_by(judge, fold, prediction))
    assert_array_equal(truth, y[:24])
    assert_allclose(values, prediction.p.numpy()[:24])
    assert "naively" in judge.remark


def test_plain_labels_need_no_remark() -> None:
    assert judge_for(Exact([0, 1, 1, 0], AB), None).remark == ""
    assert judge_for(Exact([0, 1, 1, 0], AB), None).limits == ""


def test_judged_by_evidence_it_is_said_what_that_cannot_see() -> None:
    limits = judge_for(Votes([0, 1, 2], [0, 0, 1], [0, 1, 1], 3, AB), None).limits
    assert "An observation is all that is known of one record" in limits
    assert limits.endswith(f"how often predictions are right. What it cannot see: {Votes.caveat}.")


@pytest.mark.parametrize(("seconds", "folds"), [(None, 3), (60.0, 3), (600.0, 5)])
def test_weak_evidence_has_as_many_folds(seconds: float | None, folds: int) -> None:
    assert folds_for(judge_for(half_candidates(40, np.random.default_rng(0)), None), seconds) == folds
