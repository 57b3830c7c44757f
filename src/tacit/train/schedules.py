"""The learning rate over a stage, as a share of its peak."""

from __future__ import annotations

import math


def share(schedule: str, progress: float, warmup: float) -> float:
    """Linear warm-up over the first ``warmup`` of the steps, then one of three.

    "constant"; "cosine", half a period down to zero; "slow-cosine", 7/16 of half a period of the cosine over all
    steps, which ends at 0.2 (Sohn et al. 2020, FixMatch, section 2.4).
    """
    if warmup > 0 and progress < warmup:
        return max(progress, 1e-3) / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "slow-cosine":
        return math.cos(7 / 16 * math.pi * progress)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / max(1 - warmup, 1e-9)))
    raise ValueError(f"unknown schedule {schedule!r}; known are constant, cosine and slow-cosine")
