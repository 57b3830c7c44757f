"""Text encoders trained on the user's own text: a small transformer, and latent semantic analysis."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tacit.data.batch import Batch, Features
from tacit.nets.transformer import Block, masked_mean

Encode = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_TOGETHER = 32  # texts that a processor encodes at a time; an accelerator takes all at once


def by_length(tokens: Tensor, pad_id: int, encode: Encode) -> Features:
    """`Features` of texts encoded a few at a time with texts of like length, so that little padding is read.

    ``encode`` maps ids (b, l) and their presence to pooled (b, D) and local features (b, l, D). Encoders trim,
    not views, so that batches keep one shape and can be stacked: ``local`` is (B, L, D), zero where padded.
    """
    rows, length = tokens.shape
    order = (tokens != pad_id).sum(1).argsort(stable=True)
    pooled: list[Tensor] = []
    local: Tensor | None = None
    for part in torch.split(order, _TOGETHER if tokens.device.type == "cpu" else max(rows, 1)):
        ids, present = trimmed(tokens[part], pad_id)
        vectors, places = encode(ids, present)
        pooled.append(vectors)
        if local is None:
            local = places.new_zeros(rows, length, places.shape[2])
        local[part, : ids.shape[1]] = places * present.unsqueeze(2)
    back = order.argsort()
    positions = torch.arange(length, device=tokens.device).expand(rows, length)
    return Features(torch.cat(pooled)[back], local, positions, tokens != pad_id)


def trimmed(tokens: Tensor, pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids and their presence without the last columns that are padding in every row; one column stays."""
    present = tokens != pad_id
    used = present.any(0).nonzero()
    length = int(used[-1]) + 1 if len(used) else 1
    return tokens[:, :length].long(), present[:, :length]


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
        return by_length(batch["tokens"], self.pad_id, self._encode)

    def _encode(self, ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        x = self.drop(self.embed(ids) + self.place[: ids.shape[1]])
        # A text without a token attends to its first padding, so that no softmax is over nothing.
        attended = present.clone()
        attended[:, 0] = True
        for block in self.blocks:
            x = block(x, attended)
        x = self.norm(x)
        return masked_mean(x, present), x


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
        return by_length(batch["tokens"], self.pad_id, self._encode)

    def _encode(self, ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        same = (ids.unsqueeze(2) == ids.unsqueeze(1)) & present.unsqueeze(1)
        count = same.sum(2).clamp(min=1).to(self.idf.dtype)
        weight = (1.0 + count.log()) * self.idf[ids] * present
        # Each of the ``count`` places of a token carries its share of that token's one entry.
        norm = (weight.square() / count).sum(1, keepdim=True).sqrt().clamp(min=1e-12)
        local = self.table[ids] * present.unsqueeze(2)
        pooled = ((weight / count / norm).unsqueeze(2) * local).sum(1) * self.width**0.5
        return pooled, local
