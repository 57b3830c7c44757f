"""Objectives for positive and unlabelled records."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from tacit.data.task import Classes, MultiLabel, Task
from tacit.engines.method import Step
from tacit.engines.objective import Likelihood, Objective, present_or_absent
from tacit.labels.nonnegative_risk import Loss, nonnegative_risk
from tacit.labels.positives import Positives
from tacit.labels.positives_model import PositivesModel


class NonNegative(Objective):
    """The non-negative risk of `Positives` (Kiryo et al. 2017); of any other evidence the negative log-likelihood.

    Labelled and unlabelled records are one sample of the population, so the labelled share enters the risk of the
    negatives. The class prior is the evidence's: given, or as it is estimated along the way.
    """

    def __init__(self, task: Task, loss: Loss = "sigmoid", beta: float = 0.0, gamma: float = 1.0) -> None:
        super().__init__()
        if not isinstance(task, Classes | MultiLabel):
            raise TypeError("the non-negative risk is for classes that are present or absent")
        self.otherwise = Likelihood(task)
        self.loss: Loss = loss
        self.beta, self.gamma = beta, gamma

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        evidence = step.evidence
        assert evidence is not None
        labels = evidence.labels
        if not isinstance(labels, Positives):
            value: Tensor = self.otherwise(step, outputs)
            return value
        assert isinstance(evidence, PositivesModel)
        logits = outputs.float() if isinstance(labels.task, MultiLabel) else outputs.float()[:, 1] - outputs[:, 0]
        return nonnegative_risk(
            logits,
            torch.from_numpy(labels.state.copy()).to(logits.device),
            evidence.prior.value.to(logits),
            share=torch.from_numpy(labels.share.copy()).to(logits),
            loss=self.loss,
            beta=self.beta,
            gamma=self.gamma,
        )


class Variational(Objective):
    """The mean over the labels of their `variational_risk`, whose unlabelled sample are all records of the batch.

    Positive is what the evidence, read naively, calls present; what it calls absent is not heard.
    """

    naive: ClassVar[bool] = True

    def __init__(self, task: Task, rebalance: float = 0.0, sharpness: float = 0.0) -> None:
        super().__init__()
        if not isinstance(task, MultiLabel):
            raise TypeError("the variational risk is for labels that are present or absent")
        self.rebalance, self.sharpness = rebalance, sharpness

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        assert step.evidence is not None
        positive = torch.from_numpy(present_or_absent(step.evidence.labels).y == 1).to(outputs.device)
        return variational_risk(outputs.float(), positive, self.rebalance, self.sharpness).mean()


def variational_risk(outputs: Tensor, positive: Tensor, rebalance: float = 0.0, sharpness: float = 0.0) -> Tensor:
    """(K,) w log E[p] - E[log p | positive] for every label, p = sigmoid(z / t); 0 where no record is positive.

    ``outputs`` z (B, K); ``positive`` (B, K) bool; the first mean is over all records. With w = t = 1 it is the
    variational risk of Chen et al. 2020 (VPU), least where p is in proportion to the probability of being positive,
    without a class prior. PU-MLC (Yuan et al. 2023) rebalances, w = E[p] ** ``rebalance``, which takes weight from the
    unlabelled of rare labels, and divides by a temperature t = min(1, ``sharpness`` times the standard deviation of
    z), while outputs are nearly alike; ``sharpness`` 0 is t = 1. Neither has a gradient.
    """
    if sharpness > 0:
        spread = outputs.detach().std(dim=0, correction=0)
        outputs = outputs / (sharpness * spread).clamp(1e-3, 1.0)
    log_p = logsigmoid(outputs)
    log_mean = torch.logsumexp(log_p, dim=0) - math.log(len(outputs))
    weight = (rebalance * log_mean.detach()).exp()
    count = positive.sum(dim=0)
    among_positive = (log_p * positive).sum(dim=0) / count.clamp_min(1)
    return torch.where(count > 0, weight * log_mean - among_positive, 0.0)
