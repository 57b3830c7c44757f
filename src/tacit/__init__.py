"""tacit: train on what you know, learn from the rest, and hear honestly what the unlabelled data was worth."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tacit.errors import InputError, TacitError

if TYPE_CHECKING:
    from tacit import labels as labels
    from tacit.api import fit as fit
    from tacit.compare.model import Model as Model
    from tacit.data.read import read as read
    from tacit.data.records import Records as Records
    from tacit.estimators import TacitClassifier as TacitClassifier
    from tacit.estimators import TacitRegressor as TacitRegressor
    from tacit.labels.given import read_labels as read_labels
    from tacit.run import Run as Run

__version__ = "0.1.0"

_HOMES = {
    "Model": "tacit.compare.model",
    "Records": "tacit.data.records",
    "Run": "tacit.run",
    "TacitClassifier": "tacit.estimators",
    "TacitRegressor": "tacit.estimators",
    "fit": "tacit.api",
    "read": "tacit.data.read",
    "read_labels": "tacit.labels.given",
}

__all__ = [
    "InputError",
    "Model",
    "Records",
    "Run",
    "TacitClassifier",
    "TacitError",
    "TacitRegressor",
    "__version__",
    "fit",
    "labels",
    "read",
    "read_labels",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that ``import tacit`` stays instant."""
    if name == "labels":
        return importlib.import_module("tacit.labels")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tacit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
