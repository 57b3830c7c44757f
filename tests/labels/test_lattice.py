"""Counts of several classes against enumeration, a multinomial, and the size at which the lattice gives up."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import multinomial
from torch.autograd import gradcheck

from tacit.labels.coupled import NEVER, Members
from tacit.labels.lattice import TOGETHER, fits, log_interval, log_multinomial, rounded

from .judge import belief
from .test_counts import one_unit, units


def enumerated_counts(log_p: np.ndarray, copies: list[int], counts: list[int]) -> float:
    total = 0.0
    for truth in itertools.product(range(len(counts)), repeat=len(copies)):
        held = np.bincount(truth, weights=copies, minlength=len(counts))
        if (held == counts).all():
            total += math.exp(sum(log_p[i, c] for i, c in enumerate(truth)))
    return math.log(total) if total else -math.inf


@given(st.integers(0, 10_000), st.sampled_from([0, TOGETHER]))
@settings(max_examples=20, deadline=None)
def test_any_counts_with_merged_sites_are_enumerated(seed: int, together: int) -> None:
    """Shape by shape, and padded to one."""
    rng = np.random.default_rng(seed)
    copies = [rng.choice([1, 1, 2], size=rng.integers(1, 6)).tolist() for _ in range(5)]
    members = units(copies)
    log_p = belief(len(members.node), 4, seed)
    counts = [np.bincount(rng.integers(4, size=len(c)), weights=c, minlength=4).astype(int).tolist() for c in copies]
    which = torch.tensor([3, 0, 4])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tacit.labels.lattice.TOGETHER", together)
        found = log_multinomial(log_p, members, which, torch.tensor(counts)[which])
    for unit, value in zip(which.tolist(), found.tolist(), strict=True):
        own = log_p[members.offsets[unit] : members.offsets[unit + 1]].numpy()
        assert_allclose(value, enumerated_counts(own, copies[unit], counts[unit]), rtol=1e-13, atol=1e-14)


def test_equal_beliefs_are_a_multinomial() -> None:
    p = np.array([0.5, 0.2, 0.2, 0.1])
    log_p = torch.from_numpy(np.tile(np.log(p), (30, 1)))
    found = log_multinomial(log_p, one_unit([1] * 30), torch.tensor([0]), torch.tensor([[3, 2, 17, 8]]))
    assert_allclose(found, multinomial.logpmf([3, 2, 17, 8], 30, p), rtol=1e-13)


def test_gradient_with_classes_that_no_site_is_of() -> None:
    log_p = belief(5, 4).requires_grad_()
    counts = torch.tensor([[2, 0, 1, 2]])
    assert gradcheck(lambda x: log_multinomial(x, one_unit([1] * 5), torch.tensor([0]), counts), (log_p,))
    certain = torch.full((3, 3), NEVER, dtype=torch.float64).fill_diagonal_(0.0).requires_grad_()
    value = log_multinomial(certain, one_unit([1] * 3), torch.tensor([0]), torch.tensor([[1, 1, 1]]))
    (post,) = torch.autograd.grad(value.sum(), certain)
    assert float(value.detach()) == 0.0
    assert_allclose(post, np.eye(3), atol=1e-15)
    wrong = log_multinomial(certain, one_unit([1] * 3), torch.tensor([0]), torch.tensor([[2, 0, 1]]))
    assert float(wrong.detach()) <= NEVER / 2


def test_an_interval_is_the_same_counted_from_either_class() -> None:
    log_p, members = belief(7, 2), one_unit([2, 1, 1, 3, 1, 1, 1])
    which = torch.tensor([0])
    for low, high in ((0, 3), (4, 10), (5, 5)):
        ends = torch.tensor([low]), torch.tensor([high])
        others = torch.tensor([10 - high]), torch.tensor([10 - low])
        one, other = log_interval(log_p, members, which, *ends), log_interval(log_p.flip(1), members, which, *others)
        assert_allclose(one, other, rtol=1e-13)
        singles = [
            log_interval(log_p, members, which, torch.tensor([k]), torch.tensor([k])) for k in range(low, high + 1)
        ]
        assert_allclose(one, torch.cat(singles).logsumexp(0), rtol=1e-13)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    members = Members(torch.arange(40), torch.arange(0, 41, 4), torch.ones(40, dtype=torch.int64))
    log_p = belief(40, 3).requires_grad_()
    counts = torch.tensor([[2, 1, 1]]).repeat(10, 1)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        value = log_multinomial(log_p, members, torch.arange(10), counts)
        return value.detach(), torch.autograd.grad(value.sum(), log_p)[0]

    whole = both()
    monkeypatch.setattr("tacit.labels.lattice.BLOCK", 100)
    for found, expected in zip(both(), whole, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_what_is_too_improbable_for_numbers_is_counted_in_log_space(monkeypatch: pytest.MonkeyPatch) -> None:
    members = Members(torch.arange(8), torch.tensor([0, 4, 8]), torch.ones(8, dtype=torch.int64))
    counts = torch.tensor([[2, 1, 1], [2, 1, 1]])
    # four sites that are of the first class but for one part in 10^200, and four ordinary ones
    log_p = torch.log_softmax(torch.tensor([[0.0, -460.0, -470.0]] * 4 + [[0.3, -0.2, 0.1]] * 4).double(), dim=1)
    log_p.requires_grad_()

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        value = log_multinomial(log_p, members, torch.arange(2), counts)
        return value.detach(), torch.autograd.grad(value.sum(), log_p)[0]

    value, gradient = both()
    assert_allclose(value[0], math.log(12) - 460 - 470, rtol=1e-12)
    expected = np.exp(log_p.detach().numpy()[4:])
    assert_allclose(value[1], math.log(12 * expected[0] @ [0, 0, 1] * expected[0, 0] ** 2 * expected[0, 1]), rtol=1e-12)
    monkeypatch.setattr("tacit.labels.lattice.LOST", math.inf)
    for found, slow in zip((value, gradient), both(), strict=True):
        assert_allclose(found, slow, rtol=1e-12, atol=1e-300)


def test_small_bags_fit_and_large_ones_of_many_classes_do_not() -> None:
    counts = np.array([[8, 0, 0, 0], [2, 2, 2, 2], [250, 250, 250, 250], [128, 0, 0, 1]])
    assert fits(counts).tolist() == [True, True, False, True]


def test_lattices_are_rounded_to_few_sizes() -> None:
    found = rounded(torch.arange(25)).tolist()
    assert found[:9] == [0, 1, 2, 3, 4, 6, 6, 8, 8]
    assert all(k <= r <= max(k + 1, 1.5 * k) for k, r in enumerate(found))
    assert len(set(found)) == 10
