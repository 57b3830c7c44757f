"""Text encoders trained on the user's own text: a small transformer, and latent semantic analysis."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from tacit.data.batch import Batch, Features
from tacit.nets.transformer import Block, masked_mean


def trimmed(tokens: Tensor, pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids and their presence without the columns in which every row is padded; at least one is kept.

    Encoders trim, not views, so that batches keep one shape and can be stacked.
    """
    present = tokens != pad_id
    used = present.any(0).nonzero()
    length = int(used[-1]) + 1 if len(used) else 1
    return tokens[:, :length].long(), present[:, :length]


def features_of(pooled: Tensor, local: Tensor, tokens: Tensor, pad_id: int) -> Features:
    """`Features` whose local part is padded with zeros back to the length of ``tokens`` (B, L)."""
    rows, length = tokens.shape
    local = pad(local, (0, 0, 0, length - local.shape[1]))
    positions = torch.arange(length, device=tokens.device).expand(rows, length)
    return Features(pooled, local, positions, tokens != pad_id)


class TextTransformer(nn.Module):
    """Token and position embeddings, a few pre-norm blocks, and the mean over present tokens.

    Reads ``batch["tokens"]`` (B, L) integer ids. ``pooled`` is (B, width), ``local`` (B, L, width).
    """

    def __init__(
        self,
        vocab_size: int,
        length: int,
        pad_id: int = 0,
        *,
        width: int = 128,
        depth: int = 3,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.pad_id = pad_id
        self.embed = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.place = nn.Parameter(torch.zeros(length, width))
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.place, std=0.02)
        nn.init.normal_(self.embed.weight, std=0.05)
        with torch.no_grad():
            self.embed.weight[pad_id].zero_()

    def forward(self, batch: Batch) -> Features:
        tokens = batch["tokens"]
        ids, present = trimmed(tokens, self.pad_id)
        x = self.drop(self.embed(ids) + self.place[: ids.shape[1]])
        # A text without a token attends to its first padding, so that no softmax is over nothing.
        attended = present.clone()
        attended[:, 0] = True
        for block in self.blocks:
            x = block(x, attended)
        x = self.norm(x)
        return features_of(masked_mean(x, present), x, tokens, self.pad_id)


class TextLSA(nn.Module):
    """Latent semantic analysis as an encoder: TF-IDF weights of the tokens times SVD components.

    ``pooled`` (B, width) is the projection of the unit-length vector of (1 + log count) · idf weights
    (Deerwester et al. 1990, with scikit-learn's sublinear weighting), times sqrt(width); ``local`` holds each
    token's own vector. The components are a parameter, so the encoder can also be tuned.
    """

    def __init__(self, idf: Tensor, components: Tensor, pad_id: int = 0) -> None:
        """``idf``: (V,), 0 for tokens that do not count; ``components``: (width, V)."""
        super().__init__()
        self.width = int(components.shape[0])
        self.pad_id = pad_id
        self.idf: Tensor
        self.register_buffer("idf", idf.clone())
        self.table = nn.Parameter(components.T.contiguous().clone())

    def forward(self, batch: Batch) -> Features:
        tokens = batch["tokens"]
        ids, present = trimmed(tokens, self.pad_id)
        same = (ids.unsqueeze(2) == ids.unsqueeze(1)) & present.unsqueeze(1)
        count = same.sum(2).clamp(min=1).to(self.idf.dtype)
        weight = (1.0 + count.log()) * self.idf[ids] * present
        # Each of the ``count`` places of a token carries its share of that token's one entry.
        norm = (weight.square() / count).sum(1, keepdim=True).sqrt().clamp(min=1e-12)
        local = self.table[ids] * present.unsqueeze(2)
        pooled = ((weight / count / norm).unsqueeze(2) * local).sum(1) * self.width**0.5
        return features_of(pooled, local, tokens, self.pad_id)
