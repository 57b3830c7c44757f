"""Sources whose errors are learned along the way: the network's prediction is each record's prior."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tacit.data.prediction import Prediction
from tacit.labels.aggregation.em import Believed, fit, normalised
from tacit.labels.aggregation.methods import ITERATIONS, aggregate
from tacit.labels.aggregation.regularised import Regularised
from tacit.labels.base import Labels
from tacit.labels.coupled import NEVER
from tacit.labels.local import LearnedModel, categorical
from tacit.labels.votes import Votes


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
        found = fit(self.labels.tally(), Regularised(), weight, ITERATIONS, Believed(log_prior, start))
        self.sources.confusion.copy_(torch.from_numpy(found.confusion))

    def fitted(self) -> Votes:
        """The votes with the confusions as they stand, fixed."""
        return self.labels.fixed(self.sources.confusion.cpu().numpy(), self.sources.weight.cpu().numpy())

    def on(self, labels: Labels) -> VotesModel:
        assert isinstance(labels, Votes)
        return VotesModel(labels, self.sources)
