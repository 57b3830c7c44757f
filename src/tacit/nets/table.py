"""Table encoders: a residual MLP, and a transformer with one token per column."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tacit.data.batch import Batch, Features
from tacit.nets.transformer import Block, masked_mean


class ResidualMLP(nn.Module):
    """(B, ``entered``) numbers to (B, ``width``): a linear layer, residual blocks, a norm and a ReLU."""

    def __init__(self, entered: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(entered, width)
        self.blocks = nn.ModuleList(_residual(width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for block in self.blocks:
            x = x + block(x)
        return torch.relu(self.norm(x))


class TableMLP(nn.Module):
    """Numbers, their missing flags and category embeddings through residual blocks.

    After the MLP and ResNet of Gorishniy et al. (2021), with layer norm, which unlike batch norm does not
    mix labelled, unlabelled and corrupted rows. Reads ``numeric`` (B, Dn), ``missing`` (B, Dn) and
    ``categorical`` (B, Dc); ``pooled`` is (B, width), there are no local features.
    """

    def __init__(
        self, numeric: int, sizes: Sequence[int], *, width: int = 256, depth: int = 2, dropout: float = 0.1
    ) -> None:
        """``numeric``: number of numeric columns; ``sizes``: number of codes of every categorical one."""
        super().__init__()
        self.width = width
        self.embed = nn.ModuleList(nn.Embedding(size, _embedding_width(size)) for size in sizes)
        entered = 2 * numeric + sum(_embedding_width(size) for size in sizes)
        self.body = ResidualMLP(entered, width, depth, dropout)

    def forward(self, batch: Batch) -> Features:
        numeric, missing, categorical = batch["numeric"], batch["missing"], batch["categorical"]
        # An imputed number says nothing: the flag stands in its place.
        parts = [numeric.masked_fill(missing, 0.0), missing.to(numeric.dtype)]
        parts += [embed(categorical[:, i]) for i, embed in enumerate(self.embed)]
        return Features(self.body(torch.cat(parts, dim=1)))


class TableTransformer(nn.Module):
    """FT-Transformer (Gorishniy et al. 2021): a token per column, a summary token, pre-norm blocks.

    A number's token is value · weight + bias, a missing one's a vector of its own, a category's its embedding
    plus the column's bias. ``pooled`` is the summary token, without one (``summary`` False) the mean of the columns
    that are seen; ``local`` (B, columns, width) has numeric columns first. Where the batch has ``hidden``
    (B, columns) bool, those columns are left out of the attention altogether, as the context encoder of masked
    engines needs it; ``mask`` is False there.
    """

    def __init__(
        self, numeric: int, sizes: Sequence[int], *, width: int = 64, depth: int = 3, heads: int = 4,
        dropout: float = 0.1, summary: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.width = width
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(numeric, width).uniform_(-bound, bound))
        self.gap = nn.Parameter(torch.empty(numeric, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(numeric + len(sizes), width).uniform_(-bound, bound))
        self.summary = nn.Parameter(torch.empty(width).uniform_(-bound, bound)) if summary else None
        self.embed = nn.ModuleList(_embedding(size, width, bound) for size in sizes)
        self.blocks = nn.ModuleList(Block(width, heads, 2 * width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, batch: Batch) -> Features:
        tokens = self._tokens(batch)
        rows, columns, _ = tokens.shape
        hidden = batch.tensors.get("hidden")
        present = torch.ones_like(tokens[:, :, 0], dtype=torch.bool) if hidden is None else ~hidden
        positions = torch.arange(columns, device=tokens.device).expand(rows, columns)
        if self.summary is None:
            local = self._encode(tokens, present)
            return Features(masked_mean(local, present), local, positions, present)
        x = torch.cat([self.summary.expand(rows, 1, -1), tokens], dim=1)
        x = self._encode(x, torch.cat([torch.ones_like(present[:, :1]), present], dim=1))
        return Features(x[:, 0], x[:, 1:], positions, present)

    def _encode(self, x: Tensor, attended: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, attended)
        encoded: Tensor = self.norm(x)
        return encoded

    def _tokens(self, batch: Batch) -> Tensor:
        numeric, missing = batch["numeric"].unsqueeze(2), batch["missing"].unsqueeze(2)
        parts = [torch.where(missing, self.gap, numeric * self.weight)]
        parts += [embed(batch["categorical"][:, i]).unsqueeze(1) for i, embed in enumerate(self.embed)]
        return torch.cat(parts, dim=1) + self.bias


def _embedding(size: int, width: int, bound: float) -> nn.Embedding:
    return nn.Embedding(size, width, _weight=torch.empty(size, width).uniform_(-bound, bound))


def _embedding_width(size: int) -> int:
    """A rule of thumb between one dimension per value and a cap that suits small tables."""
    return min(16, (size + 1) // 2)


def _residual(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(width, width),
        nn.Dropout(dropout),
    )
