"""Rungs 0 and 1: heads on fixed features, fitted on all evidence in seconds.

The linear head reads any kind of evidence; spreading and self-training are scikit-learn's, for exact labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from tacit.data.task import Number, Task
from tacit.labels.base import Labels

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """``(x - centre) / scale @ weight + bias``: (n, D) features to (n, outputs)."""

    centre: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __call__(self, features: Matrix) -> Tensor:
        x = (torch.from_numpy(features) - self.centre) / self.scale
        return x @ self.weight + self.bias

    def tensors(self) -> dict[str, Tensor]:
        """What is saved."""
        return {"centre": self.centre, "scale": self.scale, "weight": self.weight, "bias": self.bias}


def standardisation(features: Matrix) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, (D,); a constant column keeps scale 1."""
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-6] = 1.0
    return torch.from_numpy(centre), torch.from_numpy(scale)


def fit_linear(features: Matrix, labels: Labels, penalty: float = 1.0, iterations: int = 100) -> Linear:
    """Maximum likelihood of all evidence with a quadratic penalty on the weights, by L-BFGS.

    ``features``: (n, D), rows aligned to ``labels``. The objective is the sum of -log L plus ``penalty`` / 2 times
    the squared weights over standardised columns: for exact labels scikit-learn's logistic regression with
    C = 1 / penalty (2 / penalty for two classes, because the weights of both are penalised here).
    """
    known = labels.labelled()
    evidence = labels.take(known)
    centre, scale = standardisation(features)
    x, basis = in_own_span(((torch.from_numpy(features[known]) - centre) / scale).double())
    task: Task = labels.task
    # Of a number only the mean is a function of the features: a scale of its own for each record would be fitted
    # to noise by the few labels that there are.
    free = 1 if isinstance(task, Number) else task.outputs
    fixed = (0, task.outputs - free)
    weight = torch.zeros(x.shape[1], free, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(task.outputs, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=iterations, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimizer.zero_grad()
        log_likelihood = evidence.log_likelihood(task.prediction(pad(x @ weight, fixed) + bias)).sum()
        value = -log_likelihood + 0.5 * penalty * weight.square().sum()
        torch.autograd.backward(value)
        return value

    with torch.enable_grad():
        optimizer.step(objective)  # type: ignore[no-untyped-call]
    return Linear(centre, scale, pad(basis @ weight.detach(), fixed).float(), bias.detach().float())


def in_own_span(x: Tensor) -> tuple[Tensor, Tensor]:
    """``x`` (n, D) as coordinates (n, r) in an orthonormal basis (D, r) of its rows' span, r at most n.

    A linear model with a quadratic penalty has its weights in that span, so it is fitted on the coordinates alone,
    and the basis times its weights are those for ``x``.
    """
    if len(x) >= x.shape[1]:
        return x, torch.eye(x.shape[1], dtype=x.dtype)
    basis, upper = torch.linalg.qr(x.T)
    return upper.T.contiguous(), basis


@dataclass(frozen=True)
class Neighbours:
    """Label distributions of stored points, read by nearest neighbours (the induction step of label spreading)."""

    points: Matrix
    distributions: NDArray[np.float32]
    k: int

    def __call__(self, features: Matrix) -> Tensor:
        from sklearn.neighbors import NearestNeighbors

        nearest = NearestNeighbors(n_neighbors=min(self.k, len(self.points))).fit(self.points)
        index = nearest.kneighbors(features, return_distance=False)
        p = self.distributions[index].mean(axis=1) + 1e-6
        return torch.from_numpy(p / p.sum(axis=1, keepdims=True)).log()
