"""Masked modelling: hide tokens, and predict what was hidden: the ids themselves, or an EMA encoder's latents."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from tacit.data.batch import Batch, Features
from tacit.engines.method import Losses, Method, Needs, Step, batches
from tacit.nets.ema import EMA
from tacit.nets.transformer import Block


def choose_share(present: Tensor, share: Tensor, rng: Generator) -> Tensor:
    """(B, N) bool: about ``share`` (B,) of each row's present tokens, at least one where a row has any."""
    draws = torch.rand(present.shape, generator=rng, device=present.device).masked_fill(~present, 2.0)
    count = (present.sum(1) * share).round().long().clamp_min(1)
    rank = draws.argsort(1).argsort(1)
    return (rank < count[:, None]) & present


class MaskedTokens(Method):
    """Predict hidden token ids (Devlin et al. 2019, BERT, section 3.1): of the chosen 80 % are masked, 10 % replaced
    by a random token, 10 % kept."""

    family: ClassVar[str] = "masked"

    def __init__(self, encoder: nn.Module, prepared: Any, share: float = 0.15) -> None:
        super().__init__()
        self.needs = Needs(unlabelled=("clean",))
        self.backbone = encoder
        self.prepared = prepared
        self.share = share
        width = cast(int, encoder.width)
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.decode = nn.Linear(width, self.prepared.vocab_size)

    def loss(self, step: Step) -> Losses:
        (batch,) = batches(step.unlabelled, ("clean",))
        tokens = self.prepared.tokens(batch)
        rng, device = step.generator, tokens.values.device
        shares = torch.full((len(batch),), self.share, device=device)
        chosen = choose_share(~tokens.padding, shares, rng)
        fate = torch.rand(chosen.shape, generator=rng, device=device)
        changed = self.prepared.hide(batch, chosen & (fate < 0.8))
        other = torch.randint(self.prepared.vocab_size, chosen.shape, generator=rng, device=device)
        swapped = chosen & (fate >= 0.8) & (fate < 0.9)
        ids = torch.where(swapped, other.to(changed["tokens"].dtype), changed["tokens"])
        local = cast(Features, self.backbone(changed.replace(tokens=ids))).local
        assert local is not None
        logits = self.decode(self.head(local[chosen]))
        # texts may all be empty: then the sum is 0, where the mean would be undefined
        total = cross_entropy(logits.float(), tokens.values[chosen].long(), reduction="sum")
        return {"masked": total / max(len(logits), 1)}

    def predictor(self) -> nn.Module:
        return self.backbone

    def encoder(self) -> nn.Module:
        return self.backbone


class MaskedLatents(Method):
    """Regress an EMA encoder's latents of hidden tokens from the visible ones (joint-embedding prediction).

    The context encoder sees a random subset of the tokens, the target encoder all of them; a predictor of ``width``
    gets the context's latents with a query for each hidden position (Assran et al. 2023, I-JEPA; for tables T-JEPA).
    The encoder must honour ``hidden`` (B, N) in the batch. ``low`` and ``high`` bound the share that is visible.

    The target encoder's decay rises from ``decay`` to 1, without the warm-up of other averages: a target that follows
    at once makes all rows alike, because most of the squared error at the start is between positions, and what is
    left is least where rows do not differ. Latents are encoded without dropout.
    """

    family: ClassVar[str] = "masked"

    def __init__(
        self,
        encoder: nn.Module,
        positions: int,
        low: float = 0.15,
        high: float = 0.4,
        decay: float = 0.996,
        width: int = 16,
        depth: int = 2,
    ) -> None:
        super().__init__()
        self.needs = Needs(unlabelled=("clean",))
        self.backbone = encoder
        self.target = EMA(encoder)
        self.positions = positions
        self.low, self.high = low, high
        self.decay = decay
        self.enter = nn.Linear(cast(int, encoder.width), width)
        self.query = nn.Parameter(torch.randn(positions, width) * 0.02)
        self.place = nn.Parameter(torch.randn(positions, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, 4, 4 * width, 0.0) for _ in range(depth))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, cast(int, encoder.width)))

    def train(self, mode: bool = True) -> MaskedLatents:
        """As usual, but the encoder draws no dropout: the target encoder draws none either."""
        super().train(mode)
        self.backbone.eval()
        return self

    def loss(self, step: Step) -> Losses:
        (batch,) = batches(step.unlabelled, ("clean",))
        rng, device = step.generator, self.query.device
        everything = torch.ones(len(batch), self.positions, dtype=torch.bool, device=device)
        share = self.low + (self.high - self.low) * torch.rand(len(batch), generator=rng, device=device)
        visible = choose_share(everything, share, rng)
        predicted = self._predict(batch, visible)
        with torch.no_grad():
            latents = cast(Features, self.target(batch)).local
        assert latents is not None
        return {"masked": mse_loss(predicted[~visible].float(), latents[~visible].float())}

    def after_step(self, step: Step) -> None:
        self.target.update(self.backbone, self.decay + (1 - self.decay) * step.progress)

    def predictor(self) -> nn.Module:
        return self.backbone

    def encoder(self) -> nn.Module:
        return self.backbone

    def _predict(self, batch: Batch, visible: Tensor) -> Tensor:
        local = cast(Features, self.backbone(batch.replace(hidden=~visible))).local
        assert local is not None
        seen = self.enter(local)
        x = torch.where(visible[:, :, None], seen, self.query.expand_as(seen)) + self.place
        for block in self.blocks:
            x = block(x, torch.ones_like(visible))
        return cast(Tensor, self.out(x))
