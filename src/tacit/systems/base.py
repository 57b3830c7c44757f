"""A published system: a few lines that set an engine's parts, found by listing this package.

Each module defines ``SYSTEM``. Its stages are trained one after another; leading stages that need no labels are
trained once for all folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tacit.engines.method import Context, Method
from tacit.engines.settings import Settings, defaults
from tacit.listing import constants

Build = Callable[[Context, Method | None], Method]


def default_settings(context: Context) -> Settings:
    """The settings of the modality, unchanged."""
    return defaults(context.prepared)


@dataclass(frozen=True)
class Stage:
    """One method and its share of the candidate's budget. ``build`` gets the method of the stage before."""

    name: str
    build: Build
    share: float = 1.0
    needs_labels: bool = True
    settings: Callable[[Context], Settings] = default_settings


@dataclass(frozen=True)
class System:
    """A recipe of stages under the name that users type.

    ``family`` names the engine, as the prior knows it; ``catalogue`` is the id in the catalogue of systems.
    ``own_pretraining``: False where the stages without labels are those of another system.
    """

    name: str
    title: str
    family: str
    stages: tuple[Stage, ...]
    modalities: tuple[str, ...] = ("image", "set", "table", "text")
    tasks: tuple[str, ...] = ("classes",)
    baseline: bool = False
    catalogue: int | None = None
    paper: str = ""
    own_pretraining: bool = True

    def suits(self, modality: str, task_kind: str) -> bool:
        """Whether the system can be run on this modality and kind of task."""
        return modality in self.modalities and task_kind in self.tasks


def systems() -> dict[str, System]:
    """Every system of the library by name."""
    return constants("tacit.systems", "SYSTEM")
