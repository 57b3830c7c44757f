"""Co-teaching: two networks, each of which learns from the records on which the other loses least.

Pooled features may be compressed on the way to the heads, by nested dropout or dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, log_softmax

from tacit.data.batch import Batch, Features
from tacit.data.task import Task
from tacit.engines.method import Losses, Method, Needs, Step
from tacit.labels.base import EvidenceModel
from tacit.nets.ema import EMA
from tacit.nets.network import Network


class Compression(nn.Module):
    """Which part of pooled features reaches the head: a random one in training, ``kept`` at prediction."""

    def dropped(self, pooled: Tensor) -> Tensor:
        """(B, D) features with some set to 0 at random."""
        raise NotImplementedError

    def kept(self, pooled: Tensor) -> Tensor:
        """(B, D) features as they are read at prediction."""
        raise NotImplementedError

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dropped(pooled) if self.training else self.kept(pooled)


class NestedDropout(Compression):
    """Keeps the first k of D channels, k drawn for every batch, so that channels are in order of importance.

    Rippel et al. 2014; as in Chen et al. 2022, P(k) is in proportion to exp(-(k / (deviation D))^2). At prediction
    the first channels that at least ``trained`` of all draws let through are kept: no others have learned.
    """

    chances: Tensor

    def __init__(self, width: int, deviation: float = 0.2, trained: float = 0.1) -> None:
        super().__init__()
        k = torch.arange(1, width + 1, dtype=torch.float64)
        chances = torch.exp(-((k / (deviation * width)) ** 2))
        self.register_buffer("chances", (chances / chances.sum()).float())
        passes = self.chances.flip(0).cumsum(0).flip(0)
        self.prefix = max(1, int((passes >= trained).sum()))

    def dropped(self, pooled: Tensor) -> Tensor:
        k = torch.multinomial(self.chances, 1) + 1
        return torch.where(torch.arange(pooled.shape[1], device=pooled.device) < k, pooled, 0.0)

    def kept(self, pooled: Tensor) -> Tensor:
        return torch.where(torch.arange(pooled.shape[1], device=pooled.device) < self.prefix, pooled, 0.0)


class Dropout(Compression):
    """Sets each channel of each record to 0 with probability ``rate``."""

    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        self.rate = rate

    def dropped(self, pooled: Tensor) -> Tensor:
        return dropout(pooled, self.rate)

    def kept(self, pooled: Tensor) -> Tensor:
        return pooled


class CompressedEncoder(nn.Module):
    """An encoder whose pooled features are compressed."""

    def __init__(self, encoder: nn.Module, compression: Compression) -> None:
        super().__init__()
        self.encoder = encoder
        self.compression = compression
        self.width = cast(int, encoder.width)

    def forward(self, batch: Batch) -> Features:
        features = cast(Features, self.encoder(batch))
        pooled = self.compression(features.pooled)
        return Features(pooled, features.local, features.positions, features.mask)

    def both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Pooled features (B, D) as they are trained on and as they are read at prediction, of one pass."""
        pooled = cast(Features, self.encoder(batch)).pooled
        return self.compression(pooled), self.compression.kept(pooled)


class Committee(nn.Module):
    """``Batch`` to (B, outputs): the logarithm of the members' mean probabilities."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def encoder(self) -> nn.Module:
        """That of the first member."""
        return cast(Network, self.members[0]).encoder

    def forward(self, batch: Batch) -> Tensor:
        log_p = torch.stack([log_softmax(member(batch).float(), dim=1) for member in self.members])
        return log_p.logsumexp(dim=0)


class CoTeaching(Method):
    """Two networks see the same batch; each is taught the share of it on which the other loses least.

    Han et al. 2018, algorithm 1. The share that is forgotten rises along the first ``ramp`` of the steps from 0 to
    ``forget``; at 0 the networks are trained apart. What a record costs is the negative log-likelihood of its
    evidence, taken naively.
    """

    family: ClassVar[str] = "supervised"

    def __init__(
        self,
        networks: tuple[Network, Network],
        task: Task,
        views: tuple[str, ...] = ("weak",),
        forget: float = 0.2,
        ramp: float = 0.05,
        decay: float = 0.99,
    ) -> None:
        super().__init__()
        if not 0 <= forget < 1:
            raise ValueError(f"a share of {forget} to forget is not from 0 to below 1")
        self.needs = Needs(labelled=views)
        self.task = task
        self.networks = nn.ModuleList(networks)
        self.averages = nn.ModuleList(EMA(network, decay) for network in networks)
        self.forget, self.ramp = forget, ramp

    @property
    def naive(self) -> bool:
        """Always."""
        return True

    def loss(self, step: Step) -> Losses:
        if step.evidence is None:
            raise ValueError("co-teaching needs evidence")
        keep = 1 - self.forget * min(step.progress / self.ramp, 1.0)
        terms = [self._exchange(step.evidence, view.batch, keep) for view in step.labelled.values()]
        first, second = (torch.stack(parts).mean() for parts in zip(*terms, strict=True))
        return {"first": first, "second": second}

    def after_step(self, step: Step) -> None:
        for average, network in zip(self.averages, self.networks, strict=True):
            cast(EMA, average).update(network)

    def members(self) -> tuple[Network, Network]:
        """The averaged networks."""
        first, second = (cast(Network, cast(EMA, average).network) for average in self.averages)
        return first, second

    def predictor(self) -> nn.Module:
        return Committee(self.members())

    def encoder(self) -> nn.Module:
        return self.members()[0].encoder

    def _exchange(self, evidence: EvidenceModel, batch: Batch, keep: float) -> tuple[Tensor, Tensor]:
        """What each network is taught by the other, of one view."""
        read = [outputs(cast(Network, network), batch) for network in self.networks]
        taught = [self._costs(evidence, o) for o, _ in read]
        if not len(taught[0]):
            return read[0][0].sum() * 0.0, read[1][0].sum() * 0.0
        chosen = [smallest(self._costs(evidence, o.detach()), keep) for _, o in read]
        return taught[0][chosen[1]].mean(), taught[1][chosen[0]].mean()

    def _costs(self, evidence: EvidenceModel, logits: Tensor) -> Tensor:
        """(units,) negative log-likelihoods."""
        return -evidence.labels.naive().log_likelihood(self.task.prediction(logits))


def outputs(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    """(B, outputs) twice: what is trained, and what records are chosen by."""
    if isinstance(network.encoder, CompressedEncoder):
        trained, kept = network.encoder.both(batch)
        return network.head(trained), network.head(kept)
    found = network(batch)
    return found, found


def smallest(costs: Tensor, share: float) -> Tensor:
    """Positions of the ``share`` of ``costs`` (K,) that are smallest, at least one."""
    return costs.argsort(stable=True)[: max(1, int(share * len(costs) + 1e-9))]
