"""Objectives for positive and unlabelled records."""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.data.task import Classes, MultiLabel, Task
from tacit.engines.method import Step
from tacit.engines.objective import Likelihood, Objective
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
