"""Self-training: a teacher's belief about one view becomes the target of another.

Teacher rule × score × selection × target × perturbation × task. FixMatch, UDA, pseudo-labelling and distillation
are settings of this engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot, softmax

from tacit.data.task import Classes, Number, Task
from tacit.engines.method import Losses, Method, Needs, PerRecord, Start, Step, batches, evidence_loss
from tacit.nets.ema import EMA
from tacit.nets.network import Network, concatenated

TeacherRule = Literal["student", "average", "frozen"]
Target = Callable[[Tensor], Tensor]


class Alignment(nn.Module):
    """Distribution alignment (Berthelot et al. 2020, ReMixMatch, section 3.1).

    Beliefs are multiplied by the ratio of the expected class shares to a running mean of the beliefs.
    ``prior``: (C,) expected shares. ``power`` below 1 aligns part of the way, for shares that are a guess.
    """

    prior: Tensor
    mean: Tensor
    weight: Tensor

    def __init__(self, prior: Tensor, momentum: float = 0.99, power: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("prior", prior.float())
        self.register_buffer("mean", torch.zeros_like(prior.float()))
        self.register_buffer("weight", torch.zeros(()))
        self.momentum = momentum
        self.power = power

    def forward(self, p: Tensor) -> Tensor:
        """(B, C) beliefs to (B, C) aligned beliefs; in training the running mean moves.

        The mean is corrected for its start at zero, so that the very first beliefs are aligned already.
        """
        if self.training:
            self.mean.lerp_(p.mean(dim=0), 1 - self.momentum)
            self.weight.lerp_(torch.ones_like(self.weight), 1 - self.momentum)
        mean = self.mean / self.weight.clamp_min(1e-6)
        aligned = p * (self.prior / mean.clamp_min(1e-6)) ** self.power
        return aligned / aligned.sum(dim=1, keepdim=True)


class Threshold(nn.Module):
    """Keeps beliefs whose largest probability reaches ``value`` (Sohn et al. 2020, FixMatch, equation 4)."""

    def __init__(self, value: float = 0.95) -> None:
        super().__init__()
        self.value = value

    def forward(self, p: Tensor) -> Tensor:
        """(B, C) beliefs to (B,) weights of 0 or 1."""
        return (p.amax(dim=1) >= self.value).float()


class AdaptiveThreshold(nn.Module):
    """One threshold a class from running means of confidence (Wang et al. 2023, FreeMatch, equations 5 to 8)."""

    overall: Tensor
    per_class: Tensor

    def __init__(self, classes: int, momentum: float = 0.99) -> None:
        super().__init__()
        self.register_buffer("overall", torch.tensor(1.0 / classes))
        self.register_buffer("per_class", torch.full((classes,), 1.0 / classes))
        self.momentum = momentum

    def forward(self, p: Tensor) -> Tensor:
        """(B, C) beliefs to (B,) weights of 0 or 1; in training the running means move."""
        confidence, winner = p.max(dim=1)
        if self.training:
            self.overall.lerp_(confidence.mean(), 1 - self.momentum)
            self.per_class.lerp_(p.mean(dim=0), 1 - self.momentum)
        thresholds = self.overall * self.per_class / self.per_class.max()
        return (confidence >= thresholds[winner]).float()


class SoftSelection(nn.Module):
    """Weights fall off as a Gaussian below the running mean confidence (Chen et al. 2023, SoftMatch, equation 7)."""

    mean: Tensor
    variance: Tensor

    def __init__(self, classes: int, momentum: float = 0.99) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(1.0 / classes))
        self.register_buffer("variance", torch.tensor(1.0))
        self.momentum = momentum

    def forward(self, p: Tensor) -> Tensor:
        """(B, C) beliefs to (B,) weights in (0, 1]; in training the running moments move."""
        confidence = p.amax(dim=1)
        if self.training:
            self.mean.lerp_(confidence.mean(), 1 - self.momentum)
            self.variance.lerp_(confidence.var(unbiased=False), 1 - self.momentum)
        below = (confidence - self.mean).clamp_max(0.0)
        return torch.exp(-(below**2) / (2 * self.variance.clamp_min(1e-8) / 4))


class Everything(nn.Module):
    """Keeps every belief with weight 1."""

    def forward(self, p: Tensor) -> Tensor:
        """(B, C) beliefs to (B,) ones."""
        return torch.ones_like(p[:, 0])


def hard(p: Tensor) -> Tensor:
    """One-hot at the largest probability, (B, C)."""
    return one_hot(p.argmax(dim=1), p.shape[1]).to(p)


def soft(p: Tensor) -> Tensor:
    """The belief itself, (B, C)."""
    return p


def sharpened(temperature: float) -> Target:
    """p^(1/T), renormalised (Berthelot et al. 2019, MixMatch, equation 7)."""

    def sharpen(p: Tensor) -> Tensor:
        return softmax(p.clamp_min(1e-12).log() / temperature, dim=1)

    return sharpen


class SignalRelease(nn.Module):
    """Training signal annealing (Xie et al. 2020, UDA, section 2.3).

    A labelled record counts while the probability of its evidence is below a threshold that rises from 1 / C
    to 1 along ``schedule``.
    """

    def __init__(self, classes: int, schedule: Literal["linear", "log", "exp"] = "linear") -> None:
        super().__init__()
        self.classes = classes
        self.schedule = schedule

    def threshold(self, progress: float) -> float:
        """The threshold at ``progress`` in [0, 1]."""
        scale = torch.tensor(5.0)
        rise = {
            "linear": torch.tensor(progress),
            "log": 1 - torch.exp(-scale * progress),
            "exp": torch.exp(scale * (progress - 1)),
        }[self.schedule]
        return float(rise) * (1 - 1 / self.classes) + 1 / self.classes

    def forward(self, log_likelihood: Tensor, progress: float) -> Tensor:
        """(units,) log-likelihoods to their mean negative, over the units still released."""
        counted = (log_likelihood.detach().exp() <= self.threshold(progress)).float()
        return -(log_likelihood * counted).sum() / counted.sum().clamp_min(1.0)


class Anchor(nn.Module):
    """A belief per record from elsewhere that the targets start from, and that fades over the first steps.

    ``source``: (start, shares) to (records, C) beliefs or None. ``until``: the progress at which it has faded.
    """

    def __init__(
        self, records: int, shares: Tensor, source: Callable[[Start, Tensor], Tensor | None], until: float = 0.3
    ) -> None:
        super().__init__()
        self.beliefs = PerRecord(records, len(shares))
        self.shares: Tensor
        self.register_buffer("shares", shares)
        self.source = source
        self.until = until

    def begin(self, start: Start) -> None:
        """Ask the source once."""
        found = self.source(start, self.shares.cpu())
        if found is not None:
            self.beliefs.values.copy_(found)

    def forward(self, belief: Tensor, index: Tensor, progress: float) -> Tensor:
        """(B, C) beliefs of the records at ``index`` blended with their anchor."""
        share = max(0.0, 1 - progress / self.until)
        if share == 0:
            return belief
        anchor = self.beliefs(index.to(self.shares.device)).to(belief)
        known = anchor.sum(dim=1, keepdim=True) > 0
        return torch.where(known, share * anchor + (1 - share) * belief, belief)


class SelfTrain(Method):
    """A teacher's aligned, selected and sharpened belief about the weak view is the target of the strong view.

    ``teacher``: "student" is the network itself, "average" its moving average, "frozen" the network given as
    ``frozen``. ``anchor``: beliefs that the targets start from. ``weight`` scales the unlabelled term. With
    ``labelled_views`` empty no evidence is read.
    """

    family: ClassVar[str] = "selftrain"

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        *,
        teacher: TeacherRule = "student",
        frozen: nn.Module | None = None,
        alignment: Alignment | None = None,
        selection: nn.Module | None = None,
        target: Target = hard,
        labelled_views: tuple[str, ...] = ("weak",),
        teacher_view: str = "weak",
        perturbations: tuple[str, ...] = ("strong",),
        release: SignalRelease | None = None,
        anchor: Anchor | None = None,
        weight: float = 1.0,
        decay: float = 0.999,
    ) -> None:
        super().__init__()
        if teacher == "frozen" and frozen is None:
            raise ValueError("a frozen teacher needs a network")
        self.needs = Needs(labelled=labelled_views, unlabelled=(teacher_view, *perturbations))
        self.task = task
        self.network = Network(encoder, task.outputs)
        self.average = EMA(self.network, decay)
        self.frozen = frozen.requires_grad_(False).eval() if frozen is not None else None
        self.teacher = teacher
        self.alignment = alignment
        self.selection = selection if selection is not None else Everything()
        self.target = target
        self.teacher_view = teacher_view
        self.perturbations = perturbations
        self.release = release
        self.anchor = anchor
        self.weight = weight

    def train(self, mode: bool = True) -> SelfTrain:
        """As usual, but a frozen teacher stays in evaluation mode."""
        super().train(mode)
        if self.frozen is not None:
            self.frozen.eval()
        return self

    def loss(self, step: Step) -> Losses:
        labelled = batches(step.labelled, self.needs.labelled)
        strong = batches(step.unlabelled, self.perturbations)
        with torch.no_grad():
            belief = self._belief(step)
            if self.anchor is not None:
                belief = self.anchor(belief, step.unlabelled_index, step.progress)
        outputs = concatenated(self.network, labelled + strong)
        terms: Losses = {}
        if labelled:
            terms["supervised"] = self._supervised(step, outputs[: len(labelled)])
        consistency = [self._consistency(belief, o) for o in outputs[len(labelled) :]]
        terms["unlabelled"] = self.weight * sum(consistency[1:], consistency[0]) / len(consistency)
        return terms

    def begin(self, start: Start) -> None:
        if self.anchor is not None:
            self.anchor.begin(start)

    def after_step(self, step: Step) -> None:
        self.average.update(self.network)

    def predictor(self) -> nn.Module:
        return self.average.network

    def encoder(self) -> nn.Module:
        network = self.average.network
        assert isinstance(network, Network)
        return network.encoder

    def _belief(self, step: Step) -> Tensor:
        batch = step.unlabelled[self.teacher_view].batch
        if self.teacher == "frozen":
            assert self.frozen is not None
            return self._read(self.frozen(batch))
        return self._read(self.average.network(batch) if self.teacher == "average" else self.network(batch))

    def _read(self, outputs: Tensor) -> Tensor:
        if isinstance(self.task, Number):
            return outputs[:, :1]
        p = softmax(outputs.float(), dim=1) if isinstance(self.task, Classes) else _yes_no(outputs)
        return self.alignment(p) if self.alignment is not None else p

    def _supervised(self, step: Step, outputs: list[Tensor]) -> Tensor:
        if step.evidence is None:
            raise ValueError("this self-training needs evidence beside its unlabelled stream")
        if self.release is not None:
            read = [step.evidence.log_likelihood(self.task.prediction(o)) for o in outputs]
            terms: list[Tensor] = [self.release(r, step.progress) for r in read]
        else:
            terms = [evidence_loss(step.evidence, self.task, o) for o in outputs]
        return sum(terms[1:], terms[0]) / len(terms)

    def _consistency(self, belief: Tensor, outputs: Tensor) -> Tensor:
        if isinstance(self.task, Number):
            return ((outputs[:, 0] - belief[:, 0]) ** 2).mean()
        log_q = log_softmax(outputs.float(), dim=1) if isinstance(self.task, Classes) else _yes_no(outputs).log()
        cross_entropy = -(self.target(belief) * log_q).sum(dim=1)
        weights: Tensor = self.selection(belief)
        return (weights * cross_entropy).mean()


def _yes_no(outputs: Tensor) -> Tensor:
    """(B, K) logits to (B * K, 2) probabilities of absent and present."""
    flat = outputs.float().reshape(-1, 1)
    return torch.sigmoid(flat * flat.new_tensor([-1.0, 1.0])).clamp_min(1e-7)
