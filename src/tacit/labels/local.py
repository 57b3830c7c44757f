"""Evidence whose every unit speaks of one site of classes: at heart the probability of what was seen, by truth."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tacit.data.prediction import Categorical, Prediction
from tacit.data.task import Classes, Masks, MultiLabel
from tacit.labels.base import EvidenceModel, Labels, Units, posterior_by_gradient


class Local(Labels):
    """One unit per observed site. A subclass writes ``observed`` and ``emission``; the likelihood follows.

    With emission ``e``, the likelihood of a unit is sum_c p[c] exp(e[c]). Emissions of several sources on one site
    add (`Labels.combine`).
    """

    task: Classes | MultiLabel | Masks

    @abstractmethod
    def observed(self) -> NDArray[np.int64]:
        """(units,) the sites that are spoken of, ascending."""

    @abstractmethod
    def emission(self) -> Tensor:
        """(units, C) float64: log-probability of what was observed at each of ``observed()``, for each truth."""

    @property
    def outcomes(self) -> int:
        """C, the classes that a site can be of."""
        return 2 if isinstance(self.task, MultiLabel) else self.task.outputs

    def units(self) -> Units:
        return Units.single(self.observed())

    def log_emission(self) -> Tensor:
        """(sites, C) float64: the emission of every site; 0 where nothing was observed."""
        return spread(self.emission(), self.observed(), len(self) * self.task.sites_per_record)

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        return weighed(self.emission(), self.observed(), prediction)

    def model(self) -> LocalModel:
        return LocalModel(self)


class LocalModel(EvidenceModel):
    """Local evidence as the training loop calls it."""

    labels: Local

    def __init__(self, labels: Local) -> None:
        super().__init__(labels)

    def emission(self) -> Tensor:
        """(units, C), as `Local.emission`, with the learned parameters."""
        return self.labels.emission()

    def log_emission(self) -> Tensor:
        """(sites, C), as `Local.log_emission`, with the learned parameters."""
        labels = self.labels
        return spread(self.emission(), labels.observed(), len(labels) * labels.task.sites_per_record)

    def on(self, labels: Labels) -> LocalModel:
        assert isinstance(labels, Local)
        return LocalModel(labels)


class LearnedModel(LocalModel):
    """Local evidence with learned parameters, of which a subclass writes ``emission``; all else follows from it."""

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        return weighed(self.emission(), self.labels.observed(), prediction)

    def posterior(self, prediction: Prediction) -> Prediction:
        known = partial(weighed, self.emission().detach(), self.labels.observed())
        return posterior_by_gradient(known, self.labels.units(), prediction)


def spread(emission: Tensor, observed: NDArray[np.int64], sites: int) -> Tensor:
    """(sites, C) from the rows of the observed sites; 0 elsewhere."""
    everywhere = emission.new_zeros(sites, emission.shape[1])
    return everywhere.index_copy(0, torch.from_numpy(observed).to(emission.device), emission)


def weighed(emission: Tensor, observed: NDArray[np.int64], prediction: Prediction) -> Tensor:
    """(units,) log of sum_c p[c] exp(emission[c]) at the observed sites."""
    log_p = categorical(prediction).log_p
    return torch.logsumexp(log_p[torch.from_numpy(observed).to(log_p.device)] + emission.to(log_p), dim=1)


def categorical(prediction: Prediction) -> Categorical:
    """The prediction, which has to be of classes."""
    if not isinstance(prediction, Categorical):
        raise TypeError("this evidence speaks of classes; the prediction is of numbers")
    return prediction
