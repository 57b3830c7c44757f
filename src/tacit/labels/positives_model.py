"""The class prior of `Positives` as the training loop calls it: given, or estimated from predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tacit.data.prediction import Prediction
from tacit.labels.base import Labels
from tacit.labels.class_prior import Share, positive_share
from tacit.labels.local import LearnedModel, categorical
from tacit.labels.positives import Positives

START = 0.9
"""The propensity before the first fit: almost that unlabelled is negative, whose scores are in the right order."""


class Prior(nn.Module):
    """(K,) the share of positives, and its interval (NaN where it was given)."""

    value: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, labels: Positives) -> None:
        super().__init__()
        start = np.clip(labels.share / START, 1e-3, 1.0) if labels.prior is None else labels.prior
        self.register_buffer("value", torch.tensor(start, dtype=torch.float64))
        for end in ("low", "high"):
            self.register_buffer(end, torch.full((len(start),), torch.nan, dtype=torch.float64))

    def set(self, label: int, share: Share) -> None:
        """Take what was estimated for a label."""
        self.value[label], self.low[label], self.high[label] = share


class PositivesModel(LearnedModel):
    """`Positives` with the class prior that is estimated along the way."""

    labels: Positives

    def __init__(self, labels: Positives, prior: Prior) -> None:
        super().__init__(labels)
        self.prior = prior

    def emission(self) -> Tensor:
        return self.labels.emission_at(self.prior.value)

    @property
    def refits(self) -> bool:
        return self.labels.prior is None

    def fit(self, prediction: Prediction) -> None:
        """Estimate every prior that is not given (`positive_share`), from predictions made out of sample.

        The bootstrap of the interval draws from a seed of its own, so that the same predictions give the same one.
        Labels without both labelled and unlabelled records keep the prior they have.
        """
        labels = self.labels
        if labels.prior is not None:
            return
        log_p = categorical(prediction).log_p.detach().cpu().double().clamp_min(-1e30)
        score = (log_p[:, 1] - log_p[:, 0]).numpy().reshape(len(labels), -1)
        state = labels.state.reshape(len(labels), -1)
        for k, share in enumerate(labels.share):
            labelled, unlabelled = (score[state[:, k] == s, k] for s in (1, 0))
            if len(labelled) and len(unlabelled):
                found = positive_share(labelled, unlabelled, np.random.default_rng(k))
                least = 0.5 / len(unlabelled)  # fewer than one positive would be a contradiction waiting to happen
                self.prior.set(k, Share(*(share + (1 - share) * max(x, least) for x in found)))

    def findings(self, posterior: Prediction) -> list[dict[str, Any]]:
        """The class prior of each label with its interval, None where it was given."""
        prior, labels = self.prior, self.labels
        ends = zip(prior.value.tolist(), prior.low.tolist(), prior.high.tolist(), strict=True)
        lines = [
            {"label": name, "share": float(share), "prior": v, "low": _known(low), "high": _known(high)}
            for name, share, (v, low, high) in zip(labels.present, labels.share, ends, strict=True)
        ]
        return [{"about": "prior", "labels": lines}]

    def fitted(self) -> Positives:
        """The labels with the prior as it stands, fixed."""
        return self.labels.with_prior(self.prior.value.cpu().numpy())

    def on(self, labels: Labels) -> PositivesModel:
        assert isinstance(labels, Positives)
        return PositivesModel(labels, self.prior)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
