"""Complementary labels: the classes that a record is not of; the likelihood is the sum of p over the others."""

from __future__ import annotations

from typing import ClassVar

from tacit.labels.candidates import Candidates
from tacit.labels.grid import by_site, sites_said


class Complementary(Candidates):
    """``mask`` (n, C): True (1) where the record is not of the class. ``classes``: the names in order.

    As `Candidates` with what is left, which is `Candidates` of the inverted mask; a record that is excluded from no
    class is not observed. Cells of None, NaN or -1 are unknown and exclude nothing. The likelihood takes an excluded
    class to say nothing beyond that; one drawn evenly among the wrong ones (Ishida et al. 2017) does so.
    """

    _key: ClassVar[str] = "excluded"
    _mark: ClassVar[bool] = False

    def describe(self) -> str:
        observed = self.observed()
        excluded = (~by_site(self.possible)[observed]).sum(axis=1)
        average = f", {excluded.mean():.3g} of {self.task.outputs} each on average" if len(excluded) else ""
        return f"excluded classes on {sites_said(observed, self.task, len(self))}{average}"
