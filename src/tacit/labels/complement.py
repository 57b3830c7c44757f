"""The probability of every other class, from their own log-probabilities and never as 1 minus something."""

from __future__ import annotations

import torch
from torch import Tensor


def excluding(log_p: Tensor) -> Tensor:
    """(..., C) log-weights, none infinite, to the log of the sum of all but each: (..., C), C at least 2."""
    largest, top = log_p.max(dim=-1, keepdim=True)
    is_top = torch.zeros_like(log_p, dtype=torch.bool).scatter(-1, top, True)
    scaled = torch.exp(log_p - largest)
    # whatever is not the largest is at most half of the sum, so that this difference is well conditioned
    rest = torch.where(is_top, 1.0, scaled.sum(dim=-1, keepdim=True) - scaled)
    others = torch.where(is_top, -torch.inf, log_p).logsumexp(dim=-1, keepdim=True)
    return torch.where(is_top, others, largest + torch.log(rest))
