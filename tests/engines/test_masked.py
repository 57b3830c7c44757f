"""Masked engines: what is hidden, that only hidden places enter the loss, that targets get no gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from tacit.data.batch import Batch, Columns, Features, Tokens, View
from tacit.engines.masked import MaskedLatents, MaskedTokens, choose_share
from tacit.engines.method import Step


def rng(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def step(batch: Batch, seed: int = 0) -> Step:
    none = torch.empty(0, dtype=torch.int64)
    return Step({}, {"clean": View(batch, Columns(none))}, none, none, None, 0.0, rng(seed))


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_share_of_each_rows_present_tokens_is_chosen(share: float) -> None:
    lengths = torch.tensor([0, 1, 2, 7, 20])
    present = torch.arange(20) < lengths[:, None]
    present = present.flip(1)
    chosen = choose_share(present, torch.full((5,), share), rng())
    assert not (chosen & ~present).any()
    for row, length in zip(chosen, lengths.tolist(), strict=True):
        expected = min(length, max(1, round(share * length)))  # python rounds halves to even, as torch does
        assert int(row.sum()) == expected


def test_every_token_is_chosen_equally_often() -> None:
    count = sum(choose_share(torch.ones(50, 6, dtype=torch.bool), torch.full((50,), 0.5), rng(s)) for s in range(40))
    assert isinstance(count, Tensor)
    shares = count.sum(0) / 2000
    # binomial with p = 1/2 and n = 2000: standard deviation 0.011
    assert torch.allclose(shares, torch.full((6,), 0.5), atol=0.05)


class Ids:
    """What MaskedTokens reads of a prepared text: ids as tokens, 0 is padding, 1 the mask."""

    vocab_size = 50

    def tokens(self, batch: Batch) -> Tokens:
        ids = batch["tokens"]
        return Tokens(ids, torch.arange(ids.shape[1]).expand_as(ids), ids == 0)

    def hide(self, batch: Batch, hidden: Tensor) -> Batch:
        return batch.replace(tokens=batch["tokens"].masked_fill(hidden, 1))


class Recorder(nn.Module):
    """An embedding that keeps what it was shown."""

    width = 8

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 8)
        self.seen: list[Tensor] = []

    def forward(self, batch: Batch) -> Features:
        self.seen.append(batch["tokens"])
        local = self.embed(batch["tokens"])
        local.retain_grad()
        self.local = local
        return Features(local.mean(1), local)


def ids(rows: int = 400, length: int = 20) -> Tensor:
    tokens = torch.randint(2, 50, (rows, length), generator=rng(5))
    tokens[:, length // 2 :][torch.rand(rows, length // 2, generator=rng(6)) < 0.5] = 0
    return tokens


def test_bert_masks_eighty_replaces_ten_and_keeps_ten_percent() -> None:
    torch.manual_seed(0)
    encoder = Recorder()
    method = MaskedTokens(encoder, Ids(), share=0.4)
    tokens = ids()
    loss = method.loss(step(Batch({"tokens": tokens})))["masked"]
    (seen,) = encoder.seen
    assert torch.equal(seen[tokens == 0], tokens[tokens == 0]), "padding is never touched"
    masked, replaced = (seen == 1) & (tokens != 0), (seen != tokens) & (seen != 1)
    loss.backward()
    assert encoder.local.grad is not None
    chosen = encoder.local.grad.abs().sum(2) > 0
    assert bool((chosen | (seen == tokens)).all()), "what was changed is in the loss"
    total = int(chosen.sum())
    content = (tokens != 0).sum(1)
    assert total == sum(max(1, round(0.4 * int(c))) for c in content)
    # of about 2,400 chosen: standard deviations 0.008 and 0.006; a random id repeats the token or the mask in 4 %
    assert int(masked.sum()) / total == pytest.approx(0.8, abs=0.035)
    assert int(replaced.sum()) / total == pytest.approx(0.1, abs=0.03)
    assert int((chosen & (seen == tokens)).sum()) / total == pytest.approx(0.1, abs=0.03)


def test_masked_token_loss_is_cross_entropy_at_the_chosen_places() -> None:
    torch.manual_seed(0)
    encoder = Recorder()
    method = MaskedTokens(encoder, Ids(), share=0.3)
    with torch.no_grad():
        method.decode.weight.zero_()
        method.decode.bias.zero_()
    loss = method.loss(step(Batch({"tokens": ids(30)})))["masked"]
    assert float(loss.detach()) == pytest.approx(math.log(50), rel=1e-5), "a flat guess among 50 ids"
    with torch.no_grad():
        method.decode.bias[7] = 30.0
    sevens = torch.full((4, 6), 7)
    assert float(method.loss(step(Batch({"tokens": sevens})))["masked"].detach()) == pytest.approx(0.0, abs=1e-6)


def test_texts_without_any_token_have_no_loss() -> None:
    method = MaskedTokens(Recorder(), Ids())
    loss = method.loss(step(Batch({"tokens": torch.zeros(3, 4, dtype=torch.int64)})))["masked"]
    assert float(loss.detach()) == 0.0


class Cells(nn.Module):
    """A token per column with attention's one property that matters here: hidden columns change nothing."""

    width = 8

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(1, 8)
        self.mix = nn.Linear(8, 8)

    def forward(self, batch: Batch) -> Features:
        tokens = self.embed(batch["numeric"][:, :, None])
        hidden = batch.tensors.get("hidden", torch.zeros_like(batch["numeric"], dtype=torch.bool))
        seen = tokens.masked_fill(hidden[:, :, None], 0.0)
        pooled = seen.sum(1) / (~hidden).sum(1, keepdim=True)
        return Features(pooled, torch.tanh(self.mix(tokens + pooled[:, None])))


def latents(**settings: Any) -> MaskedLatents:
    torch.manual_seed(0)
    return MaskedLatents(Cells(), positions=6, depth=1, **settings)


def table_batch(rows: int = 16) -> Batch:
    return Batch({"numeric": torch.randn(rows, 6, generator=rng(9))})


def test_latents_are_compared_where_columns_are_hidden_and_only_there() -> None:
    method = latents()
    batch = table_batch()
    (loss,) = method.loss(step(batch, seed=3)).values()
    replay = rng(3)
    share = 0.15 + 0.25 * torch.rand(16, generator=replay)
    visible = choose_share(torch.ones(16, 6, dtype=torch.bool), share, replay)
    assert 0 < int((~visible).sum()) < visible.numel()
    target = method.target(batch)
    assert isinstance(target, Features) and target.local is not None
    predicted = method._predict(batch, visible)
    errors = [
        float(((predicted[i, k] - target.local[i, k]) ** 2).mean().detach())
        for i in range(16)
        for k in range(6)
        if not visible[i, k]
    ]
    assert float(loss.detach()) == pytest.approx(np.mean(errors), rel=1e-5)


def test_the_context_never_sees_hidden_columns() -> None:
    method = latents().eval()
    batch = table_batch(4)
    visible = torch.tensor([[True, True, False, True, False, True]]).expand(4, 6)
    other = batch.replace(numeric=torch.where(visible, batch["numeric"], 100.0))
    with torch.no_grad():
        torch.testing.assert_close(method._predict(batch, visible), method._predict(other, visible))


def test_targets_move_by_average_and_never_by_gradient() -> None:
    method = latents(decay=0.5)
    batch = step(table_batch())
    before = {k: v.clone() for k, v in method.target.network.state_dict().items()}
    method.loss(batch)["masked"].backward()
    assert all(p.grad is None and not p.requires_grad for p in method.target.parameters())
    assert all(p.grad is not None for n, p in method.named_parameters() if not n.startswith("target."))
    with torch.no_grad():
        for parameter in method.backbone.parameters():
            parameter.add_(1.0)
    torch.testing.assert_close(dict(method.target.network.state_dict()), before)
    method.after_step(batch)
    for name, value in method.target.network.state_dict().items():
        torch.testing.assert_close(value, before[name] + 0.5)
    batch.progress = 0.5
    method.after_step(batch)
    for name, value in method.target.network.state_dict().items():
        torch.testing.assert_close(value, before[name] + 0.5 + 0.25 * 0.5)


class Dropping(Cells):
    """With dropout, which must not be drawn: the target would be another network than the context encoder."""

    def forward(self, batch: Batch) -> Features:
        found = super().forward(batch)
        return Features(found.pooled, nn.functional.dropout(found.local, 0.5, self.training))  # type: ignore[arg-type]


def test_latents_are_encoded_without_dropout() -> None:
    torch.manual_seed(0)
    method = MaskedLatents(Dropping(), positions=6, depth=1).train()
    first, second = (method.loss(step(table_batch(), seed=1))["masked"] for _ in range(2))
    assert float(first.detach()) == float(second.detach())
    assert method.encoder().train().training, "the next stage draws it again"
