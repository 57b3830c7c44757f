"""Lists of the classes that a record may be of."""

from __future__ import annotations

from tacit.labels.candidates import Candidates
from tacit.labels.formats.candidate_lists import ClassLists


class CandidateLists(ClassLists):
    """``{"id": ..., "candidates": [...]}``, or ``id,candidates`` with ``a|b``."""

    name = "candidates"
    title = "lists of candidates"
    kind = "candidates"
    fields = ("candidates",)

    @property
    def evidence(self) -> type[Candidates]:
        return Candidates
