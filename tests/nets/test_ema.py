"""The moving average against its recursion, in float64."""

from __future__ import annotations

import torch
from torch import nn

from tacit.nets.ema import EMA


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).double()


def test_average_follows_its_recursion_with_warm_up() -> None:
    source = network()
    ema = EMA(source, decay=0.3)
    expected = source[0].weight.detach().clone()
    for step in range(1, 8):
        with torch.no_grad():
            source[0].weight.add_(torch.randn(4, 3, dtype=torch.float64))
        ema.update(source)
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * source[0].weight.detach()
        torch.testing.assert_close(ema.network[0].weight, expected)
    assert int(ema.updates) == 7


def test_batch_statistics_are_those_of_now() -> None:
    source = network().train()
    ema = EMA(source, decay=0.999)
    source(torch.randn(16, 3, dtype=torch.float64))
    ema.update(source)
    torch.testing.assert_close(ema.network[1].running_mean, source[1].running_mean)
    assert int(ema.network[1].num_batches_tracked) == 1


def test_the_copy_never_trains() -> None:
    source = network()
    ema = EMA(source).train()
    assert not any(m.training for m in ema.network.modules())
    assert not any(p.requires_grad for p in ema.parameters())
    x = torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(ema(x), source.eval()(x))
    assert source[0].weight.requires_grad, "the source still trains"


def test_state_goes_on_where_it_stopped() -> None:
    source = network()
    ema = EMA(source, decay=0.999)
    for _ in range(3):
        ema.update(source)
    other = EMA(network(), decay=0.999)
    other.load_state_dict(ema.state_dict())
    assert int(other.updates) == 3


def test_a_decay_that_is_given_is_taken_as_it_is() -> None:
    source = network()
    ema = EMA(source, decay=0.3)
    before = source[0].weight.detach().clone()
    with torch.no_grad():
        source[0].weight.add_(1.0)
    ema.update(source, 0.996)
    torch.testing.assert_close(ema.network[0].weight, before + 0.004)
