"""A second look at masked-token pretraining, which did not reproduce: host and system train longer."""

from __future__ import annotations

from tacit.claims.base import longer
from tacit.claims.masked_text import CLAIM as FIRST

CLAIM = longer(FIRST, 250)
