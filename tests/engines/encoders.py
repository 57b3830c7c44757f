"""Encoders of batches of numbers, small enough to reckon with."""

from __future__ import annotations

from torch import nn

from tacit.data.batch import Batch, Features


class Plain(nn.Module):
    """Features that are the four columns themselves."""

    width = 4

    def forward(self, batch: Batch) -> Features:
        return Features(batch["x"])


class Rows(nn.Module):
    """A linear map of some numbers to ``width`` features, which are learned."""

    def __init__(self, columns: int = 3, width: int = 4) -> None:
        super().__init__()
        self.width = width
        self.layer = nn.Linear(columns, width)

    def forward(self, batch: Batch) -> Features:
        return Features(self.layer(batch["x"]))
