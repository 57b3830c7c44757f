"""One pre-norm transformer block with a padding mask, shared by the text and the table encoder."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Block(nn.Module):
    """Attention, then a GELU feed-forward net, each on a normed input with a residual (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is no multiple of {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.norm_attention = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``x``: (B, N, D); ``mask``: (B, N), True may be attended to, at least one in every row."""
        x = x + self.drop(self._attend(self.norm_attention(x), mask))
        fed: Tensor = self.drop(self.feed(self.norm_feed(x)))
        return x + fed

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        rows, length, width = x.shape
        parts = self.project_in(x).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(
            query, key, value, attn_mask=mask[:, None, None, :], dropout_p=self.dropout * self.training
        )
        attended: Tensor = self.project_out(mixed.transpose(1, 2).reshape(rows, length, width))
        return attended


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the present positions. ``x``: (B, N, D); ``mask``: (B, N); an empty row gives zeros."""
    weight = mask.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1.0)
