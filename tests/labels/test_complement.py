"""Sums over all other classes against a loop, where 1 minus the class would be lost."""

from __future__ import annotations

import math

import torch
from torch.autograd import gradcheck

from tacit.labels.complement import excluding

from .judge import belief


def test_each_is_the_sum_of_the_others() -> None:
    log_p = belief(5, 4)
    looped = [[math.log(sum(math.exp(row[d]) for d in range(4) if d != c)) for c in range(4)] for row in log_p.tolist()]
    torch.testing.assert_close(excluding(log_p), torch.tensor(looped, dtype=torch.float64), rtol=1e-14, atol=1e-15)


def test_what_remains_beside_a_certain_class_keeps_its_digits() -> None:
    log_p = torch.tensor([[0.0, -1000.0, -1001.0]], dtype=torch.float64)
    expected = torch.tensor([[-1000.0 + math.log1p(math.exp(-1)), 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(excluding(log_p), expected, rtol=1e-15, atol=0)
    certain = torch.tensor([[0.0, -1e30]], dtype=torch.float64)
    assert excluding(certain).tolist() == [[-1e30, 0.0]]


def test_gradient() -> None:
    assert gradcheck(excluding, (belief(3, 4).requires_grad_(),))
    certain = torch.tensor([[0.0, -1e30, -1e30]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(excluding(certain).clamp_min(-1e3).sum(), certain)
    assert bool(torch.isfinite(gradient).all())
