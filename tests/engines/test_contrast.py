"""NT-Xent against equation 1 of SimCLR written out in loops, values and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import normalize

from tacit.data.batch import Batch, Columns, View
from tacit.engines.contrast import Contrast, nt_xent, sup_con, supervised_contrast
from tacit.engines.method import Step

from .encoders import Rows


def equation_one(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """SimCLR, equation 1 and algorithm 1: l(i, j) averaged over both members of every pair."""
    z = [vector for pair in zip(a, b, strict=True) for vector in pair]

    def pair_loss(i: int, j: int) -> Tensor:
        def similarity(k: int, m: int) -> Tensor:
            return (z[k] @ z[m]) / (z[k].norm() * z[m].norm())

        below = sum((similarity(i, k) / temperature).exp() for k in range(len(z)) if k != i)
        return -((similarity(i, j) / temperature).exp() / below).log()

    total = sum(pair_loss(2 * k, 2 * k + 1) + pair_loss(2 * k + 1, 2 * k) for k in range(len(a)))
    assert isinstance(total, Tensor)
    return total / (2 * len(a))


def unit_rows(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, 5, generator=generator, dtype=torch.float64), dim=1)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_loss_and_gradients_follow_equation_one(temperature: float) -> None:
    a, b = unit_rows(6, 0).requires_grad_(), unit_rows(6, 1).requires_grad_()
    mine, theirs = nt_xent(a, b, temperature), equation_one(a, b, temperature)
    torch.testing.assert_close(mine, theirs)
    gradients = torch.autograd.grad(mine, (a, b))
    # equation 1 normalises: its gradient has no part along the vector itself
    for vector, mine_g, theirs_g in zip((a, b), gradients, torch.autograd.grad(theirs, (a, b)), strict=True):
        tangent = mine_g - (mine_g * vector).sum(1, keepdim=True) * vector
        torch.testing.assert_close(tangent, theirs_g)


@pytest.mark.parametrize("block", [1, 3, 5, 11, 12])
def test_blocks_change_neither_loss_nor_gradient(block: int) -> None:
    a, b = unit_rows(6, 2).requires_grad_(), unit_rows(6, 3).requires_grad_()
    whole, parts = nt_xent(a, b, 0.2), nt_xent(a, b, 0.2, block)
    torch.testing.assert_close(parts, whole)
    expected = torch.autograd.grad(whole, (a, b))
    torch.testing.assert_close(torch.autograd.grad(parts, (a, b)), expected)


def test_blocked_gradient_passes_gradcheck() -> None:
    a, b = unit_rows(3, 4).requires_grad_(), unit_rows(3, 5).requires_grad_()
    assert gradcheck(lambda x, y: nt_xent(x, y, 0.5, block=2), (a, b))


def test_known_values() -> None:
    same = torch.ones(4, 1, dtype=torch.float64)
    assert float(nt_xent(same, same, 0.3)) == pytest.approx(math.log(7)), "all alike: a guess among 2B - 1"
    apart = torch.eye(2, dtype=torch.float64)
    expected = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert float(nt_xent(apart, apart, 0.5)) == pytest.approx(expected)


def test_method_compares_the_two_strong_views_record_by_record() -> None:
    torch.manual_seed(0)
    method = Contrast(Rows(), temperature=0.5, dimensions=6, layers=1).double()
    views = [torch.randn(5, 3, dtype=torch.float64) for _ in range(2)]
    none = torch.empty(0, dtype=torch.int64)
    named = {name: View(Batch({"x": x}), Columns(none)) for name, x in zip(("strong", "strong2"), views, strict=True)}
    loss = method.loss(Step({}, named, none, none, None, 0.0, torch.Generator()))
    assert set(loss) == {"contrast"}
    a, b = (method.projector(method.backbone.layer(x)) for x in views)
    torch.testing.assert_close(loss["contrast"].double(), equation_one(a, b, 0.5), rtol=1e-5, atol=1e-6)
    assert method.predictor() is method.backbone is method.encoder()


CLASSES = torch.tensor([0, 1, 0, 2, 1, 0, 3])
"""Of the rows of a supervised contrastive loss; the last two classes have one row each."""


def equation_two(z: Tensor, y: Tensor, temperature: float) -> Tensor:
    """Khosla et al. 2020, equation 2, summed over the anchors that have a positive and divided by their number."""
    total, anchors = torch.zeros((), dtype=z.dtype), 0
    for i in range(len(z)):
        positives = [p for p in range(len(z)) if p != i and y[p] == y[i]]
        if not positives:
            continue
        below = sum((z[i] @ z[a] / temperature).exp() for a in range(len(z)) if a != i)
        total = total - sum(((z[i] @ z[p] / temperature).exp() / below).log() for p in positives) / len(positives)
        anchors += 1
    return total / anchors


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_supervised_contrast_follows_equation_two(temperature: float) -> None:
    z = unit_rows(7, 0).requires_grad_()
    q = torch.eye(4, dtype=torch.float64)[CLASSES]
    mine, theirs = sup_con(z, q, temperature), equation_two(z, CLASSES, temperature)
    torch.testing.assert_close(mine, theirs)
    gradients = [torch.autograd.grad(loss, z)[0] for loss in (mine, theirs)]
    torch.testing.assert_close(*gradients)


def test_two_views_of_a_class_each_are_simclr() -> None:
    """With one record a class, the supervised loss is NT-Xent."""
    a, b = unit_rows(5, 0), unit_rows(5, 1)
    q = torch.eye(5, dtype=torch.float64).repeat(2, 1)
    torch.testing.assert_close(sup_con(torch.cat([a, b]), q, 0.2), nt_xent(a, b, 0.2))


def test_supervised_contrast_at_its_bounds() -> None:
    """Classes at opposite poles and a low temperature: each row sees its positives alone, log(2) of two of them."""
    q = torch.eye(2, dtype=torch.float64)[torch.tensor([0, 0, 0, 1, 1, 1])]
    z = torch.cat([torch.ones(3, 1), -torch.ones(3, 1)]).double()
    assert float(sup_con(z, q, 0.05)) == pytest.approx(math.log(2))
    same = torch.ones(6, 1, dtype=torch.float64)
    assert float(sup_con(same, q, 0.05)) == pytest.approx(math.log(5))
    alone = torch.eye(6, dtype=torch.float64)
    assert float(sup_con(z, alone, 0.05)) == 0.0, "no row has a positive"
    assert float(sup_con(z[:0], q[:0], 0.05)) == 0.0


def test_rows_attract_as_far_as_their_shares_agree() -> None:
    """A row that is half of either class, among one of each: half of the loss of either as its positive."""
    z = unit_rows(3, 4)
    q = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    shares = torch.softmax(torch.stack([z[0] @ z[1], z[0] @ z[2]]) / 0.3, dim=0)
    others = [torch.softmax(torch.stack([z[i] @ z[0], z[i] @ z[3 - i]]) / 0.3, dim=0)[0] for i in (1, 2)]
    expected = -(shares.log().mean() + torch.stack(others).log().sum()) / 3
    torch.testing.assert_close(sup_con(z, q, 0.3), expected)


@pytest.mark.parametrize("block", [1, 3, 6])
def test_blocks_change_neither_supervised_loss_nor_gradient(block: int) -> None:
    z = unit_rows(7, 2).requires_grad_()
    q = torch.eye(4, dtype=torch.float64)[CLASSES]
    whole, parts = sup_con(z, q, 0.2), sup_con(z, q, 0.2, block)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, z), torch.autograd.grad(whole, z))


def test_the_supervised_contrast_is_that_of_its_equation() -> None:
    """Khosla et al. 2020, equation 2, literally; the last row is alone with its kind."""
    generator = torch.Generator().manual_seed(3)
    z, others = (normalize(torch.randn(n, 4, generator=generator, dtype=torch.float64), dim=1) for n in (5, 7))
    kind, other_kind = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 0, 3, 3, -1])
    everyone, kinds = torch.cat([z, others]), torch.cat([kind, other_kind])
    total = 0.0
    for i in range(5):
        rest = [j for j in range(12) if j != i]
        below = sum(math.exp(float(z[i] @ everyone[j]) / 0.1) for j in rest)
        alike = [j for j in rest if kinds[j] == kind[i]]
        costs = [-math.log(math.exp(float(z[i] @ everyone[j]) / 0.1) / below) for j in alike]
        total += sum(costs) / max(1, len(costs))
    found = supervised_contrast(z, kind, others, other_kind, 0.1)
    assert float(found) == pytest.approx(total / 5, rel=1e-10)
