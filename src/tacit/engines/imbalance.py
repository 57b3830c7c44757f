"""Objectives for long-tailed classes: the loss knows how often each class was labelled."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from tacit.data.task import Task
from tacit.engines.method import Start
from tacit.engines.objective import OnShares
from tacit.engines.supervised import Supervised
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.soft import Soft, shares_of


class Counted(OnShares):
    """A loss that reads ``counts`` (C,): how much of each class was given in training, in records."""

    counts: Tensor

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.register_buffer("counts", torch.ones(task.outputs))

    def count(self, labels: Labels) -> None:
        """Take the counts from all the evidence of the run, read naively."""
        naive = labels.naive()
        assert isinstance(naive, Exact | Soft)
        self.counts.copy_(torch.from_numpy(np.nansum(shares_of(naive), axis=0)))


class Plainly(Counted):
    """Cross-entropy as it is, for comparison."""

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        return -(q * log_p).sum(dim=1)


class LogitAdjusted(Counted):
    """Cross-entropy of logits to which ``strength`` times the log of the class shares was added.

    Menon et al. 2021, equation 10. Predictions without the addition are then Bayes-optimal for equal classes. A
    class without records counts as half a record.
    """

    def __init__(self, task: Task, strength: float = 1.0) -> None:
        super().__init__(task)
        self.strength = strength

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        counts = self.counts.clamp_min(0.5)
        log_prior = torch.log(counts / counts.sum())
        return -(q * log_softmax(log_p + self.strength * log_prior, dim=1)).sum(dim=1)


class ClassBalanced(Counted):
    """Cross-entropy weighted by the inverse effective number of records (Cui et al. 2019, equation 2).

    The weight of class c is (1 - ``beta``) / (1 - ``beta`` ** n_c), scaled so that the mean over the records is 1;
    the paper makes the weights sum to C, and its code then divides by those of the batch. ``beta`` 0 is no weight,
    ``beta`` towards 1 the inverse frequency.
    """

    def __init__(self, task: Task, beta: float = 0.9999) -> None:
        super().__init__(task)
        self.beta = beta

    def weights(self) -> Tensor:
        """(C,) weights of the classes; one that has less than a record counts as one."""
        counts = self.counts.double()
        weights = (1 - self.beta) / (1 - self.beta ** counts.clamp_min(1.0))
        return (weights * counts.sum() / (weights * counts).sum()).float()

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        return -(q * self.weights() * log_p).sum(dim=1)


class Imbalanced(Supervised):
    """Supervised training whose objective counts the classes before the first step."""

    def __init__(self, encoder: nn.Module, task: Task, objective: Counted, views: tuple[str, ...]) -> None:
        super().__init__(encoder, task, views, objective=objective)
        self.counting = objective

    def begin(self, start: Start) -> None:
        self.counting.count(start.labels)
