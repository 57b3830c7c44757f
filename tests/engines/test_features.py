"""Heads on features against scikit-learn's logistic regression and closed-form ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load, save
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tacit.engines.features import Linear, Neighbours, fit_linear, fit_soft, in_own_span, self_trained, standardisation
from tacit.labels import Exact, Levels, Values


def problem(n: int = 80, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, 5)) * [1.0, 10.0, 0.1, 3.0, 1.0] + [0.0, 5.0, 1.0, -2.0, 0.0]).astype(np.float32)
    scores = StandardScaler().fit_transform(x) @ rng.normal(size=(5, classes)) + rng.gumbel(size=(n, classes))
    return x, scores.argmax(axis=1)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_linear_head_is_logistic_regression_on_standardised_columns(classes: int, penalty: float) -> None:
    """Both weights of a binary problem are penalised here: with w = w1 = -w0 that is C = 2 / penalty."""
    x, y = problem(classes=classes)
    known = np.arange(len(y)) % 2 == 0
    head = fit_linear(x, Exact(np.where(known, y, -1), list("abc")[:classes]), penalty)
    scaled = StandardScaler().fit_transform(x)  # of all records, labelled or not
    c = (2 if classes == 2 else 1) / penalty
    reference = LogisticRegression(C=c, tol=1e-10, max_iter=10_000).fit(scaled[known], y[known])
    assert_allclose(torch.softmax(head(x), 1), reference.predict_proba(scaled), atol=1e-3)


def test_with_more_columns_than_labels_the_head_is_fitted_in_their_span() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 200)).astype(np.float32)
    y = (x @ rng.normal(size=(200, 3))).argmax(axis=1)
    known = np.arange(60) % 2 == 0
    scaled = StandardScaler().fit_transform(x)
    reference = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(scaled[known], y[known])
    head = fit_linear(x, Exact(np.where(known, y, -1), list("abc")))
    assert_allclose(torch.softmax(head(x), 1), reference.predict_proba(scaled), atol=1e-3)
    coordinates, basis = in_own_span(torch.from_numpy(x[known]).double())
    assert coordinates.shape == (30, 30) and basis.shape == (200, 30)
    assert_allclose(coordinates @ basis.T, x[known], atol=1e-6)
    assert_allclose(basis.T @ basis, np.eye(30), atol=1e-12)


TREE = ([4, 4, 5, 5, 6, 6, -1], list("abcdghr"))
"""Four classes in two groups below one root."""


def test_a_head_in_a_tree_is_a_logistic_regression_at_every_node() -> None:
    """A bias with a penalty of 1 is the weight of a column of sqrt(penalty) whose weight has the penalty."""
    x, y = problem(classes=4)
    found = torch.softmax(fit_linear(x, Levels(y, *TREE), 2.0)(x), 1)
    rows = np.column_stack([StandardScaler().fit_transform(x), np.full(len(x), np.sqrt(2.0))])

    def regression(some: np.ndarray, second: np.ndarray) -> np.ndarray:
        model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(rows[some], second[some])
        return np.asarray(model.predict_proba(rows))

    group = regression(y >= 0, y >= 2)
    within = [regression(y // 2 == g, y % 2 == 1) for g in (0, 1)]
    expected = np.column_stack([group[:, [g]] * within[g] for g in (0, 1)])
    assert_allclose(found, expected, atol=1e-3)


def test_what_is_known_of_groups_moves_no_class_within_its_group() -> None:
    x, y = problem(classes=4)
    node = np.where(np.arange(len(y)) % 4 == 0, y, 4 + y // 2)
    few = np.where(np.arange(len(y)) % 4 == 0, y, -1)
    both, alone = (torch.softmax(fit_linear(x, Levels(n, *TREE), 1.0)(x), 1) for n in (node, few))
    for group in (slice(0, 2), slice(2, 4)):
        within = [p[:, group] / p[:, group].sum(dim=1, keepdim=True) for p in (both, alone)]
        assert_allclose(within[0], within[1], atol=2e-3)
    assert np.abs(np.asarray(both - alone)).max() > 0.1


def test_a_head_in_a_tree_is_what_it_was_once_it_is_read_again() -> None:
    x, y = problem(classes=4)
    head = fit_linear(x, Levels(y, *TREE))
    assert_allclose(Linear.of(**load(save(head.tensors())))(x), head(x), atol=0)
    plain = fit_linear(x, Exact(y, list("abcd")))
    assert Linear.of(**load(save(plain.tensors()))).tree is None


def test_one_label_of_a_class_does_not_make_its_group_that_class() -> None:
    """The unpenalised bias of the labelled class would take all of its group's probability."""
    x, y = problem(classes=4)
    node = np.where(np.arange(len(y)) == np.flatnonzero(y == 0)[0], 0, 4 + y // 2)
    p = torch.softmax(fit_linear(x, Levels(node, *TREE), 1e4)(x), 1)
    assert (p[:, 0] < 0.4).all() and (p[:, 1] > 0.1).all()


def test_linear_head_on_numbers_finds_least_squares_as_the_penalty_vanishes() -> None:
    x, _ = problem()
    noise = np.random.default_rng(1).normal(size=len(x))
    target = StandardScaler().fit_transform(x) @ [1.0, -2.0, 0.5, 0.0, 3.0] + 7 + 0.5 * noise
    labels = Values(np.where(np.arange(len(x)) % 2 == 0, target, np.nan))
    head = fit_linear(x, labels, penalty=1e6)
    weak = labels.task.prediction(head(x))
    # all weights are gone: what is left is the mean and the standard deviation of what is known
    assert_allclose(weak.mean, target[::2].mean(), rtol=1e-3)  # type: ignore[union-attr]
    assert_allclose(weak.log_scale.exp(), target[::2].std(), rtol=1e-3)  # type: ignore[union-attr]
    strong = labels.task.prediction(fit_linear(x, labels, penalty=1e-3, iterations=500)(x))
    assert float(np.corrcoef(strong.mean.numpy(), target)[0, 1]) > 0.97  # type: ignore[union-attr]
    assert_allclose(np.median(strong.log_scale.exp().numpy()), 0.5, rtol=0.35)  # type: ignore[union-attr]


def test_constant_columns_are_harmless() -> None:
    x, y = problem()
    wide = np.concatenate([x, np.full((len(x), 1), 3.0, np.float32)], axis=1)
    centre, scale = standardisation(wide)
    assert float(scale[-1]) == 1.0 and float(centre[-1]) == 3.0
    labels = Exact(y, list("abc"))
    assert_allclose(fit_linear(wide, labels)(wide), fit_linear(x, labels)(x), atol=1e-3)


def test_a_class_without_labels_is_never_likely() -> None:
    x, y = problem(classes=3)
    head = fit_linear(x, Exact(np.where(y == 2, -1, y), list("abc")))
    assert float(torch.softmax(head(x), 1)[:, 2].max()) < 0.1


def test_fitting_works_where_gradients_are_off_and_moves_no_global_generator(global_randomness: None) -> None:
    x, y = problem()
    with torch.no_grad():
        head = fit_linear(x, Exact(y, list("abc")))
    assert not head.weight.requires_grad
    assert (head(x).argmax(1).numpy() == y).mean() > 0.6


def test_neighbours_average_the_distributions_of_the_nearest_points() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 2)).astype(np.float32)
    distributions = rng.dirichlet(np.ones(3), size=30).astype(np.float32)
    queries = rng.normal(size=(8, 2)).astype(np.float32)
    found = Neighbours(points, distributions, 4)(queries).exp().numpy()
    for query, p in zip(queries, found, strict=True):
        nearest = np.argsort(((points - query) ** 2).sum(axis=1))[:4]
        assert_allclose(p, distributions[nearest].mean(axis=0), atol=1e-5)
    few = Neighbours(points[:2], distributions[:2], 7)(queries).exp().numpy()
    assert_allclose(few, np.tile(distributions[:2].mean(axis=0), (8, 1)), atol=1e-5)


@pytest.mark.parametrize("begun", [False, True])
def test_a_fit_to_soft_targets_is_logistic_regression_on_a_weighted_row_for_each_class(begun: bool) -> None:
    rng = np.random.default_rng(5)
    x, targets, weights = rng.normal(size=(60, 4)), rng.dirichlet(np.ones(3), size=60), rng.uniform(size=60)
    tensors = [torch.from_numpy(a).float() for a in (x, targets, weights)]
    start = torch.from_numpy(rng.normal(size=(5, 3))).float() if begun else None
    found = fit_soft(tensors[0], tensors[1], tensors[2], 0.1, start, iterations=200)
    rows = (weights[:, None] / weights.sum() * targets).ravel()
    reference = LogisticRegression(C=1 / 0.1, tol=1e-10, max_iter=10_000)
    reference.fit(np.repeat(x, 3, axis=0), np.tile(np.arange(3), 60), sample_weight=rows)
    assert_allclose(torch.softmax(tensors[0] @ found[:-1] + found[-1], 1), reference.predict_proba(x), atol=1e-3)
    if start is not None:
        assert not torch.equal(start, found), "what it goes on from is left as it was"


def test_self_training_is_its_rounds_written_out_with_scikit_learn() -> None:
    rng = np.random.default_rng(6)
    y = np.arange(90) % 3
    x = (rng.normal(size=(90, 2)) + 2.5 * np.array([[0, 1], [1, -1], [-1, -1]])[y]).astype(np.float32)
    given = np.where(np.arange(90) < 9, y, -1)
    found = self_trained(torch.from_numpy(x), given, 3, penalty=4.0)

    known, unknown = given >= 0, np.flatnonzero(given < 0)
    model = LogisticRegression(C=len(y[known]) / 4.0, tol=1e-8, max_iter=10_000)
    model.fit(x[known], y[known], sample_weight=np.full(9, 1 / 9))
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        p = model.predict_proba(x[unknown])
        kept = p.max(axis=1) >= np.quantile(p.max(axis=1), 1 - share)
        inputs = np.concatenate([x[known], x[unknown[kept]]])
        labels = np.concatenate([y[known], p.argmax(axis=1)[kept]])
        weights = np.concatenate([np.full(9, 0.35 / 9), np.full(kept.sum(), 0.65 / kept.sum())])
        model = LogisticRegression(C=1 / 0.03, tol=1e-8, max_iter=10_000).fit(inputs, labels, sample_weight=weights)
    outputs = torch.from_numpy(x) @ found[:-1] + found[-1]
    assert_allclose(torch.softmax(outputs, 1), model.predict_proba(x), atol=0.01)
    assert (outputs.argmax(1).numpy() == y).mean() > 0.9
