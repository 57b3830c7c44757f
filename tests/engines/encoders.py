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
    """A linear map of three numbers to four features."""

    width = 4

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, batch: Batch) -> Features:
        return Features(self.layer(batch["x"]))
