"""The noise transition as it is learned: estimated from predictions, or trained with the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from tacit.data.prediction import Prediction
from tacit.labels.base import Labels
from tacit.labels.local import LearnedModel, categorical
from tacit.labels.noisy import Estimator, Noisy
from tacit.labels.transitions import (
    MOSTLY,
    PSEUDO,
    Floats,
    Ints,
    anchor_transition,
    confident_transition,
    even_errors,
    likeliest_transition,
    pooled_transition,
)

RIGHT = 0.9
"""How often a learned transition starts out to be right."""

SLACK = 1e-3
"""The part of every row of an estimate that is spread evenly, so that what was never counted stays possible."""


class Channel(nn.Module):
    """How a true class becomes a given one."""

    def log_transition(self) -> Tensor:
        """(C, C) float64 log T[true, given]."""
        raise NotImplementedError

    def doubt(self) -> None:
        """As `EvidenceModel.doubt`."""

    def fit(self, p: Floats, observed: Ints, y: Ints) -> None:
        """Refit to the probabilities of all sites (n, C) and the classes given to the ``observed`` ones."""


class FixedChannel(Channel):
    """A transition that stays as it is."""

    transition: Tensor

    def __init__(self, transition: Floats) -> None:
        super().__init__()
        self.register_buffer("transition", torch.from_numpy(transition.copy()))

    def log_transition(self) -> Tensor:
        return self.transition.log()


class EstimatedChannel(FixedChannel):
    """A transition by the estimator of that name.

    Before, labels are taken at their word, so that the first network learns to predict the noisy labels, which two of
    the estimators ask for. The pooled one asks for predictions of the truth, so it begins with some ``doubt``.
    """

    def __init__(self, classes: int, estimator: Estimator) -> None:
        super().__init__(_slackened(np.eye(classes)))
        self.estimator = estimator

    def doubt(self) -> None:
        if self.estimator == "pooled":
            classes = len(self.transition)
            self.transition.copy_(torch.from_numpy(_slackened(even_errors(MOSTLY, classes))))

    def fit(self, p: Floats, observed: Ints, y: Ints) -> None:
        match self.estimator:
            case "anchors":
                found = anchor_transition(p)
            case "pooled":
                found = pooled_transition(p[observed], y)
            case "confident":
                found = confident_transition(p[observed], y)
        self.transition.copy_(torch.from_numpy(_slackened(found)))


class LearnedChannel(Channel):
    """A trainable transition whose diagonal is the largest of each row: T is I + sigmoid(w) off it, rows rescaled.

    The form is that of Li et al. 2021. Their regulariser log det T, like the trace of Tanno et al. 2019, would pull
    T towards the noisiest that explains the labels, against a network that takes the noise up itself; here the
    start and dominance stand alone.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_weights(even_errors(RIGHT, classes)))

    def log_transition(self) -> Tensor:
        diagonal = torch.eye(len(self.weight), dtype=torch.bool, device=self.weight.device)
        return torch.log_softmax(logsigmoid(self.weight).masked_fill(diagonal, 0.0), dim=1)

    def fit(self, p: Floats, observed: Ints, y: Ints) -> None:
        """By expectation-maximisation from where it is, for probabilities of the true class."""
        start = self.log_transition().detach().exp().cpu().numpy()
        with torch.no_grad():
            self.weight.copy_(_weights(likeliest_transition(p[observed], y, start, pseudo=PSEUDO)))


class NoisyModel(LearnedModel):
    """`Noisy` labels with the transition that is learned along the way."""

    labels: Noisy

    def __init__(self, labels: Noisy, channel: Channel) -> None:
        super().__init__(labels)
        self.channel = channel

    def emission(self) -> Tensor:
        y = torch.from_numpy(self.labels.y[self.labels.observed()])
        log_transition = self.channel.log_transition()
        return log_transition.T[y.to(log_transition.device)]

    @property
    def refits(self) -> bool:
        return self.labels.transition is None

    def doubt(self) -> None:
        self.channel.doubt()

    def fit(self, prediction: Prediction) -> None:
        """Refit the transition to predictions of all records, made by networks that did not train on them.

        A given transition stays, and so does any where no record has a label.
        """
        observed = self.labels.observed()
        if len(observed):
            p = categorical(prediction).p.detach().cpu().double().numpy()
            self.channel.fit(p, observed, self.labels.y[observed])

    def findings(self, posterior: Prediction) -> list[dict[str, Any]]:
        """The noise transition, and which part of the labels it leaves right."""
        transition = self.channel.log_transition().detach().exp().cpu().double().numpy()
        p = categorical(posterior).p.detach().cpu().double().numpy()[self.labels.observed()]
        shares = p.mean(axis=0) if len(p) else np.full(len(transition), 1 / len(transition))
        right = float(shares @ np.diag(transition))
        return [{"about": "transition", "transition": transition.tolist(), "right": right}]

    def fitted(self) -> Noisy:
        """The labels with the transition as it stands, fixed."""
        transition = self.channel.log_transition().detach().exp().cpu().numpy()
        return Noisy(self.labels.y, transition, self.labels.task.names)

    def on(self, labels: Labels) -> NoisyModel:
        assert isinstance(labels, Noisy)
        return NoisyModel(labels, self.channel)


def channel_of(labels: Noisy) -> Channel:
    """A fresh channel of the kind that the labels ask for."""
    if labels.transition is not None:
        return FixedChannel(labels.transition)
    if labels.how == "learn":
        return LearnedChannel(labels.task.outputs)
    return EstimatedChannel(labels.task.outputs, labels.estimator)


def _slackened(transition: Floats) -> Floats:
    return np.asarray((1 - SLACK) * transition + SLACK / len(transition))


def _weights(transition: Floats) -> Tensor:
    """(C, C) w with sigmoid(w) = T_ij / T_ii, as near as a dominant diagonal allows."""
    ratio = torch.from_numpy(transition / np.maximum(np.diag(transition)[:, None], 1e-12))
    return torch.logit(ratio.clamp(1e-6, 1 - 1e-6))
