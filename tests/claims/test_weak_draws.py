"""What the draws of weak labels promise: counts, rates, the truth among them, and no two seeds alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tacit.claims.arms import Arm, Trained
from tacit.claims.base import Claim, find_claim
from tacit.claims.runner import measure
from tacit.claims.sets import AnyDraw, Split, digits
from tacit.claims.weak_draws import CandidateSets, LabelBags, LabelledPositives, LongTailed, QueryLabels, large_digits
from tacit.labels import Candidates, Exact, Labels, Positives, Proportions
from tacit.labels.mixture import Mixture
from tacit.labels.noisy import Noisy
from tacit.train.watch import Watch

SPLIT = digits()
HALVES = large_digits()


def drawn(draw: AnyDraw, split: Split = SPLIT, seed: int = 100) -> object:
    return draw(split, np.random.default_rng(seed))


def test_long_tails_fall_by_one_factor_and_tell_the_truth() -> None:
    labels = drawn(LongTailed(ratio=16, most=64))
    assert isinstance(labels, Exact)
    counts = labels.counts()
    np.testing.assert_allclose(counts[1:] / counts[:-1], 16 ** (-1 / 9), rtol=0.15)
    assert (counts[0], counts[-1]) == (64, 4)
    known = labels.y >= 0
    assert (labels.y[known] == SPLIT.truth[known]).all()


def test_candidates_hold_the_truth_and_wrong_classes_at_the_rate() -> None:
    labels = drawn(CandidateSets(rate=0.3, total=500))
    assert isinstance(labels, Candidates)
    chosen = labels.observed()
    assert 495 <= len(chosen) <= 500, "a set of all classes is no observation"
    assert labels.possible[np.arange(len(labels)), SPLIT.truth].all()
    sizes = labels.possible[chosen].sum(axis=1)
    assert sizes.min() >= 2, "alone, the truth would be known"
    assert sizes.mean() == pytest.approx(1 + 9 * 0.3 + 0.7**9, abs=0.25)


def test_labelled_positives_are_positive_and_the_prior_is_theirs_in_the_pool() -> None:
    labels = drawn(LabelledPositives(60), HALVES)
    assert isinstance(labels, Positives)
    assert (labels.state == 1).sum() == 60
    assert (HALVES.truth[labels.state == 1] == 1).all()
    assert labels.prior is not None
    assert labels.prior[0] == pytest.approx(HALVES.truth.mean())
    assert (HALVES.truth == (SPLIT.truth >= 5)).all()
    assert (HALVES.test_truth == (SPLIT.test_truth >= 5)).all()


def test_bags_are_of_one_size_and_count_the_truth() -> None:
    labels = drawn(LabelBags(32), HALVES)
    assert isinstance(labels, Proportions)
    assert set(labels.members.sizes.tolist()) == {32}
    assert len(labels.members) == len(HALVES.truth) // 32
    for bag in range(len(labels.members)):
        members = labels.members.of_bag(bag)
        assert labels.counts[bag].tolist() == np.bincount(HALVES.truth[members], minlength=2).tolist()


def test_query_labels_are_wrong_at_the_rate_and_in_two_ways_a_class() -> None:
    labels = drawn(QueryLabels(wrong=0.5, clean=50))
    assert isinstance(labels, Mixture)
    noisy, clean = labels.parts
    assert isinstance(noisy, Noisy)
    assert isinstance(clean, Exact)
    assert clean.counts().tolist() == [5] * 10
    assert (clean.y[clean.y >= 0] == SPLIT.truth[clean.y >= 0]).all()
    wrong = noisy.y != SPLIT.truth
    assert wrong.mean() == pytest.approx(0.5, abs=0.06)
    for c in range(10):
        assert len(set(noisy.y[wrong & (SPLIT.truth == c)].tolist())) == 2


@pytest.mark.parametrize(
    ("draw", "split"),
    [
        (LongTailed(16, 64), SPLIT),
        (CandidateSets(0.3, 100), SPLIT),
        (LabelledPositives(60), HALVES),
        (LabelBags(32), HALVES),
        (QueryLabels(0.5, 50), SPLIT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_seed_draws_the_same_again_and_another_seed_other_labels(draw: AnyDraw, split: Split) -> None:
    ids = [str(i) for i in range(len(split.truth))]

    def written(labels: Labels) -> list[object]:
        parts = labels.parts if isinstance(labels, Mixture) else (labels,)
        return [row for part in parts for row in part.rows(ids)]

    rows = [written(draw(split, np.random.default_rng(seed))) for seed in (100, 100, 101)]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]
    assert str(draw)


def shortened(claim: Claim) -> Claim:
    """Two steps a stage, on a part of the digits, with the claim's own evidence."""
    split = (HALVES if claim.data.__name__ in ("even_mnist", "large_digits") else SPLIT).subset(pool=400, test=50)
    draw = LabelledPositives(40) if isinstance(claim.draw, LabelledPositives) else claim.draw

    def short(arm: Arm) -> Arm:
        return replace(arm, steps=2 * len(arm.system.stages)) if isinstance(arm, Trained) else arm

    host = replace(short(claim.host), steps=short(claim.system).steps)  # type: ignore[type-var]
    others = tuple(short(arm) for arm in claim.others)
    return replace(claim, data=lambda: split, draw=draw, system=short(claim.system), host=host, others=others)


@pytest.mark.parametrize("name", ["proden", "nnpu", "logit-adjustment", "imbalanced-semi-self", "llp-bp", "spl"])
def test_every_arm_runs_on_the_evidence_of_its_claim(name: str, tmp_path: Path) -> None:
    result = measure(shortened(find_claim(name)), tmp_path, Watch(), seeds=[100], device="cpu")
    arms = [result["system"], result["host"], *result["others"]]
    assert all(0 <= arm["per_seed"][0] <= 1 for arm in arms)
    settings = result["settings"][result["host"]["arm"]]["stages"][-1]["settings"]
    if name in ("proden", "nnpu", "logit-adjustment"):
        ours = result["settings"][result["system"]["arm"]]["stages"][-1]["settings"]
        assert ours == settings, "system and host differ in the objective alone"
