"""A second look at UDA for texts, which did not reproduce: host and system train longer."""

from __future__ import annotations

from tacit.claims.base import longer
from tacit.claims.uda_text import CLAIM as FIRST

CLAIM = longer(FIRST, 120)
