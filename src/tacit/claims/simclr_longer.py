"""A second look at SimCLR, which did not reproduce: host and system train longer."""

from __future__ import annotations

from tacit.claims.base import longer
from tacit.claims.simclr import CLAIM as FIRST

CLAIM = longer(FIRST, 1280)
