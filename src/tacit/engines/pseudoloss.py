"""Pseudo-loss selection: labels that are believed wrong become guesses, which weigh as much as they are trusted.

Which labels are believed wrong is a detector's word, renewed every epoch: by a record's loss, or by a hyperplane
between foreign records and the others in features that were learned without labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import log_softmax, softmax

from tacit.data.batch import Batch, Features
from tacit.data.task import Classes, Task
from tacit.engines.method import Losses, PerRecord, Start, Step
from tacit.engines.objective import known_shares
from tacit.engines.supervised import Supervised
from tacit.nets.network import concatenated, padded

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Detector = Literal["loss", "linear"]
UNSEEN = -1.0
"""Stands for what has not been read yet: losses and shares are never below 0."""


class PseudoLossSelection(Supervised):
    """Trains on given labels where they are believed, elsewhere on guesses.

    Albert et al. 2023 (PLS). A guess is the mean of the network's beliefs about two weak views to the power
    ``sharpness``, renormalised; it is the target of the strong view. It weighs the probability that its pseudo-loss,
    the cross-entropy of the last guess and the present belief, is of the lower of two normal modes. To that comes
    KL(uniform, mean belief of the batch).

    ``detectors`` take turns, an epoch each, or are drawn at random where ``shuffled``; until ``warm_up`` of the steps
    every label is believed. ``capped``: losses count up to that of knowing nothing, as `high_loss` says. ``records``
    are those of the pool, of which ``labelled`` are spoken of.
    """

    visited: Tensor
    epoch: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        records: int,
        labelled: int,
        detectors: Sequence[Detector] = ("linear", "loss"),
        shuffled: bool = False,
        sharpness: float = 2.0,
        threshold: float = 0.95,
        capped: bool = True,
        warm_up: float = 0.1,
        decay: float = 0.99,
    ) -> None:
        super().__init__(encoder, task, ("weak", "weak2", "strong"), decay)
        if not isinstance(task, Classes):
            raise TypeError("pseudo-loss selection is for one class a record")
        self.features = PerRecord(records, cast(int, encoder.width))
        self.losses = PerRecord(records, fill=UNSEEN)
        self.guesses = PerRecord(records, task.outputs, fill=UNSEEN)
        self.pseudo_losses = PerRecord(records, fill=UNSEEN)
        self.disbelieved = PerRecord(records)
        self.weights = PerRecord(records, fill=1.0)
        self.register_buffer("visited", torch.zeros((), dtype=torch.int64))
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))
        self.labelled, self.detectors, self.shuffled = labelled, tuple(detectors), shuffled
        self.sharpness, self.threshold, self.warm_up = sharpness, threshold, warm_up
        self.most = float(np.log(task.outputs)) if capped else np.inf

    @property
    def naive(self) -> bool:
        """Always."""
        return True

    def begin(self, start: Start) -> None:
        """Read the features of the pool before any label has changed the encoder."""
        if "linear" not in self.detectors:
            return
        encoder, device = self.network.encoder, self.features.values.device
        was_training = encoder.training
        encoder.eval()
        with torch.no_grad():
            for part in torch.split(torch.arange(len(start.pool)), 512):
                read = encoder(start.prepared.clean(start.pool.batch(part).to(device)))
                self.features.write(part, cast(Features, read).pooled)
        encoder.train(was_training)

    def loss(self, step: Step) -> Losses:
        first, second, strong = (step.labelled[name].batch for name in self.needs.labelled)
        known, given = known_shares(step, self.weights.values)
        if len(known) == 0:
            return {"classes": self.network(first).sum() * 0.0}
        index = step.labelled_index.to(known.device)[known]
        guess = self._look(first.take(known), second.take(known), given, index)
        doubted = self.disbelieved(index) > 0
        weight = self.weights(index)
        target = torch.where(doubted[:, None], guess, given)
        log_p = log_softmax(self.network(chosen(doubted, strong.take(known), first.take(known))).float(), dim=1)
        classes = -(weight * (target * log_p).sum(dim=1)).sum() / weight.sum().clamp_min(1e-6)
        mean = log_p.logsumexp(dim=0) - float(np.log(len(log_p)))
        return {"classes": classes, "balance": -mean.mean() - float(np.log(log_p.shape[1]))}

    def after_step(self, step: Step) -> None:
        """An epoch ends once as many records were visited as have labels."""
        super().after_step(step)
        self.visited += len(step.labelled_index)
        if int(self.visited) >= self.labelled:
            self.visited -= self.labelled
            if step.progress >= self.warm_up:
                self._detect(step)
                self.epoch += 1

    @torch.no_grad()
    def _look(self, first: Batch, second: Batch, given: Tensor, index: Tensor) -> Tensor:
        """(K, C) guesses; what labels and last guesses cost is written down."""
        p = sum(softmax(outputs.float(), dim=1) / 2 for outputs in concatenated(self.network, [first, second]))
        assert isinstance(p, Tensor)
        log_p = p.clamp_min(1e-8).log()
        last = self.guesses(index)
        last = torch.where(last == UNSEEN, given, last)
        self.losses.write(index, -(given * log_p).sum(dim=1))
        self.pseudo_losses.write(index, -(last * log_p).sum(dim=1))
        guess = softmax(self.sharpness * log_p, dim=1)
        self.guesses.write(index, guess)
        return guess

    def _detect(self, step: Step) -> None:
        """Say anew which labels are believed, and how much the guesses of the others weigh."""
        turn = int(self.epoch) % len(self.detectors)
        if self.shuffled:
            device = step.generator.device
            turn = int(torch.randint(len(self.detectors), (), generator=step.generator, device=device))
        losses = self.losses.values.double().cpu().numpy()
        seen = np.flatnonzero(losses != UNSEEN)
        wrong = high_loss(losses[seen], self.most, self.threshold)
        if self.detectors[turn] == "linear":
            wrong = foreign(self.features.values[seen].cpu().numpy(), wrong) > 0.5
        doubted = seen[wrong]
        trust = 1 - upper_mode(self.pseudo_losses.values[doubted].double().cpu().numpy())
        self.disbelieved.values.zero_()
        self.weights.values.fill_(1.0)
        self.disbelieved.write(torch.from_numpy(doubted), torch.ones(len(doubted)))
        self.weights.write(torch.from_numpy(doubted), torch.from_numpy(trust))


def high_loss(losses: Floats, most: float, threshold: float = 0.95) -> Flags:
    """(n,) whether ``losses`` (n,) are of the upper mode with a probability above ``threshold``.

    What costs more counts as ``most``, which is best what knowing nothing costs: else labels that the network is sure
    to be wrong are a mode of their own, and foreign records, of which it is less sure, pass for clean.
    """
    return upper_mode(np.minimum(losses, most)) > threshold


def upper_mode(values: Floats) -> Floats:
    """(n,) probabilities that each of ``values`` (n,) is of the upper of two normal modes; 0 where there are no two.

    Fitted to values that are rescaled to [0, 1], with a variance of at least 5e-4, as in the reference code.
    """
    spread = float(np.ptp(values)) if len(values) else 0.0
    if len(values) < 3 or spread == 0:
        return np.zeros(len(values))
    from sklearn.mixture import GaussianMixture

    x = ((values - values.min()) / spread)[:, None]
    mixture = GaussianMixture(2, tol=1e-2, max_iter=100, reg_covar=5e-4, random_state=0).fit(x)
    return np.asarray(mixture.predict_proba(x)[:, int(mixture.means_[:, 0].argmax())])


def foreign(features: NDArray[np.float32], wrong: Flags) -> Floats:
    """(n,) probabilities of being foreign: logistic regression on ``features`` (n, D), taught by a first detection.

    ``wrong``: (n,) what that found. Both sides weigh the same. Where it found none or all, it stands as it is.
    """
    if wrong.all() or not wrong.any():
        return wrong.astype(np.float64)
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    x = StandardScaler().fit_transform(features.astype(np.float64))
    plane = LogisticRegression(class_weight="balanced", max_iter=1000).fit(x, wrong)
    return np.asarray(plane.predict_proba(x)[:, 1])


def chosen(where: Tensor, first: Batch, second: Batch) -> Batch:
    """The samples of ``first`` ``where`` (B,) is True, elsewhere those of ``second``."""
    a, b = padded([first, second])
    keep = {name: where.reshape(-1, *[1] * (tensor.ndim - 1)) for name, tensor in a.tensors.items()}
    return a.replace(**{name: torch.where(keep[name], a[name], b[name]) for name in a.tensors})
