"""What a network's outputs on spoken-of records are worth: the part of supervised training that systems replace."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from tacit.data.task import Classes, MultiLabel, Task
from tacit.engines.method import Step, evidence_loss
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.soft import Soft, shares_of


class Objective(nn.Module):
    """The loss of one view's outputs. State, such as the memory of each record, is in buffers and `PerRecord`.

    ``naive``: whether the evidence is taken without a model of it.
    """

    naive: ClassVar[bool] = False

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        """``outputs``: (B, outputs) of the network for ``step.labelled_index``; a scalar."""
        raise NotImplementedError


class Likelihood(Objective):
    """The evidence's own: the negative mean log-likelihood of what was observed."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        assert step.evidence is not None
        return evidence_loss(step.evidence, self.task, outputs)


class OnShares(Objective):
    """Reads the evidence naively, as shares of the classes. A subclass writes ``cost``."""

    naive: ClassVar[bool] = True

    def __init__(self, task: Task) -> None:
        super().__init__()
        if not isinstance(task, Classes):
            raise TypeError(f"{type(self).__name__} is for one class a record")
        self.task = task

    def cost(self, log_p: Tensor, q: Tensor, index: Tensor) -> Tensor:
        """(K,) what beliefs ``log_p`` (K, C) cost where shares ``q`` (K, C) were given to the records ``index``."""
        raise NotImplementedError

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        known, q = known_shares(step, outputs)
        if not len(known):
            return outputs.sum() * 0.0
        log_p = log_softmax(outputs.float(), dim=1)[known]
        return self.cost(log_p, q, step.labelled_index.to(outputs.device)[known]).mean()


def known_shares(step: Step, like: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (K,) in the batch that the evidence speaks of, and the shares (K, C) of the classes that it gives them.

    Read naively; on the device and in the type of ``like``.
    """
    assert step.evidence is not None
    naive = step.evidence.labels.naive()
    assert isinstance(naive, Exact | Soft)
    known = torch.from_numpy(naive.observed()).to(like.device)
    return known, torch.from_numpy(shares_of(naive).copy()).to(like)[known]


def present_or_absent(labels: Labels) -> Exact:
    """What evidence on several labels a record says, read naively, (n, K): 1 present, 0 absent, -1 unknown."""
    naive = labels.naive()
    assert isinstance(naive, Exact) and isinstance(naive.task, MultiLabel)
    return naive
