"""Losses that wrong labels mislead less than cross-entropy: of the labels as they were given, record by record.

All of them read the evidence naively, as shares ``q`` of the classes; labels of one class are shares of one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tacit.data.task import Task
from tacit.engines.method import Context, PerRecord
from tacit.engines.objective import Objective, OnShares
from tacit.engines.supervised import Supervised

FLOOR = 1e-4
"""Probabilities are kept so far from 0 and 1 where a logarithm of them or of what they leave is taken."""


def named_views(context: Context) -> tuple[str, ...]:
    """The option ``views``: names of views with plus signs between them, "weak" unless told."""
    return tuple(str(context.options.get("views", "weak")).split("+"))


def trained_on(context: Context, objective: Objective) -> Supervised:
    """Supervised training by ``objective`` on the named views."""
    return Supervised(context.encoder(), context.task, views=named_views(context), objective=objective)


class GeneralisedCrossEntropy(OnShares):
    """(1 - p_y^exponent) / exponent (Zhang & Sabuncu 2018, equation 6).

    Cross-entropy as the exponent goes to 0, mean absolute error at 1.
    """

    def __init__(self, task: Task, exponent: float = 0.7) -> None:
        super().__init__(task)
        if not 0 < exponent <= 1:
            raise ValueError(f"an exponent of {exponent} is not above 0 and at most 1")
        self.exponent = exponent

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        return (q * -torch.expm1(self.exponent * log_p)).sum(dim=1) / self.exponent


class SymmetricCrossEntropy(OnShares):
    """alpha H(q, p) + beta H(p, q), where log 0 is ``log_zero`` (Wang et al. 2019, equations 5 and 6)."""

    def __init__(self, task: Task, alpha: float = 0.1, beta: float = 1.0, log_zero: float = -4.0) -> None:
        super().__init__(task)
        self.alpha, self.beta, self.log_zero = alpha, beta, log_zero

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        forward = -(q * log_p).sum(dim=1)
        reverse = -(log_p.exp() * q.log().clamp_min(self.log_zero)).sum(dim=1)
        return self.alpha * forward + self.beta * reverse


class EarlyLearning(OnShares):
    """Cross-entropy + weight * log(1 - <p, t>), with t a moving average of the record's own past p.

    Liu et al. 2020, equations 5 and 6. ``targets`` (records, C) start at 0; the average takes up the present p
    before the term is read, as in the reference code.
    """

    def __init__(self, task: Task, records: int, weight: float = 3.0, momentum: float = 0.7) -> None:
        super().__init__(task)
        self.targets = PerRecord(records, task.outputs)
        self.weight, self.momentum = weight, momentum

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        p = log_p.exp().clamp(FLOOR, 1 - FLOOR)
        with torch.no_grad():
            target = self.momentum * self.targets(index) + (1 - self.momentum) * p / p.sum(dim=1, keepdim=True)
            self.targets.write(index, target)
        agreement = (p * target).sum(dim=1).clamp_max(1 - FLOOR)
        return -(q * log_p).sum(dim=1) + self.weight * torch.log1p(-agreement)


class DistributionallyRobust(OnShares):
    """temperature * logsumexp over k of (f_k - f_y + margin [k != y]) / temperature: the LDR-KL loss.

    The worst case over weights of the classes with a penalty ``temperature`` * KL(weights, uniform) (Zhu et al. 2023);
    cross-entropy at a temperature of 1 and a margin of 0, the multi-class hinge towards 0. Its constant,
    -temperature * log C, is left out. ``bounded``: the logits f are centred and rescaled to a mean size of 1, so that
    no record can cost without bound.
    """

    def __init__(self, task: Task, temperature: float = 1.0, margin: float = 0.1, bounded: bool = True) -> None:
        super().__init__(task)
        self.temperature, self.margin, self.bounded = temperature, margin, bounded

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        temperature = torch.full_like(log_p[:, 0], self.temperature)
        return (q * worst_case(self.margins(log_p), temperature)).sum(dim=1)

    def margins(self, log_p: Tensor) -> Tensor:
        """(K, C, C): by how much class k beats the given class y, and the margin, in row y and column k."""
        apart = 1 - torch.eye(log_p.shape[1], dtype=log_p.dtype, device=log_p.device)
        f = log_p - log_p.mean(dim=1, keepdim=True)
        if self.bounded:
            f = f / f.abs().mean(dim=1, keepdim=True).clamp_min(FLOOR)
        return f[:, None, :] - f[:, :, None] + self.margin * apart


class AdaptiveDistributionallyRobust(DistributionallyRobust):
    """The LDR-KL loss with a temperature of each record's own: the adaptive form, ALDR-KL.

    The temperature is the dual optimum of a penalty (alpha log C) / (2 ``temperature``) * (t - ``temperature``)^2: t =
    ``temperature`` * (1 - KL(weights, uniform) / (alpha log C)), where the weights are those of the record's last
    temperature. So it falls from ``temperature`` to (1 - 1 / alpha) of it as the network makes up its mind. No
    gradient goes through it; the penalty, which then has none, is left out.
    """

    def __init__(
        self,
        task: Task,
        records: int,
        temperature: float = 1.0,
        margin: float = 0.1,
        alpha: float = 2.0,
        bounded: bool = True,
    ) -> None:
        super().__init__(task, temperature, margin, bounded)
        if alpha <= 1:
            raise ValueError(f"an alpha of {alpha} would let temperatures fall to 0; it has to be above 1")
        self.alpha = alpha
        self.temperatures = PerRecord(records, fill=temperature)

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        margins = self.margins(log_p)
        with torch.no_grad():
            decided = (q * divergence(margins, self.temperatures(index))).sum(dim=1)
            temperature = self.temperature * (1 - decided / (self.alpha * math.log(log_p.shape[1])))
            self.temperatures.write(index, temperature)
        return (q * worst_case(margins, temperature)).sum(dim=1)


def worst_case(margins: Tensor, temperature: Tensor) -> Tensor:
    """(K, C) of margins (K, C, C) and temperatures (K,)."""
    return temperature[:, None] * (margins / temperature[:, None, None]).logsumexp(dim=2)


def divergence(margins: Tensor, temperature: Tensor) -> Tensor:
    """(K, C) KL divergence from uniform of the worst weights of margins (K, C, C) at temperatures (K,)."""
    log_weights = (margins / temperature[:, None, None]).log_softmax(dim=2)
    return (log_weights.exp() * log_weights).sum(dim=2) + math.log(margins.shape[2])
