"""A network run in chunks against one call on everything: outputs, gradients, dropout, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tacit.data.batch import Batch
from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Bags
from tacit.nets.chunked import batch_statistics, freeze_statistics, in_chunks


class Net(nn.Module):
    """Images to two log-probabilities, and the sizes of the batches that it saw."""

    def __init__(self, norm: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), norm, nn.ReLU(), nn.Dropout(dropout), nn.Flatten(), nn.Linear(8 * 36, 2)
        )
        self.seen: list[int] = []

    def forward(self, batch: Batch) -> Tensor:
        self.seen.append(len(batch))
        return torch.log_softmax(self.layers(batch["image"]) * batch["scale"][:, None], dim=1)


def net(norm: nn.Module | None = None, dropout: float = 0.0) -> Net:
    torch.manual_seed(0)
    return Net(norm or nn.GroupNorm(2, 8), dropout).train()


def images(count: int) -> Batch:
    rng = torch.Generator().manual_seed(1)
    return Batch({"image": torch.randn(count, 1, 6, 6, generator=rng), "scale": torch.rand(count, generator=rng)})


def gradients(network: Net, outputs: Tensor, positive: bool = True) -> list[Tensor]:
    """Of the evidence that 3 of 4 samples are positive, at least, or that not one is."""
    k = 3 * len(outputs) // 4 if positive else 1
    loss = -Bags(np.zeros(len(outputs), dtype=np.int64), [positive], k=k).log_likelihood(Categorical(outputs)).mean()
    return list(torch.autograd.grad(loss, list(network.parameters())))


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_the_gradient_of_a_bag_is_that_of_the_whole(size: int, positive: bool) -> None:
    network, batch = net(), images(50)
    whole = network(batch)
    network.seen.clear()
    outputs = in_chunks(network, batch, size)
    torch.testing.assert_close(outputs, whole, rtol=1e-6, atol=1e-6)
    expected, found = gradients(network, whole, positive), gradients(network, outputs, positive)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * float(other.abs().max()))
    assert max(network.seen) <= size, "no call was on more samples than a chunk"
    assert sum(network.seen) == (100 if size < 50 else 50), "every chunk ran twice"


def test_dropout_is_replayed_and_draws_as_much_as_one_pass() -> None:
    """Against chunks whose graphs are all kept."""
    network, batch = net(dropout=0.5), images(20)
    torch.manual_seed(3)
    kept = torch.cat([network(batch.take(slice(start, start + 6))) for start in range(0, 20, 6)])
    expected, state = gradients(network, kept), torch.get_rng_state()
    torch.manual_seed(3)
    outputs = in_chunks(network, batch, 6)
    torch.testing.assert_close(outputs, kept, rtol=0, atol=0)
    torch.testing.assert_close(gradients(network, outputs), expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(torch.get_rng_state(), state)


def test_batch_statistics_are_refused_by_name_unless_frozen() -> None:
    network, batch = net(nn.BatchNorm2d(8)), images(20)
    with pytest.raises(InputError, match=r"layer 'layers.1' \(BatchNorm2d\) averages over all of them"):
        in_chunks(network, batch, 6)
    in_chunks(network, batch, 20)
    freeze_statistics(network)
    assert network.training
    outputs, whole = in_chunks(network, batch, 6), network(batch)
    torch.testing.assert_close(gradients(network, outputs), gradients(network, whole), rtol=1e-5, atol=1e-6)


def test_statistics_that_are_never_kept_cannot_be_frozen() -> None:
    network = net(nn.BatchNorm2d(8, track_running_stats=False)).eval()
    freeze_statistics(network)
    assert batch_statistics(network) == ["layers.1"]


def test_without_gradient_nothing_runs_twice() -> None:
    network, batch = net(), images(20)
    with torch.no_grad():
        in_chunks(network, batch, 6)
    assert network.seen == [6, 6, 6, 2]
