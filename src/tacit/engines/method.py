"""What every engine promises to the training loop, and what a step brings it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from torch import Generator, Tensor, nn

from tacit.data.batch import Batch, View
from tacit.data.task import Task
from tacit.labels.base import EvidenceModel, Labels
from tacit.modalities.base import Prepared

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Needs:
    """Names of the views a method reads of each stream: "clean", "weak", "strong", with a number to repeat."""

    labelled: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    geometry: str | None = None


class Step:
    """One batch of each stream.

    ``labelled`` and ``unlabelled``: views by name; the indices are positions in the records of the run;
    ``evidence`` speaks of the labelled batch; ``progress`` runs from 0 to 1. A plain class and no dataclass,
    because Fabric walks through dataclasses to convert their tensors.
    """

    def __init__(
        self,
        labelled: Mapping[str, View],
        unlabelled: Mapping[str, View],
        labelled_index: Tensor,
        unlabelled_index: Tensor,
        evidence: EvidenceModel | None,
        progress: float,
        generator: Generator,
    ) -> None:
        self.labelled = labelled
        self.unlabelled = unlabelled
        self.labelled_index = labelled_index
        self.unlabelled_index = unlabelled_index
        self.evidence = evidence
        self.progress = progress
        self.generator = generator


class PoolLike(Protocol):
    """All records of a run by position; ``derived`` keeps label-free results for all folds."""

    derived: dict[str, Any]

    def __len__(self) -> int: ...

    def batch(self, index: Tensor) -> Batch:
        """The batch of the records at ``index``."""


Through = Callable[[str, int, int], None]


def unheard(what: str, done: int, total: int) -> None:
    """Nobody asks how far work has come."""


@dataclass(frozen=True)
class Start:
    """What a method may look at once before its first step.

    ``evidence``: the labels with what was estimated of them beforehand. ``through``: called with what takes long, how
    many parts of it are done, and of how many; it may raise to stop.
    """

    pool: PoolLike
    prepared: Prepared
    evidence: EvidenceModel
    through: Through = unheard

    @property
    def labels(self) -> Labels:
        """The evidence as it was given."""
        return self.evidence.labels


@dataclass(frozen=True)
class Context:
    """What a method is built from: the fitted modality, the task, and counts that need no label of its own.

    ``options`` are a user's or a claim's settings, by name.
    """

    prepared: Prepared
    task: Task
    records: int
    labelled: int
    options: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    pretrained: bool = True

    def encoder(self) -> nn.Module:
        """A new encoder; without pretrained weights where they will be overwritten anyway."""
        return self.prepared.encoder(self.pretrained)

    def option(self, name: str, default: float) -> float:
        """A number among the options, or its default."""
        return float(self.options.get(name, default))


class PerRecord(nn.Module):
    """State of every record, in ``state_dict``: ``values`` is (records, ...)."""

    values: Tensor

    def __init__(self, records: int, *shape: int, fill: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("values", torch.full((records, *shape), fill))

    def write(self, index: Tensor, values: Tensor) -> None:
        """Overwrite the state of the records at ``index``."""
        self.values[index] = values.to(self.values)

    def forward(self, index: Tensor) -> Tensor:
        return self.values[index]


class Method(nn.Module):
    """A loss on views, with all its state in parameters, buffers and `PerRecord` memory."""

    needs: Needs
    family: ClassVar[str]
    evidence: EvidenceModel | None
    """The labels with whatever is learned of them along the way; the loop sets it for the stage that it trains."""

    def __init__(self) -> None:
        super().__init__()
        # not a default of the class, which would be found before the module that takes its place
        self.evidence = None

    @property
    def naive(self) -> bool:
        """Whether evidence is taken without a model of it, so that nothing estimated of it has to be refitted."""
        return False

    def loss(self, step: Step) -> Losses:
        """Named terms; the loop sums and logs them."""
        raise NotImplementedError

    def forward(self, step: Step) -> Losses:
        return self.loss(step)

    def begin(self, start: Start) -> None:
        """What is computed once from the pool and the evidence; it must end up in buffers, so that a resume has it."""

    def after_step(self, step: Step) -> None:
        """Averages, queues, thresholds: whatever moves once the weights have moved."""

    def predictor(self) -> nn.Module:
        """A module from a clean `Batch` to the task's outputs (B, outputs), or to `Features` where label-free."""
        raise NotImplementedError

    def encoder(self) -> nn.Module:
        """The encoder that a next stage starts from."""
        raise NotImplementedError


def evidence_loss(evidence: EvidenceModel, task: Task, outputs: Tensor) -> Tensor:
    """Negative mean log-likelihood of the evidence under the network's outputs; 0 where there is none."""
    log_likelihood = evidence.log_likelihood(task.prediction(outputs))
    return -log_likelihood.mean() if len(log_likelihood) else outputs.sum() * 0.0


def batches(views: Mapping[str, View], names: tuple[str, ...]) -> list[Batch]:
    """The batches of the named views, in order."""
    return [views[name].batch for name in names]
