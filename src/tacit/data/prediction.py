"""Typed predictions over sites: what every model returns, and what every kind of evidence reads.

A *site* is one hidden truth: one per record for classes and numbers, K per record for multi-label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Categorical:
    """A distribution over C classes at each site. ``log_p``: (sites, C), normalised log-probabilities."""

    log_p: Tensor

    def __len__(self) -> int:
        return int(self.log_p.shape[0])

    def take(self, index: Any) -> Categorical:
        return Categorical(self.log_p[index])

    @property
    def p(self) -> Tensor:
        """Probabilities, (sites, C)."""
        return self.log_p.exp()


@dataclass(frozen=True)
class Normal:
    """A normal distribution at each site. ``mean`` and ``log_scale`` (log standard deviation): (sites,)."""

    mean: Tensor
    log_scale: Tensor

    def __len__(self) -> int:
        return int(self.mean.shape[0])

    def take(self, index: Any) -> Normal:
        return Normal(self.mean[index], self.log_scale[index])


Prediction = Categorical | Normal


def sites_of(records: NDArray[np.int64], each: int) -> Tensor:
    """(records * each,) the sites of these records, of which each has so many."""
    return torch.from_numpy((records[:, None] * each + np.arange(each)).reshape(-1))


def concatenate(parts: list[Prediction]) -> Prediction:
    """One prediction from the predictions of consecutive blocks; all of one type, at least one."""
    if isinstance(parts[0], Categorical):
        return Categorical(torch.cat([p.log_p for p in parts if isinstance(p, Categorical)]))
    normals = [p for p in parts if isinstance(p, Normal)]
    return Normal(torch.cat([p.mean for p in normals]), torch.cat([p.log_scale for p in normals]))
