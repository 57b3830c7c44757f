"""What is known: one file per kind of evidence."""

from __future__ import annotations

from tacit.labels.base import EvidenceModel, Labels, Units
from tacit.labels.exact import Exact
from tacit.labels.values import Values

__all__ = ["EvidenceModel", "Exact", "Labels", "Units", "Values"]
