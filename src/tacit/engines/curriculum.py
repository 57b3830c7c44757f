"""From learning features to learning the classifier: a contrastive loss that gives way to cross-entropy."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from tacit.data.batch import Batch
from tacit.data.task import Task
from tacit.engines.contrast import sup_con
from tacit.engines.method import Losses, Step, batches
from tacit.engines.objective import Objective, known_shares
from tacit.engines.supervised import Supervised
from tacit.nets.network import Projector, padded


class ContrastToClasses(Supervised):
    """w(t) times a supervised contrastive loss of projected features, 1 - w(t) times the loss of the outputs.

    w(t) = 1 - t ** ``power``, t the progress of the stage from 0 to 1. All views of a batch are contrasted together.
    """

    family: ClassVar[str] = "contrast"

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        views: tuple[str, ...],
        temperature: float = 0.1,
        power: float = 1.0,
        dimensions: int = 64,
        objective: Objective | None = None,
    ) -> None:
        super().__init__(encoder, task, views, objective=objective)
        self.projector = Projector(cast(int, encoder.width), dimensions)
        self.temperature = temperature
        self.power = power

    def loss(self, step: Step) -> Losses:
        views = batches(step.labelled, tuple(step.labelled))
        features = self.network.features(Batch.concatenate(padded(views))).pooled
        outputs = torch.chunk(cast(Tensor, self.network.head(features)), len(views))
        weight = 1 - step.progress**self.power
        classes = torch.stack([self.objective(step, part) for part in outputs]).mean()
        return {
            "contrast": weight * self._contrast(step, self.projector(features), len(views)),
            "supervised": (1 - weight) * classes,
        }

    def _contrast(self, step: Step, projected: Tensor, views: int) -> Tensor:
        """``projected``: (views * B, D), one view of the batch after the other."""
        known, q = known_shares(step, projected.float())
        z = projected.float().reshape(views, -1, projected.shape[1])[:, known].flatten(0, 1)
        return sup_con(normalize(z, dim=1), q.repeat(views, 1), self.temperature)
