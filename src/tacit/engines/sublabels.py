"""Sub-pseudo-labels: what was given and what a teacher says, taken together as one finer class."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tacit.data.task import Task
from tacit.engines.method import Losses, Method, Needs, PerRecord, Start, Step
from tacit.engines.supervised import Supervised
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.parts import Parts
from tacit.labels.soft import Soft, shares_of
from tacit.nets.ema import EMA
from tacit.nets.network import Network

Numbers = NDArray[np.int64]
Kind = Literal["sub", "query", "teacher", "agreement", "random"]
MOST_CLEAN = 32


class Clean(Supervised):
    """Supervised training on the records whose class is known exactly; where none is, on whatever there is.

    The stream brings records with any evidence; those that are clean, ``MOST_CLEAN`` at most, are read. Two are read
    at least, for the sake of batch statistics, and only clean ones count.
    """

    def loss(self, step: Step) -> Losses:
        assert step.evidence is not None
        labels = step.evidence.labels
        clean = labels.exact()
        spoken = labels if clean is None else clean
        known = spoken.labelled()[:MOST_CLEAN]
        others = np.setdiff1d(np.arange(len(labels)), known)
        rows = np.sort(np.concatenate([known, others[: max(0, 2 - len(known))]])).astype(np.int64)
        evidence = step.evidence.take(rows) if clean is None else clean.take(rows).model()
        terms = []
        for view in step.labelled.values():
            outputs = self.network(view.batch.take(torch.from_numpy(rows)))
            log_likelihood = evidence.log_likelihood(self.task.prediction(outputs))
            terms.append(-log_likelihood.mean() if len(log_likelihood) else outputs.sum() * 0.0)
        return {"supervised": torch.stack(terms).mean()}


class SubLabelled(Method):
    """Trains a network on classes made once, before the first step, of given labels and a teacher's predictions.

    ``teacher``: a module from a clean batch to (B, C). ``kind``: "sub" for every pair of given and predicted class;
    for comparison the given or predicted one alone, the one where both agree, or pairs with predictions shuffled
    over the records. ``rare``: a pair of fewer records is the predicted class alone.
    """

    family: ClassVar[str] = "selftrain"

    def __init__(
        self, encoder: nn.Module, task: Task, records: int, teacher: nn.Module, kind: Kind = "sub", rare: int = 5
    ) -> None:
        super().__init__()
        self.needs = Needs(labelled=("weak", "strong"))
        self.task = task
        self.network = Network(encoder, task.outputs**2)
        self.average = EMA(self.network, 0.99)
        self.classes = PerRecord(records, fill=-1.0)
        self.teacher = teacher.requires_grad_(False).eval()
        self.kind, self.rare = kind, rare

    @property
    def naive(self) -> bool:
        """Its classes are made of naive labels once."""
        return True

    def train(self, mode: bool = True) -> SubLabelled:
        """As usual, but the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def begin(self, start: Start) -> None:
        said, taught = given(start.labels), predicted(self.teacher, start)
        classes = sub_classes(np.where(said < 0, taught, said), taught, self.task.outputs, self.kind, self.rare)
        self.classes.values.copy_(torch.from_numpy(classes))

    def loss(self, step: Step) -> Losses:
        target = self.classes(step.labelled_index.to(self.classes.values.device)).long()
        outputs = [self.network(view.batch) for view in step.labelled.values()]
        if not bool((target >= 0).any()):
            return {"sub-labels": outputs[0].sum() * 0.0}
        terms = [cross_entropy(o.float(), target, ignore_index=-1) for o in outputs]
        return {"sub-labels": torch.stack(terms).mean()}

    def after_step(self, step: Step) -> None:
        self.average.update(self.network)

    def predictor(self) -> nn.Module:
        return self.average.network

    def encoder(self) -> nn.Module:
        return cast(Network, self.average.network).encoder


def sub_classes(said: Numbers, taught: Numbers, classes: int, kind: Kind, rare: int) -> Numbers:
    """(n,) numbers below ``classes``², given class first, of (n,) given and predicted classes; -1 for none."""
    alone = taught * (classes + 1)
    if kind == "teacher":
        return alone
    if kind == "query":
        return said * (classes + 1)
    if kind == "agreement":
        return np.where(said == taught, alone, -1)
    if kind == "random":
        taught = np.random.default_rng(0).permutation(taught)
        alone = taught * (classes + 1)
    pair = said * classes + taught
    few = np.bincount(pair, minlength=classes**2) < rare
    return np.where(few[pair], alone, pair)


def given(labels: Labels) -> Numbers:
    """(n,) the class that the evidence beside exact labels makes most of, read naively; -1 where there is none."""
    parts = labels.parts if isinstance(labels, Parts) else (labels,)
    for part in parts:
        naive = part.naive()
        if part.exact() is None and isinstance(naive, Exact | Soft):
            shares = shares_of(naive)
            known = ~np.isnan(shares[:, 0])
            return np.where(known, np.where(known[:, None], shares, 0.0).argmax(axis=1), -1).astype(np.int64)
    return np.full(len(labels), -1, dtype=np.int64)


def predicted(module: nn.Module, start: Start) -> Numbers:
    """(n,) the module's most probable class of every clean record of the pool."""
    device = next(module.parameters()).device
    parts: list[Tensor] = []
    with torch.no_grad():
        for part in torch.split(torch.arange(len(start.pool)), 512):
            parts.append(module(start.prepared.clean(start.pool.batch(part).to(device))).argmax(dim=1).cpu())
    return cast(Numbers, torch.cat(parts).numpy())
