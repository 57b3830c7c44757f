"""Rungs 0 and 1: heads on fixed features, fitted on all evidence in seconds.

The linear head reads any kind of evidence; spreading and self-training are scikit-learn's, for exact labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import linear, pad

from tacit.data.task import Number, Task
from tacit.engines.hierarchical_softmax import HierarchicalSoftmax
from tacit.labels.base import EvidenceModel, Labels
from tacit.labels.class_tree import ClassTree

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """``(x - centre) / scale @ weight + bias``: (n, D) features to (n, outputs).

    With a class tree these are the scores of its nodes, of which `HierarchicalSoftmax` makes the outputs.
    """

    centre: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    tree: HierarchicalSoftmax | None = None

    def __call__(self, features: Matrix) -> Tensor:
        x = (torch.from_numpy(features) - self.centre) / self.scale
        outputs = x @ self.weight + self.bias
        return outputs if self.tree is None else self.tree(outputs)

    def tensors(self) -> dict[str, Tensor]:
        """What is saved."""
        own = {"centre": self.centre, "scale": self.scale, "weight": self.weight, "bias": self.bias}
        return own if self.tree is None else own | {"family": self.tree.family, "path": self.tree.path}

    @staticmethod
    def of(centre: Tensor, scale: Tensor, weight: Tensor, bias: Tensor, **tree: Tensor) -> Linear:
        """From `tensors`."""
        return Linear(centre, scale, weight, bias, HierarchicalSoftmax(**tree) if tree else None)


def standardisation(features: Matrix) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, (D,); a constant column keeps scale 1."""
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-6] = 1.0
    return torch.from_numpy(centre), torch.from_numpy(scale)


def fit_linear(
    features: Matrix,
    labels: Labels | EvidenceModel,
    penalty: float = 1.0,
    iterations: int = 100,
    *,
    one_scale: bool = False,
    tree: ClassTree | None = None,
) -> Linear:
    """Maximum likelihood of all evidence with a quadratic penalty on the weights, by L-BFGS.

    ``features``: (n, D), rows aligned to ``labels``, which may come with what was learned of them. The objective is
    the sum of -log L plus ``penalty`` / 2 times the squared weights over standardised columns: for exact labels
    scikit-learn's logistic regression with C = 1 / penalty (2 / penalty for two classes, because the weights of both
    are penalised here). With ``one_scale`` all columns share one scale, so that singular vectors keep their
    proportions.

    ``tree``: of the classes, by default what the labels say (`Labels.class_tree`). Every node then has weights, which
    tell it from its siblings (`HierarchicalSoftmax`), and biases have a penalty of 1.
    """
    model = labels if isinstance(labels, EvidenceModel) else labels.model()
    known = model.labels.labelled()
    evidence = model.take(known)
    centre, scale = standardisation(features)
    if one_scale:
        scale = torch.full_like(scale, max(float(features.std()), 1e-6))
    x, basis = in_own_span(((torch.from_numpy(features[known]) - centre) / scale).double())
    task: Task = model.labels.task
    # Of a number only the mean is a function of the features: a scale of its own for each record would be fitted
    # to noise by the few labels that there are.
    free = 1 if isinstance(task, Number) else task.outputs
    fixed = (0, task.outputs - free)
    tree = model.labels.class_tree() if tree is None else tree
    nested = None if tree is None else HierarchicalSoftmax.of(tree)
    weight = torch.zeros(x.shape[1], free if nested is None else nested.nodes, dtype=torch.float64)
    bias = torch.zeros(task.outputs if nested is None else nested.nodes, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [weight.requires_grad_(), bias.requires_grad_()], max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        scores = pad(x @ weight, fixed) + bias
        outputs = scores if nested is None else nested(scores)
        value = -evidence.log_likelihood(task.prediction(outputs)).sum() + 0.5 * penalty * weight.square().sum()
        if nested is not None:
            # Siblings of which some have no label would else be impossible.
            value = value + 0.5 * bias.square().sum()
        # Of nothing else: what is learned of the evidence keeps no gradient of a head.
        torch.autograd.backward(value, inputs=[weight, bias])
        return value

    with torch.enable_grad():
        optimizer.step(objective)  # type: ignore[no-untyped-call]
    return Linear(centre, scale, pad(basis @ weight.detach(), fixed).float(), bias.detach().float(), nested)


def in_own_span(x: Tensor) -> tuple[Tensor, Tensor]:
    """``x`` (n, D) as coordinates (n, r) in an orthonormal basis (D, r) of its rows' span, r at most n.

    A linear model with a quadratic penalty has its weights in that span, so it is fitted on the coordinates alone,
    and the basis times its weights are those for ``x``.
    """
    if len(x) >= x.shape[1]:
        return x, torch.eye(x.shape[1], dtype=x.dtype)
    basis, upper = torch.linalg.qr(x.T)
    return upper.T.contiguous(), basis


def fit_soft(
    x: Tensor, targets: Tensor, weights: Tensor, penalty: float, start: Tensor | None = None, iterations: int = 40
) -> Tensor:
    """(D + 1, C) weights, the bias in the last row: weighted cross-entropy to soft targets, penalised, by L-BFGS.

    ``x``: (n, D); ``targets``: (n, C); ``weights``: (n,), made to sum to 1. Minimises sum_i w_i CE_i plus
    ``penalty`` / 2 times the squared weights without the bias.
    """
    share = weights / weights.sum()
    # A row per class: multiplying a tall matrix by a narrow one is three times as fast this way round.
    weight, bias = torch.zeros(targets.shape[1], x.shape[1]), torch.zeros(targets.shape[1])
    if start is not None:
        weight, bias = start[:-1].T.clone(memory_format=torch.contiguous_format), start[-1].clone()
    weight.requires_grad_()
    bias.requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=iterations, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimizer.zero_grad()
        log_q = torch.log_softmax(linear(x, weight, bias), dim=1)
        value = -(share * (targets * log_q).sum(dim=1)).sum() + 0.5 * penalty * weight.square().sum()
        torch.autograd.backward(value)
        return value

    with torch.enable_grad():
        optimizer.step(objective)  # type: ignore[no-untyped-call]
    return torch.cat([weight.detach().T, bias.detach()[None]])


def self_trained(x: Tensor, y: NDArray[np.int64], classes: int, penalty: float, rounds: int = 5) -> Tensor:
    """(D + 1, C) weights of a linear head after rounds of self-training on growing shares of the unlabelled.

    ``x``: (n, D); ``y``: (n,) classes, -1 unknown. In round r of R the most confident r / R of the unlabelled records
    get their predicted class as a label; all of them together weigh 0.65, the labelled ones 0.35 (Yarowsky 1995, with
    the growing share of Cascante-Bonilla et al. 2021, curriculum labelling).
    """
    known = torch.from_numpy(np.flatnonzero(y >= 0))
    unknown = torch.from_numpy(np.flatnonzero(y < 0))
    one_hot = torch.eye(classes)
    given = one_hot[torch.from_numpy(y.copy())[known]]
    w = fit_soft(x[known], given, torch.ones(len(known)), penalty / len(known))
    if len(unknown) == 0:
        return w
    for round_ in range(1, rounds + 1):
        confidence, guess = torch.softmax((x @ w[:-1] + w[-1])[unknown], dim=1).max(dim=1)
        kept = confidence >= torch.quantile(confidence, 1 - round_ / rounds)
        inputs = x[torch.cat([known, unknown[kept]])]
        targets = torch.cat([given, one_hot[guess[kept]]])
        count = int(kept.sum())
        shares = torch.cat([torch.full((len(known),), 0.35 / len(known)), torch.full((count,), 0.65 / count)])
        w = fit_soft(inputs, targets, shares, 0.03, w, iterations=15)
    return w


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
