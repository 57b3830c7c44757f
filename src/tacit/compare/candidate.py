"""Anything that can be compared, and what it leaves behind: a predictor that saves and loads without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from tacit.data.prediction import Prediction
from tacit.data.records import Records
from tacit.data.task import Task
from tacit.engines.settings import Settings
from tacit.labels.base import Labels
from tacit.modalities.base import Prepared
from tacit.train.watch import Deadline

Shared = Any
"""What ``prepare`` made without labels, once for all folds; only the candidate itself reads it."""


@dataclass(frozen=True)
class StagePlan:
    """Steps and settings of one stage of one fit; ``seconds`` is what they are expected to take, 0 unknown."""

    name: str
    steps: int
    settings: Settings
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "steps": self.steps,
            "seconds": round(self.seconds, 2),
            "settings": self.settings.to_json(),
        }

    @staticmethod
    def from_json(state: dict[str, Any]) -> StagePlan:
        """The inverse of `to_json`."""
        settings = Settings(**state["settings"])
        return StagePlan(state["name"], int(state["steps"]), settings, float(state.get("seconds", 0.0)))


@dataclass
class FitPlan:
    """One fit: its stages, where checkpoints go, and how long it may take at most.

    ``curve`` and ``cuts`` are filled by the fit: learning curve points, and stages that a deadline ended early.
    """

    stages: Sequence[StagePlan] = ()
    folder: Path | None = None
    deadline: Deadline | None = None
    name: str = ""
    curve: list[tuple[int, str, float]] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)


class Predictor(Protocol):
    """A fitted candidate: records in, `Prediction` out."""

    kind: ClassVar[str]

    def __call__(self, records: Records) -> Prediction: ...

    def save(self, folder: Path) -> None:
        """Write JSON and tensors into an existing folder."""

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        """The inverse of `save`."""


class Candidate(Protocol):
    """A way to turn records and evidence into a predictor."""

    @property
    def name(self) -> str:
        """What users type."""

    @property
    def title(self) -> str:
        """What people read."""

    @property
    def family(self) -> str:
        """The method family, as the prior knows it."""

    @property
    def baseline(self) -> bool:
        """Whether it is one of the honest baselines that systems have to beat."""

    @property
    def naive(self) -> bool:
        """Whether it is told what is naively made of the evidence (`Labels.naive`), because it reads no other."""

    @property
    def saves(self) -> bool:
        """Whether its predictors can be saved; others are compared and never deployed into a run folder."""

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> Shared:
        """Label-free work, done once for all folds."""

    def fit(
        self, records: Records, labels: Labels, shared: Shared, plan: FitPlan, rng: np.random.Generator
    ) -> Predictor:
        """A predictor from all records and whatever evidence ``labels`` holds."""
