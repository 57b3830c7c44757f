"""Frozen encoders are read in bf16 where that is faster; what a network predicts stays in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tacit.data.batch import Batch
from tacit.data.task import Classes
from tacit.train import precision
from tacit.train.pool import Pool
from tacit.train.predict import embed, pool_batches, predict, read_features


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Pretends that the processor has bf16 units, or has none."""
    return lambda there: monkeypatch.setattr(precision, "has_bf16_units", lambda: there)


def test_reading_in_bf16_is_close_and_a_saved_model_reads_the_same(
    toy: Callable[[str], Any], units: Callable[[bool], None]
) -> None:
    data = toy("text")
    encoder, pool = data.prepared.encoder(), Pool(data.records, data.prepared)
    read = {}
    for there in (False, True):
        units(there)
        read[there] = read_features(encoder, pool_batches(pool), data.prepared)
        assert np.array_equal(read[there]["pooled"], embed(encoder, pool_batches(pool), data.prepared))
    assert set(read[True]) == {"pooled", "mean", "first"}
    for name, exact in read[False].items():
        coarse = read[True][name]
        assert coarse.dtype == np.float32
        assert 0 < np.linalg.norm(coarse - exact) < 0.02 * np.linalg.norm(exact)


def test_predictions_are_those_of_float32_everywhere(toy: Callable[[str], Any], units: Callable[[bool], None]) -> None:
    data, task = toy("table"), Classes(("a", "b", "c"))
    pool = Pool(data.records, data.prepared)

    class Net(nn.Module):
        """An encoder and a linear head."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = data.prepared.encoder()
            self.head = nn.Linear(self.encoder.width, 3)

        def forward(self, batch: Batch) -> torch.Tensor:
            return self.head(self.encoder(batch).pooled)

    net = Net()
    found = []
    for there in (False, True):
        units(there)
        found.append(predict(net, pool_batches(pool), data.prepared, task).log_p)  # type: ignore[union-attr]
    assert torch.equal(found[0], found[1])
