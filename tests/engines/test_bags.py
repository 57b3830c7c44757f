"""Bag kernels against loops over pairs, kernel logistic regression against scikit-learn, and what bags do not see."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel

from tacit.engines.bags import (
    PENALTIES,
    Comparison,
    Instances,
    Kernels,
    fit_bags,
    fit_kernel_logistic,
    fit_noisy_or,
    held_out_choice,
    log_likelihood,
    log_odds_of_some,
    own_similarity,
    stacking_weights,
    statistics,
)
from tacit.errors import InputError

Floats = NDArray[np.float64]


def drawn(seed: int, bags: int = 24, columns: int = 3) -> tuple[Floats, NDArray[np.int64], NDArray[np.bool_]]:
    """Instances in random order; a positive bag has one that lies apart."""
    rng = np.random.default_rng(seed)
    bag = np.concatenate([np.arange(bags), rng.integers(bags, size=3 * bags)])
    y = np.arange(bags) % 2 == 0
    x = rng.normal(size=(len(bag), columns))
    x[:bags][y] += 3.0
    order = rng.permutation(len(bag))
    return x[order], bag[order], y


def test_instances_are_those_of_their_bag() -> None:
    x, bag, y = drawn(0)
    bags = Instances.of(x, bag, len(y))
    for number, rows in enumerate(bags.each()):
        np.testing.assert_array_equal(rows, x[bag == number])
    np.testing.assert_array_equal(bags.take(np.array([5, 2])).x, np.concatenate([x[bag == 5], x[bag == 2]]))


def test_a_bag_without_instances_or_without_a_place_is_named() -> None:
    with pytest.raises(InputError, match="bag 1 has no instances"):
        Instances.of(np.zeros((2, 1)), np.array([0, 2]), 3)
    with pytest.raises(InputError, match="bag 2, but there are 2 bags"):
        Instances.of(np.zeros((3, 1)), np.array([0, 1, 2]), 2)


def test_statistics_by_numpy() -> None:
    x, bag, y = drawn(1)
    found = statistics(Instances.of(x, bag, len(y)))
    each = [x[bag == b] for b in range(len(y))]
    expected = [np.r_[r.min(axis=0), r.max(axis=0), r.mean(axis=0), r.std(axis=0)] for r in each]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_comparison_by_loops() -> None:
    x, bag, y = drawn(2)
    bags = Instances.of(x, bag, len(y))
    left, right, gammas = bags.take(np.arange(5)), bags.take(np.arange(5, 12)), (0.1, 1.0)
    found = Comparison.of(left, right, gammas)
    for i, a in enumerate(left.each()):
        for j, b in enumerate(right.each()):
            distances = np.linalg.norm(a[:, None] - b[None], axis=2)
            for w, gamma in enumerate(gammas):
                assert found.mean[w, i, j] == pytest.approx(rbf_kernel(a, b, gamma).mean())
            assert found.apart[i, j] == pytest.approx((distances.min(axis=0).mean() + distances.min(axis=1).mean()) / 2)
        for m, point in enumerate(right.x):
            assert found.nearest[i, m] == pytest.approx(((a - point) ** 2).sum(axis=1).min())
    np.testing.assert_allclose(
        own_similarity(left, gammas), [[rbf_kernel(a, a, g).mean() for a in left.each()] for g in gammas]
    )


def test_kernels_of_the_reference_bags_are_those_of_new_equal_bags() -> None:
    x, bag, y = drawn(3)
    bags = Instances.of(x, bag, len(y))
    kernels, grams = Kernels.of(bags)
    for name, new in kernels(bags.take(np.array([4, 9]))).items():
        for width, gram in grams[name].items():
            np.testing.assert_allclose(new[width], gram[[4, 9]], atol=1e-6, err_msg=name)
    for name in ("set", "Hausdorff", "MILES", "radial statistics"):
        for gram in grams[name].values():
            np.testing.assert_allclose(np.diag(gram), 1.0, atol=1e-6)
            assert gram.max() <= 1 + 1e-6


def test_order_and_repetition_of_instances() -> None:
    x, bag, y = drawn(4)
    order = np.random.default_rng(1).permutation(len(x))
    kernels, grams = Kernels.of(Instances.of(x, bag, len(y)))
    for name, shuffled in Kernels.of(Instances.of(x[order], bag[order], len(y)))[1].items():
        for width, gram in grams[name].items():
            np.testing.assert_allclose(shuffled[width], gram, atol=1e-6, err_msg=name)
    twice = Instances.of(np.repeat(x, 2, axis=0), np.repeat(bag, 2), len(y))
    for name, doubled in kernels(twice).items():
        for width, gram in grams[name].items():
            np.testing.assert_allclose(doubled[width], gram, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_kernel_logistic_regression_on_a_linear_kernel_is_ridge_logistic_regression(penalty: float) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(40, 3)), rng.random(40) < 0.5
    dual = fit_kernel_logistic(x @ x.T, y, [penalty])[0]
    with_bias = np.c_[x, np.ones(40)]
    reference = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-9, max_iter=1000).fit(with_bias, y)
    np.testing.assert_allclose((x @ x.T + 1) @ dual, with_bias @ reference.coef_[0], atol=1e-3)


def test_one_penalty_after_another_is_each_by_itself() -> None:
    x, bag, y = drawn(6)
    gram = Kernels.of(Instances.of(x, bag, len(y)))[1]["set"][0.5]
    alone = [fit_kernel_logistic(gram, y, [penalty])[0] for penalty in PENALTIES]
    np.testing.assert_allclose(
        (gram + 1) @ fit_kernel_logistic(gram, y, PENALTIES).T, (gram + 1) @ np.stack(alone).T, atol=1e-2
    )


def test_an_indefinite_kernel_is_projected() -> None:
    rng = np.random.default_rng(7)
    a = rng.normal(size=(20, 20))
    gram, y = a + a.T, rng.random(20) < 0.5
    values, vectors = np.linalg.eigh(gram + 1)
    nearest = (vectors * values.clip(0)) @ vectors.T
    found = (gram + 1) @ fit_kernel_logistic(gram, y, [1.0])[0]
    np.testing.assert_allclose(found, nearest @ fit_kernel_logistic(nearest - 1, y, [1.0])[0], atol=1e-6)


def test_noisy_or_of_single_instances_is_logistic_regression() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 2))
    y = x[:, 0] + rng.normal(size=60) > 0
    bags = Instances.of(x, np.arange(60), 60)
    found = log_odds_of_some(fit_noisy_or(bags, y, 1.0), bags)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    reference = LogisticRegression(C=2.0, tol=1e-9).fit(scaled, y)
    np.testing.assert_allclose(found, reference.decision_function(scaled), atol=1e-3)


def test_log_odds_of_some_by_the_product() -> None:
    x, bag, y = drawn(9)
    bags = Instances.of(x, bag, len(y))
    head = fit_noisy_or(bags, y, 1.0)
    p = np.asarray(head(bags.x.astype(np.float32)).double().softmax(dim=1))[:, 1]
    some = np.array([1 - np.prod(1 - p[bags.bag == b]) for b in range(len(y))])
    np.testing.assert_allclose(log_odds_of_some(head, bags), np.log(some / (1 - some)), rtol=1e-4, atol=1e-4)


def test_the_choice_is_by_bags_held_out() -> None:
    x, bag, y = drawn(10)
    grams = Kernels.of(Instances.of(x, bag, len(y)))[1]["MILES"]
    fold = np.arange(len(y)) // 2 % 4
    found = held_out_choice("MILES", grams, y, fold)
    by_hand, held_out = {}, {}
    for width, gram in grams.items():
        for penalty in PENALTIES:
            out = np.empty(len(y))
            for b in range(len(y)):
                rest = np.flatnonzero(fold != fold[b])
                dual = fit_kernel_logistic(gram[np.ix_(rest, rest)], y[rest], [penalty])[0]
                out[b] = (gram[b, rest] + 1) @ dual
            by_hand[width, penalty], held_out[width, penalty] = log_likelihood(out, y), out
    assert (found.width, found.penalty) == max(by_hand, key=lambda setting: by_hand[setting])
    np.testing.assert_allclose(found.held_out, held_out[found.width, found.penalty], atol=1e-2)


def test_the_blend_finds_the_one_instance_apart() -> None:
    x, bag, y = drawn(11, bags=60)
    new_x, new_bag, new_y = drawn(12, bags=60)
    bags, new = Instances.of(x, bag, len(y)), Instances.of(new_x, new_bag, len(new_y))
    blend = fit_bags(bags, y, np.arange(len(y)) // 2 % 3)
    log_odds = blend(new)
    assert ((log_odds > 0) == new_y).mean() > 0.9
    each = blend.each(new)
    assert len(each) == 6
    by_hand = sum(w * each[m.name].clip(-10, 10) for w, m in zip(blend.weights, blend.members, strict=True))
    np.testing.assert_allclose(log_odds, by_hand)


def test_weights_of_a_blend_are_a_minimum_and_leave_out_noise() -> None:
    rng = np.random.default_rng(14)
    y = rng.random(200) < 0.5
    good, noise = np.where(y, 1.0, -1.0) + rng.normal(size=200), 5 * rng.normal(size=200)
    log_odds = np.stack([good, noise])
    w = stacking_weights(log_odds, y)
    assert w[0] > 1 and w[1] < 0.05

    def objective(w: Floats) -> float:
        p = 1 / (1 + np.exp(-(w @ log_odds)))
        return float(-np.log(np.where(y, p, 1 - p)).sum() + 5 * ((w - 0.5) ** 2).sum())

    for step in ([1e-2, 0], [-1e-2, 0], [0, 1e-2], [1e-2, 1e-2]):
        assert objective(w + step) > objective(w)


def test_inner_folds_have_to_keep_both_classes() -> None:
    x, bag, y = drawn(13)
    with pytest.raises(InputError, match="inner fold 0"):
        fit_bags(Instances.of(x, bag, len(y)), y, y.astype(np.int64))
