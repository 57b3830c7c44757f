"""Networks with a head, projectors, and batches that share a forward pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tacit.data.batch import Batch, Features
from tacit.nets.network import Network, ProjectedEncoder, Projector, concatenated, padded


class Sums(nn.Module):
    """(B, 2): sum and count of the tokens that are not 0; batch statistics where asked for."""

    width = 2

    def __init__(self, norm: bool = False) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2) if norm else nn.Identity()

    def forward(self, batch: Batch) -> Features:
        x = batch["tokens"].float()
        return Features(self.norm(torch.stack([x.sum(1), (x != 0).float().sum(1)], dim=1)))


def tokens(rows: int, length: int, seed: int = 0) -> Batch:
    return Batch({"tokens": torch.randint(1, 9, (rows, length), generator=torch.Generator().manual_seed(seed))})


def test_network_is_a_linear_head_on_pooled_features() -> None:
    torch.manual_seed(0)
    network = Network(Sums(), 3)
    batch = tokens(4, 5)
    pooled = network.features(batch).pooled
    torch.testing.assert_close(network(batch), pooled @ network.head.weight.T + network.head.bias)
    assert network.head.bias.tolist() == [0.0, 0.0, 0.0]


def test_projector_stops_where_told() -> None:
    torch.manual_seed(0)
    projector = Projector(4, 6, layers=3).eval()
    x = torch.randn(5, 4)
    torch.testing.assert_close(projector.upto(x, 0), x)
    first = torch.relu(projector.hidden[0][1](projector.hidden[0][0](x)))  # type: ignore[index]
    torch.testing.assert_close(projector.upto(x, 1), first)
    torch.testing.assert_close(projector(x), projector.last(projector.upto(x, 2)))
    assert projector(x).shape == (5, 6)
    assert projector.last.bias is None
    assert Projector(4, 6, layers=1).upto(x, 1) is x


def test_projected_encoder_ends_inside_the_projector() -> None:
    torch.manual_seed(0)
    encoder, projector = Sums(), Projector(2, 6, layers=3).eval()
    both = ProjectedEncoder(encoder, projector, layers=1)
    batch = tokens(4, 5)
    torch.testing.assert_close(both(batch).pooled, projector.upto(encoder(batch).pooled, 1))
    assert both.width == 2


def test_one_pass_over_several_batches_shares_batch_statistics() -> None:
    torch.manual_seed(0)
    network = Network(Sums(norm=True), 2).train()
    parts = [tokens(3, 5, 1), tokens(4, 5, 2)]
    first, second = concatenated(network, parts)
    assert (len(first), len(second)) == (3, 4)
    whole = network(Batch({"tokens": torch.cat([p["tokens"] for p in parts])}))
    torch.testing.assert_close(torch.cat([first, second]), whole)


@pytest.mark.parametrize("lengths", [(3, 6), (6, 3), (4, 4)])
def test_shorter_batches_are_padded_with_zeros(lengths: tuple[int, int]) -> None:
    parts = [tokens(2, length, i) for i, length in enumerate(lengths)]
    for before, after in zip(parts, padded(parts), strict=True):
        width = before["tokens"].shape[1]
        assert after["tokens"].shape == (2, max(lengths))
        assert torch.equal(after["tokens"][:, :width], before["tokens"])
        assert not after["tokens"][:, width:].any()
