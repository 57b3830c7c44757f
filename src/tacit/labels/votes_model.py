"""Sources whose errors are learned along the way: the network's prediction is each record's prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tacit.data.prediction import Prediction
from tacit.labels.aggregation.accuracy import accuracy
from tacit.labels.aggregation.dependence import agreement
from tacit.labels.aggregation.em import fit, normalised
from tacit.labels.aggregation.methods import ITERATIONS, aggregate
from tacit.labels.aggregation.regularised import Regularised
from tacit.labels.base import Labels
from tacit.labels.coupled import NEVER
from tacit.labels.local import LearnedModel, categorical
from tacit.labels.votes import Votes

MOST_COMPARED = 60
"""Sources beyond which pairs of them are too many to be looked at."""


class Sources(nn.Module):
    """How each source errs: ``confusion`` (S, C, K), and ``weight`` (S,), its part of an independent source."""

    confusion: Tensor
    weight: Tensor

    def __init__(self, labels: Votes) -> None:
        super().__init__()
        found = aggregate(labels)
        assert found.confusion is not None and found.weight is not None
        self.register_buffer("confusion", torch.from_numpy(found.confusion))
        self.register_buffer("weight", torch.from_numpy(found.weight))


class VotesModel(LearnedModel):
    """`Votes` with confusions that are estimated, at first by the votes alone, then with the network's help.

    By ``fit``, the network's prediction takes the place of the class prior in expectation-maximisation (Raykar et
    al. 2010): features help to tell good sources from bad ones, and through ``posterior`` good sources teach the
    network. Confusions are regularised as in `tacit.labels.aggregation.aggregate`.
    """

    labels: Votes

    def __init__(self, labels: Votes, sources: Sources | None = None) -> None:
        super().__init__(labels)
        self.sources = Sources(labels) if sources is None else sources

    def emission(self) -> Tensor:
        confusion, weight = (t.cpu().numpy() for t in (self.sources.confusion, self.sources.weight))
        return torch.from_numpy(self.labels.tally().log_evidence(confusion, weight))

    @property
    def refits(self) -> bool:
        return True

    def fit(self, prediction: Prediction) -> None:
        """Refit the confusions to predictions of all records; without any vote they stay."""
        observed = self.labels.observed()
        if not len(observed):
            return
        log_p = categorical(prediction).log_p.detach().cpu().double().numpy()[observed]
        log_prior = np.maximum(log_p, NEVER)
        start, _ = normalised(log_prior + self.emission().numpy())
        weight = self.sources.weight.cpu().numpy()
        found = fit(self.labels.tally(), Regularised(taught=True), weight, ITERATIONS, log_prior, start)
        self.sources.confusion.copy_(torch.from_numpy(found.confusion))

    def findings(self, posterior: Prediction) -> list[dict[str, Any]]:
        """How often each source is right, how far each two agree, and what is said of each class on the whole."""
        labels, tally = self.labels, self.labels.tally()
        p = categorical(posterior).p.detach().cpu().double().numpy()[labels.observed()]
        figures = accuracy(tally, p)
        said = tally.expected(p).sum(axis=0)
        sources = [
            {"name": name, "votes": round(votes), "right": right, "low": low, "high": high}
            for name, (votes, right, low, high) in zip(labels.sources, figures.tolist(), strict=True)
            if votes
        ]
        confusion = said / np.maximum(said.sum(axis=1, keepdims=True), 1e-12)
        return [
            {"about": "sources", "sources": sources, "pairs": _pairs(labels), "confusion": confusion.tolist()},
        ]

    def fitted(self) -> Votes:
        """The votes with the confusions as they stand, fixed."""
        return self.labels.fixed(self.sources.confusion.cpu().numpy(), self.sources.weight.cpu().numpy())

    def on(self, labels: Labels) -> VotesModel:
        assert isinstance(labels, Votes)
        return VotesModel(labels, self.sources)


def _pairs(votes: Votes) -> list[dict[str, Any]]:
    """Pairs of sources that spoke of the same records, those that agree least beyond chance first."""
    if len(votes.sources) > MOST_COMPARED:
        return []
    found = agreement(votes.tally())
    first, second = np.triu_indices(len(votes.sources), 1)
    known = (found.common[first, second] > 0) & ~np.isnan(found.kappa[first, second])
    first, second = first[known], second[known]
    order = np.argsort(found.kappa[first, second], kind="stable")
    return [
        {
            "first": votes.sources[i],
            "second": votes.sources[j],
            "common": int(found.common[i, j]),
            "agreed": float(found.agreed[i, j]),
            "kappa": float(found.kappa[i, j]),
        }
        for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True)
    ]
