"""The likelihood of evidence by enumeration of all joint assignments: slow, and right by construction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Observed = Callable[[Sequence[int]], float]
"""Probability of the whole observation, given the class of every site."""


def enumerated(log_p: NDArray[np.float64], observed: Observed) -> tuple[float, NDArray[np.float64]]:
    """Log-probability of the observation, and the posterior (sites, C), where sites are independent with ``log_p``."""
    sites, classes = log_p.shape
    total = 0.0
    mass = np.zeros((sites, classes))
    for truth in itertools.product(range(classes), repeat=sites):
        p = math.exp(sum(log_p[i, c] for i, c in enumerate(truth))) * observed(truth)
        total += p
        for i, c in enumerate(truth):
            mass[i, c] += p
    return math.log(total), mass / total
