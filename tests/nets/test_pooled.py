"""Pooling of sets against the equations written out, and limits where they are known."""

from __future__ import annotations

import pytest
import torch

from tacit.data.batch import Batch
from tacit.nets.network import padded
from tacit.nets.pooled import GatedAttention, Max, Mean, SetEncoder

MASK = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])


def local(seed: int = 0) -> torch.Tensor:
    return torch.randn(3, 3, 4, generator=torch.Generator().manual_seed(seed))


def test_gated_attention_is_equation_9() -> None:
    """Ilse et al. 2018, one bag and instance after the other."""
    pool, x = GatedAttention(4, hidden=5).double(), local().double()
    v, u = pool.content.weight, pool.gate.weight
    for bag, mask, found in zip(x, MASK, pool(x, MASK), strict=True):
        present = bag[mask]
        scores = torch.stack(
            [
                pool.score.weight[0] @ (torch.tanh(v @ h + pool.content.bias) * torch.sigmoid(u @ h + pool.gate.bias))
                for h in present
            ]
        )
        shares = scores.exp() / scores.exp().sum()
        torch.testing.assert_close(found, sum(a * h for a, h in zip(shares, present, strict=True)), atol=1e-6, rtol=0)


def test_shares_add_up_and_an_instance_alone_has_them_all() -> None:
    shares = GatedAttention(4).weights(local(), MASK)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(3))
    assert not shares[~MASK].any()
    assert shares[2, 1].item() == 1.0


def test_without_scores_attention_is_the_mean() -> None:
    pool = GatedAttention(4)
    torch.nn.init.zeros_(pool.score.weight)
    torch.testing.assert_close(pool(local(), MASK), Mean()(local(), MASK))


def test_mean_and_max_see_what_is_present() -> None:
    x = local()
    for bag, mask, mean, most in zip(x, MASK, Mean()(x, MASK), Max()(x, MASK), strict=True):
        torch.testing.assert_close(mean, bag[mask].mean(dim=0))
        torch.testing.assert_close(most, bag[mask].amax(dim=0))


def test_instances_are_encoded_by_themselves() -> None:
    encoder = SetEncoder(4, "attention", width=8).eval()
    features = encoder(Batch({"instances": local(), "present": MASK}))
    assert features.local is not None
    torch.testing.assert_close(features.local[MASK], encoder.body(local()[MASK]))
    assert not features.local[~MASK].any()


def test_the_gradient_of_padding_is_zero() -> None:
    x = local().requires_grad_()
    encoder = SetEncoder(4, "attention", width=8)
    encoder(Batch({"instances": x, "present": MASK})).pooled.sum().backward()
    assert x.grad is not None
    assert not x.grad[~MASK].any()
    assert x.grad[MASK].abs().sum(dim=1).min() > 0


@pytest.mark.parametrize("pooling", ["attention", "mean", "max"])
def test_half_precision_is_close_and_trains(pooling: str) -> None:
    encoder = SetEncoder(4, pooling, width=8).eval()
    batch = Batch({"instances": local(), "present": MASK})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = encoder(batch).pooled
    half.float().sum().backward()
    torch.testing.assert_close(half.float(), encoder(batch).pooled, atol=0.05, rtol=0.05)
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters() if p.grad is not None)


def test_batches_of_other_lengths_are_padded_alike() -> None:
    short, long = (Batch({"instances": torch.ones(2, n, 3), "present": torch.ones(2, n).bool()}) for n in (2, 4))
    both = Batch.concatenate(padded([short, long]))
    assert both["instances"].shape == (4, 4, 3)
    assert both["present"].sum(dim=1).tolist() == [2, 2, 4, 4]
    assert not both["instances"][:2, 2:].any()
