"""Claims: what a system is said to be good for, measured against its host on real data (`tacit claims run`).

Each module defines ``CLAIM``; they are found by listing this package.
"""

from __future__ import annotations

from tacit.claims.base import Claim, list_claims
from tacit.claims.runner import run_claim
from tacit.claims.table import claims_table

__all__ = ["Claim", "claims_table", "list_claims", "run_claim"]
