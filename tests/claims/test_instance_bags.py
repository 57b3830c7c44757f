"""What bags of records promise, and how they are judged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tacit.claims.ins import SelfPaced
from tacit.claims.instance_bags import BagSplit, InstanceBags, bagged, nine_bags
from tacit.claims.sets import digits
from tacit.data.prediction import Categorical
from tacit.data.read import read
from tacit.data.task import Classes
from tacit.engines.method import Step
from tacit.labels import Bags

SPLIT = nine_bags()


@pytest.mark.parametrize("kind", [InstanceBags(), InstanceBags(10, 3), InstanceBags(5, 1, most=12)], ids=str)
def test_positive_bags_have_their_witnesses_and_negative_ones_none(kind: InstanceBags) -> None:
    labels = kind(SPLIT, np.random.default_rng(100))
    assert isinstance(labels, Bags)
    sizes = np.bincount(labels.members.owner)
    assert (sizes == kind.size).all()
    witnesses = np.zeros(len(sizes), dtype=int)
    np.add.at(witnesses, labels.members.owner, SPLIT.truth[labels.members.records])
    assert witnesses.tolist() == [kind.witnesses, 0] * (len(sizes) // 2)
    assert (labels.positive == (witnesses > 0)).all()
    assert len(sizes) == min(kind.most, len(sizes)) and len(labels) == len(SPLIT.pool)
    if kind.most > len(SPLIT.pool):
        left = np.bincount(SPLIT.truth[bagged(SPLIT.truth, kind, np.random.default_rng(100)) < 0], minlength=2)
        assert left[1] < kind.witnesses or left[0] < 2 * kind.size - kind.witnesses, "no pair of bags is left"


def test_seeds_draw_other_bags() -> None:
    drawn = [bagged(SPLIT.truth, InstanceBags(), np.random.default_rng(s)) for s in (100, 100, 101)]
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


def test_the_bags_of_the_test_are_fixed_and_hold_nines_of_the_other_half() -> None:
    again = nine_bags()
    assert again.fingerprint() == SPLIT.fingerprint()
    assert isinstance(SPLIT.task, Classes) and SPLIT.task.outputs == 2
    seen = {np.asarray(d).tobytes() for d in SPLIT.test.gather()}
    assert seen <= {np.asarray(d).tobytes() for d in digits().test.gather()}
    nines = np.bincount(SPLIT.test_bag, SPLIT.test_truth)
    assert set(np.bincount(SPLIT.test_bag)) == {10} and nines.tolist() == [1, 0] * (len(nines) // 2)


def tiny() -> BagSplit:
    """Four bags of three; the first two are positive."""
    records = read([f"text {i}" for i in range(12)])
    truth = np.array([1, 0, 0, 0, 1, 1] + [0] * 6)
    bag = np.repeat(np.arange(4), 3)
    return BagSplit("tiny", records, truth, records, truth, ("no", "yes"), bag)


def test_bags_are_judged_by_their_likeliest_record_and_by_noisy_or() -> None:
    p = np.array([0.8, 0.1, 0.1, 0.4, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.6, 0.1])
    log_p = np.log(np.stack([1 - p, p], axis=1))
    split = tiny()
    outcome = split.judge(log_p)
    assert outcome.figures.tolist() == [True, False, True, False]
    some = 1 - np.prod(1 - p.reshape(4, 3), axis=1)
    positive = [1, 1, 0, 0]
    assert outcome.measures == pytest.approx(
        {
            "AUC of records": roc_auc_score(split.test_truth, p),
            "AUC of bags": roc_auc_score(positive, [0.8, 0.4, 0.1, 0.6]),
            "AUC of bags by noisy-or": roc_auc_score(positive, some),
            "accuracy of bags by noisy-or": np.mean((some > 0.5) == positive),
        }
    )
    assert some.round(2).tolist() == [0.84, 0.71, 0.27, 0.68], "noisy-or finds the second bag"


def test_scores_keep_what_probabilities_would_tie() -> None:
    sure = torch.nn.functional.logsigmoid(torch.tensor([[-20.0, 20.0], [-30.0, 30.0]], dtype=torch.float64))
    scores = tiny().scores(Categorical(sure.float()))
    odds = scores[:, 1] - scores[:, 0]
    assert odds == pytest.approx([20.0, 30.0], rel=1e-5)


def test_a_part_of_a_test_is_whole_bags_and_other_bags_are_other_outcomes() -> None:
    few = SPLIT.subset(pool=50, test=100)
    assert len(few.pool) == 50 and len(few.test) == 100
    assert np.bincount(few.test_bag).tolist() == [10] * 10
    split = tiny()
    assert split.fingerprint() != split.parts(np.arange(12), np.arange(6)).fingerprint()
    swapped = BagSplit(
        "tiny", split.pool, split.truth, split.test, split.test_truth, split.classes, split.test_bag[::-1].copy()
    )
    assert swapped.fingerprint() != split.fingerprint()


def objective_step(progress: float) -> Step:
    """Two bags, of three and of two records; the first is positive."""
    labels = Bags([1, 0, 0, 1, 0], [True, False])
    none = torch.empty(0, dtype=torch.int64)
    return Step({}, {}, torch.arange(5), none, labels.model(), progress, torch.Generator())


ODDS = torch.tensor([-1.0, 0.4, -2.0, 0.5, -0.3])


def test_self_paced_records_take_the_class_they_are_of_the_easier_ones_first() -> None:
    outputs = torch.stack([torch.zeros(5), ODDS], dim=1)
    wrong = {0: -1.0, 3: 0.5}
    doubtful = {1: -0.4, 2: -2.0, 4: -0.3}  # the odds of the other class than the one that is taken
    costs = {i: np.log1p(np.exp(x)) for i, x in (wrong | doubtful).items()}
    everything = np.mean(list(costs.values()))
    assert float(SelfPaced()(objective_step(1.0), outputs)) == pytest.approx(everything)
    half = np.mean([costs[i] for i in (0, 3, 1, 2)])
    assert float(SelfPaced()(objective_step(0.0), outputs)) == pytest.approx(half)
    least = torch.stack([torch.zeros(5), torch.tensor([-1.0, -0.9, -2.0, 0.5, -1.3])], dim=1)
    chosen = [np.log1p(np.exp(x)) for x in (-1.0, 0.9, -2.0, 0.5, -1.3)]
    assert float(SelfPaced()(objective_step(1.0), least)) == pytest.approx(np.mean(chosen)), "one at least is positive"
