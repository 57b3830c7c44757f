"""Supervised training on the evidence alone: loss, mixing of samples, weight averaging."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from tacit.data.task import Task
from tacit.engines.method import Losses, Method, Needs, Step
from tacit.engines.objective import Likelihood, Objective
from tacit.nets.ema import EMA
from tacit.nets.network import Network


class Supervised(Method):
    """Fits the evidence on views of the records that it speaks of.

    ``views``: "clean" (no augmentation), "weak", "strong"; several train on all of them. ``objective``: what the
    outputs of a view are worth, by default the evidence's likelihood.
    """

    family: ClassVar[str] = "supervised"

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        views: tuple[str, ...] = ("weak",),
        decay: float = 0.99,
        objective: Objective | None = None,
    ) -> None:
        super().__init__()
        self.needs = Needs(labelled=views)
        self.task = task
        self.network = Network(encoder, task.outputs)
        self.average = EMA(self.network, decay)
        self.objective = Likelihood(task) if objective is None else objective

    @property
    def naive(self) -> bool:
        """As the objective takes it."""
        return self.objective.naive

    def loss(self, step: Step) -> Losses:
        if step.evidence is None:
            raise ValueError("supervised training needs evidence")
        terms = [self.objective(step, self.network(view.batch)) for view in step.labelled.values()]
        return {"supervised": sum(terms[1:], terms[0]) / len(terms)}

    def after_step(self, step: Step) -> None:
        self.average.update(self.network)

    def predictor(self) -> nn.Module:
        return self.average.network

    def encoder(self) -> nn.Module:
        network = self.average.network
        assert isinstance(network, Network)
        return network.encoder
