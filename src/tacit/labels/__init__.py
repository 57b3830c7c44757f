"""What is known: one file per kind of evidence."""

from __future__ import annotations

from tacit.labels.bags import Bags
from tacit.labels.base import EvidenceModel, Labels, Units
from tacit.labels.candidates import Candidates
from tacit.labels.complementary import Complementary
from tacit.labels.exact import Exact
from tacit.labels.intervals import Intervals
from tacit.labels.levels import Levels
from tacit.labels.means import Means
from tacit.labels.noisy import Noisy
from tacit.labels.pairs import Pairs
from tacit.labels.positives import Positives
from tacit.labels.preferences import Preferences
from tacit.labels.proportions import Proportions
from tacit.labels.soft import Soft
from tacit.labels.values import Values
from tacit.labels.voter import Voter
from tacit.labels.votes import Votes

__all__ = [
    "Bags",
    "Candidates",
    "Complementary",
    "EvidenceModel",
    "Exact",
    "Intervals",
    "Labels",
    "Levels",
    "Means",
    "Noisy",
    "Pairs",
    "Positives",
    "Preferences",
    "Proportions",
    "Soft",
    "Units",
    "Values",
    "Voter",
    "Votes",
]
