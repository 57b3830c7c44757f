"""Lists of the classes that a record is not of."""

from __future__ import annotations

from tacit.labels.complementary import Complementary
from tacit.labels.formats.candidate_lists import ClassLists


class ExcludedLists(ClassLists):
    """``{"id": ..., "excluded": [...]}``, or ``id,excluded`` (or ``not``) with ``a|b``."""

    name = "complementary"
    title = "lists of excluded classes"
    kind = "complementary"
    fields = ("excluded", "not")
    excludes = True

    @property
    def evidence(self) -> type[Complementary]:
        return Complementary
