"""Draws of wrong labels: rates, where they go, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.claims.noise import Flipped
from tacit.claims.sets import Split, digits
from tacit.data.read import read
from tacit.labels import Noisy


@pytest.fixture(scope="module")
def many() -> Split:
    truth = np.arange(6000) % 5
    records = read([f"text {i}" for i in range(len(truth))])
    return Split("many", records, truth, records, truth, tuple("abcde"))


def drawn(flipped: Flipped, split: Split, seed: int = 0) -> Noisy:
    return flipped(split, np.random.default_rng(seed))


def test_symmetric_flips_reach_all_other_classes_alike(many: Split) -> None:
    given = drawn(Flipped(0.4), many).y
    shares = np.zeros((5, 5))
    np.add.at(shares, (many.truth, given), 1 / 1200)
    np.testing.assert_allclose(shares, 0.6 * np.eye(5) + 0.1 * (1 - np.eye(5)), atol=0.04)


def test_pair_flips_go_to_the_next_class(many: Split) -> None:
    given = drawn(Flipped(0.45, "pair"), many).y
    wrong = given != many.truth
    assert wrong.mean() == pytest.approx(0.45, abs=0.02)
    assert (given[wrong] == (many.truth[wrong] + 1) % 5).all()


def test_flips_that_depend_on_the_image_do_so_at_the_rate() -> None:
    split = digits()
    once, again = (drawn(Flipped(0.4, "instance"), split, seed) for seed in (0, 0))
    assert (once.y == again.y).all()
    wrong = once.y != split.truth
    assert wrong.mean() == pytest.approx(0.4, abs=0.05)
    # two identical halves: with one map, the same image tends to the same wrong class, unlike symmetric flips
    twice = np.tile(np.arange(len(split.truth)), 2)
    doubled = Split("twice", split.pool.take(twice), split.truth[twice], split.test, split.test_truth, split.classes)

    def same(kind: str) -> float:
        left, right = np.split(drawn(Flipped(0.9, kind), doubled).y, 2)  # type: ignore[arg-type]
        both = (left != split.truth) & (right != split.truth)
        return float((left == right)[both].mean())

    assert same("symmetric") == pytest.approx(1 / 9, abs=0.05)
    assert same("instance") > 0.2


def test_a_total_is_stratified_and_the_rest_unknown(many: Split) -> None:
    labels = drawn(Flipped(0.3, total=500), many)
    known = labels.observed()
    assert len(known) == 500
    assert np.bincount(many.truth[known]).tolist() == [100] * 5
    assert (labels.y[known] != many.truth[known]).mean() == pytest.approx(0.3, abs=0.07)
    assert labels.transition is None and labels.how == "estimate"


def test_seeds_differ_no_rate_is_the_truth_and_the_text_says_what_was_drawn(many: Split) -> None:
    assert (drawn(Flipped(0.4), many, 0).y != drawn(Flipped(0.4), many, 1).y).any()
    assert (drawn(Flipped(0.0), many).y == many.truth).all()
    assert str(Flipped(0.4)) == "all labels, 40% of them flipped to any other class"
    assert str(Flipped(0.2, "pair", 2000)) == "2,000 labels, stratified, 20% of them flipped to the next class"


def test_what_cannot_be_drawn_is_refused(many: Split) -> None:
    with pytest.raises(ValueError, match=r"rate of 1\.5"):
        Flipped(1.5)
    with pytest.raises(TypeError, match="for images"):
        drawn(Flipped(0.4, "instance"), many)
