"""Evidence of classes against enumeration of all joint assignments: value, posterior, gradient."""

from __future__ import annotations

import torch
from numpy.testing import assert_allclose
from torch import Tensor
from torch.autograd import gradcheck

from tacit.data.prediction import Categorical
from tacit.labels import Labels

from ..reference.evidence import Observed, enumerated


def belief(sites: int, classes: int, seed: int = 0) -> Tensor:
    """(sites, classes) random log-probabilities in double precision."""
    draws = torch.randn(sites, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.log_softmax(2 * draws, dim=1)


def assert_enumerated(labels: Labels, log_p: Tensor, observed: Observed) -> None:
    """All units together have the enumerated log-probability and posterior, and the gradient is that of the value."""
    total, posterior = enumerated(log_p.numpy(), observed)
    found = float(labels.log_likelihood(Categorical(log_p)).sum())
    assert abs(found - total) <= 1e-9 * max(1.0, abs(total)), (found, total)
    believed = labels.posterior(Categorical(log_p))
    assert isinstance(believed, Categorical)
    assert_allclose(believed.p, posterior, rtol=1e-9, atol=1e-9)
    assert gradcheck(lambda x: labels.log_likelihood(Categorical(x)), (log_p.clone().requires_grad_(),))
