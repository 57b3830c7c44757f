"""Bags of digits as records: what is in them, and arms that differ in nothing but the pooling."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import tacit
from tacit.claims.arms import Desk
from tacit.claims.attention_mil import CLAIM as ATTENTION
from tacit.claims.set_bags import KEY, KEYS, key_bags, noisy, subtype_bags
from tacit.claims.sets import Split, digits
from tacit.compare.workbench import make_fabric
from tacit.data.records import Records
from tacit.train.watch import Watch


def digits_of(bags: Records, images: Records, truth: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Which digit each instance is: images are told apart by their pixels."""
    named = {
        np.asarray(image, dtype=np.float64).tobytes(): int(c) for image, c in zip(images.gather(), truth, strict=True)
    }
    return [np.array([named[np.ascontiguousarray(row).tobytes()] for row in np.asarray(bag)]) for bag in bags.gather()]


@pytest.fixture(scope="module")
def source() -> Split:
    return digits()


def test_a_tenth_of_a_bag_is_its_class_and_no_other_class_is_in_it(source: Split) -> None:
    split = subtype_bags()
    for bags, y, images, truth in (
        (split.pool, split.truth, source.pool, source.truth),
        (split.test, split.test_truth, source.test, source.test_truth),
    ):
        assert np.bincount(y).tolist() == [300, 300]
        for bag, c in zip(digits_of(bags, images, truth), y, strict=True):
            assert len(bag) == 20
            assert [(bag == key).sum() for key in KEYS] == [2 * (c == 0), 2 * (c == 1)]


def test_a_bag_is_positive_where_the_key_is_in_it(source: Split) -> None:
    split = key_bags()
    inside = digits_of(split.pool, source.pool, source.truth)
    np.testing.assert_array_equal([(bag == KEY).any() for bag in inside], split.truth == 1)
    sizes = [len(bag) for bag in inside]
    assert np.mean(sizes) == pytest.approx(10, abs=0.5)
    assert np.std(sizes) == pytest.approx(2, abs=0.3)


def test_the_key_is_not_always_in_the_same_place(source: Split) -> None:
    split = subtype_bags()
    places = [np.isin(bag, KEYS) for bag in digits_of(split.pool, source.pool, source.truth)]
    assert np.mean(places, axis=0) == pytest.approx(0.1, abs=0.05)


def test_noise_has_the_deviation_asked_for_and_is_always_the_same() -> None:
    bags = tacit.read([np.random.default_rng(i).normal(5, 3, (50, 4)) for i in range(40)], modality="set")
    once, twice = noisy(bags), noisy(bags)
    added = np.concatenate(once.gather()) - np.concatenate(bags.gather())
    assert added.std() == pytest.approx(1.5, rel=0.05)
    assert once.hash == twice.hash


def test_only_the_pooling_differs_between_attention_and_the_others() -> None:
    desk = Desk(key_bags(), "auto", make_fabric("cpu"), Watch())
    arms = [arm.describe(desk) for arm in (ATTENTION.system, ATTENTION.host, ATTENTION.others[0])]
    assert [arm["modality"].pop("encoder") for arm in arms] == ["attention", "max", "mean"]
    assert arms[0] == arms[1] == arms[2]
