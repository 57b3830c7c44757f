"""Counts of two classes against 60 digits by mpmath, a sequential recursion in log space, and closed forms."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import logsigmoid

from tacit.labels.counts import TOGETHER, log_counts, solved_tilt
from tacit.labels.coupled import NEVER, Members


def one_unit(copies: list[int]) -> Members:
    return units([copies])


def units(copies: list[list[int]]) -> Members:
    sizes = torch.tensor([len(c) for c in copies])
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)])
    flat = torch.tensor([m for c in copies for m in c], dtype=torch.int64)
    return Members(torch.arange(len(flat)), offsets, flat)


def window(logit: Tensor, members: Members, low: list[int], high: list[int]) -> Tensor:
    return log_counts(logsigmoid(-logit), logsigmoid(logit), members, torch.tensor(low), torch.tensor(high))


def sequential(logit: NDArray[np.float64], copies: list[int]) -> NDArray[np.float64]:
    """Log-probability of every count, one site after another: all terms are positive, so all digits are good."""
    state = np.full(sum(copies) + 1, -np.inf)
    state[0] = 0.0
    for x, m in zip(logit, copies, strict=True):
        moved = np.concatenate([np.full(m, -np.inf), state[:-m]])
        state = np.logaddexp(state - np.logaddexp(0, x), moved - np.logaddexp(0, -x))
    return state


LOGIT = np.random.default_rng(0).normal(0, 2, 1000)


@cache
def to_sixty_digits(most: int) -> list[mpf]:
    """Probabilities of counts up to ``most`` for the log-odds ``LOGIT``."""
    with mp.workdps(60):
        p = [1 / (1 + mp.exp(-mpf(float(x)))) for x in LOGIT]
        counts = [mpf(1)] + [mpf(0)] * most
        for place, on in enumerate(p):
            for k in range(min(place + 1, most), 0, -1):
                counts[k] = counts[k] * (1 - on) + counts[k - 1] * on
            counts[0] *= 1 - on
        return counts


@pytest.mark.parametrize("flipped", [False, True], ids=["few", "many"])
def test_a_thousand_sites_at_log_probability_300_below(flipped: bool) -> None:
    """The line of the design: right to 3e-13 at log P = -310. From both ends, single counts and tails."""
    logit = torch.from_numpy(-LOGIT if flipped else LOGIT)
    most = 195
    true = to_sixty_digits(most)
    members = one_unit([1] * 1000)
    for k in (0, 1, 60, most):
        single, tail = float(mp.log(true[k])), float(mp.log(sum(true[: k + 1])))
        at, low = (1000 - k, 1000 - k) if flipped else (k, 0)
        high = 1000 if flipped else k
        assert_allclose(window(logit, members, [at], [at]), single, rtol=2e-15, atol=1e-13)
        assert_allclose(window(logit, members, [low], [high]), tail, rtol=2e-15, atol=1e-13)
    assert float(mp.log(true[most])) < -290


@pytest.mark.parametrize("log_odds", [30.0, -30.0])
def test_tails_that_are_tilted_far_do_not_overflow(log_odds: float) -> None:
    """Of 100 alike sites, at most 40 of the likely class: the tilt of 30 a site adds up to e^1200."""
    expected = np.logaddexp.reduce(sequential(np.full(100, 30.0), [1] * 100)[:41])
    low, high = (0, 40) if log_odds > 0 else (60, 100)
    found = window(torch.full((100,), log_odds, dtype=torch.float64), one_unit([1] * 100), [low], [high])
    assert_allclose(found, expected, rtol=1e-13)


def test_the_larger_tail_is_the_complement_of_the_smaller() -> None:
    logit = torch.from_numpy(np.random.default_rng(1).normal(0, 2, 300))
    members = one_unit([1] * 300)
    for k in (40, 100, 150, 200):
        most, fewest = window(logit, members, [k], [300]), window(logit, members, [0], [k - 1])
        assert_allclose(torch.logaddexp(most, fewest), 0.0, atol=1e-14)


@given(st.integers(0, 10_000), st.sampled_from([0, TOGETHER]))
@settings(max_examples=30, deadline=None)
def test_any_window_of_any_unit_is_that_of_the_recursion(seed: int, together: int) -> None:
    """Units of several sizes, size by size and padded to one, some with merged sites, wide and narrow odds."""
    rng = np.random.default_rng(seed)
    copies = [rng.choice([1, 1, 1, 2, 3], size=rng.integers(1, 40)).tolist() for _ in range(4)]
    copies += [[1] * int(rng.integers(1, 40)) for _ in range(4)]
    members = units(copies)
    logit = rng.normal(0, rng.choice([0.1, 3, 50]), len(members.node))
    spans = [np.sort(rng.integers(0, sum(c) + 1, 2)) for c in copies]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tacit.labels.counts.TOGETHER", together)
        found = window(torch.from_numpy(logit), members, [int(s[0]) for s in spans], [int(s[1]) for s in spans])
    parts = np.split(logit, members.offsets[1:-1].numpy())
    for value, part, own, (low, high) in zip(found.tolist(), parts, copies, spans, strict=True):
        expected = np.logaddexp.reduce(sequential(part, own)[low : high + 1])
        assert abs(value - expected) <= 1e-12 * max(1, abs(expected)) or (expected == -np.inf and value <= NEVER)


@pytest.mark.parametrize("copies", [[1] * 9, [2, 1, 1, 3, 1, 1]], ids=["plain", "merged"])
def test_gradient_is_the_posterior_of_each_site(copies: list[int]) -> None:
    """Bayes by leaving one site out, and finite differences."""
    members = one_unit(copies)
    logit = torch.from_numpy(np.random.default_rng(2).normal(0, 2, len(copies)))
    off, on = (logsigmoid(s * logit).requires_grad_() for s in (-1, 1))
    for low, high in ((3, 3), (4, 9), (0, 2)):

        def value(off: Tensor, on: Tensor, low: int = low, high: int = high) -> Tensor:
            return log_counts(off, on, members, torch.tensor([low]), torch.tensor([high]))

        assert gradcheck(value, (off, on))
        (post,) = torch.autograd.grad(value(off, on).sum(), on)
        total = np.logaddexp.reduce(sequential(logit.numpy(), copies)[low : high + 1])
        for site, m in enumerate(copies):
            rest = sequential(np.delete(logit.numpy(), site), copies[:site] + copies[site + 1 :])
            with_it = np.logaddexp.reduce(rest[max(low - m, 0) : max(high - m + 1, 0)])
            assert_allclose(post[site], np.exp(with_it + float(on.detach()[site]) - total), rtol=1e-12, atol=1e-15)


def test_certain_sites_count_and_leave_finite_gradients() -> None:
    """Two surely on, one surely off, three free: counts from 2 to 5 are possible, others are not."""
    free = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    off = torch.cat([torch.tensor([NEVER, NEVER, 0.0], dtype=torch.float64), logsigmoid(-free)]).requires_grad_()
    on = torch.cat([torch.tensor([0.0, 0.0, NEVER], dtype=torch.float64), logsigmoid(free)]).requires_grad_()
    expected = sequential(free.detach().numpy(), [1, 1, 1])
    for k in range(7):
        value = log_counts(off, on, one_unit([1] * 6), torch.tensor([k]), torch.tensor([k]))
        if not 2 <= k <= 5:
            assert float(value.detach()) <= NEVER
            continue
        assert_allclose(value.detach(), expected[k - 2], rtol=1e-14)
        post = torch.stack(torch.autograd.grad(value.sum(), (off, on)), dim=1)
        assert_allclose(post[:3], [[0, 1], [0, 1], [1, 0]], atol=1e-15)
        assert_allclose(post.sum(dim=1), 1.0, rtol=1e-14)


def test_an_odd_count_of_doubled_sites_is_impossible() -> None:
    assert float(window(torch.zeros(3, dtype=torch.float64), one_unit([2, 2, 2]), [3], [3])) <= NEVER / 2


def test_log_odds_far_apart_are_tilted_by_halving() -> None:
    """Newton's method finds no slope between two groups of sites that are all but certain."""
    logit = torch.cat([torch.full((8,), 1e4), torch.full((8,), -1e4)]).double()
    tilt = solved_tilt(logit[None], torch.tensor([9]), torch.tensor([9]))
    assert torch.sigmoid(logit + tilt).sum() == pytest.approx(9, abs=0.1)
    value = window(logit, one_unit([1] * 16), [9], [9])
    assert_allclose(value, -1e4 + np.log(8), rtol=1e-13)


def test_weights_that_do_not_sum_to_one_scale_the_result() -> None:
    logit, members = torch.linspace(-2, 2, 7, dtype=torch.float64), one_unit([1] * 7)
    shift = torch.arange(7, dtype=torch.float64)
    low = torch.tensor([3])
    plain = log_counts(logsigmoid(-logit), logsigmoid(logit), members, low, low)
    shifted = log_counts(logsigmoid(-logit) + shift, logsigmoid(logit) + shift, members, low, low)
    assert_allclose(shifted - plain, 21.0, rtol=1e-13)
