"""A second look at pretraining on pseudo-labels, which did not reproduce: host and system train longer."""

from __future__ import annotations

from tacit.claims.base import longer
from tacit.claims.pseudo_label_pretraining import CLAIM as FIRST

CLAIM = longer(FIRST, 250)
