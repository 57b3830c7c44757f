"""Objectives for candidate labels: which of a record's candidates is the truth is found out along the way."""

from __future__ import annotations

import torch
from torch import Tensor

from tacit.data.task import Task
from tacit.engines.method import PerRecord
from tacit.engines.objective import OnShares


class Progressive(OnShares):
    """Weighted cross-entropy whose weights follow the network (Lv et al. 2020, PRODEN, equations 6 and 8).

    A record starts from equal weights of its candidates; every pass over it leaves the network's belief among the
    candidates as the weights of the next pass. Shares that are not equal are kept as a factor: weights are q p,
    rescaled, the E-step of EM. ``records``: how many there are in the run.
    """

    def __init__(self, task: Task, records: int) -> None:
        super().__init__(task)
        self.weights = PerRecord(records, task.outputs)

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        held = self.weights(index)
        started = held.sum(dim=1, keepdim=True) > 0
        weights = torch.where(started, held, q)
        self.weights.write(index, torch.softmax(log_p.detach() + q.log(), dim=1))
        return -(weights * log_p).sum(dim=1)
