"""What votes add up to, by the votes alone."""

from __future__ import annotations

from tacit.labels.aggregation.dependence import Agreement, agreement, shared_weight
from tacit.labels.aggregation.methods import Aggregate, aggregate, dawid_skene, majority, one_coin

__all__ = ["Aggregate", "Agreement", "aggregate", "agreement", "dawid_skene", "majority", "one_coin", "shared_weight"]
