"""Belief propagation in a binary field: neighbours are alike, and bags hold about as many as was counted.

p(y) is proportional to exp(sum_i h_i y_i + J sum_ij [y_i = y_j] - strength sum_B (sum_{i in B} y_i - k_B)²), with y
in {0, 1}. Messages are log-odds of y = 1. Exact where pairs and bags make a tree; on a graph with loops it is loopy
belief propagation (Pearl 1988; Murphy et al. 1999), damped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from tacit.data.batch import Features
from tacit.data.task import Task
from tacit.engines.method import Losses, PerRecord, Start, Step
from tacit.engines.supervised import Supervised
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.parts import Parts
from tacit.labels.proportions import Proportions
from tacit.labels.soft import Soft, shares_of
from tacit.modalities.base import Nearby

Matrix = NDArray[np.float32]
Points = Callable[[Start], Matrix]

EXACT = 256
"""Records of a bag up to which counts are multiplied out; beyond, the count of the others is taken as normal."""

CERTAIN = 30.0
"""Log-odds that messages and fields are kept within."""

NEIGHBOURS = 10
SWEEPS = 40


@dataclass(frozen=True)
class Bags:
    """Bag b holds ``record[offsets[b]:offsets[b + 1]]``; ``count`` (bags,) of them are counted to be on."""

    offsets: NDArray[np.int64]
    record: NDArray[np.int64]
    count: NDArray[np.int64]


def marginals(
    field: Tensor,
    pairs: NDArray[np.int64],
    bags: Bags,
    coupling: float,
    strength: float,
    sweeps: int = SWEEPS,
    damping: float = 0.5,
) -> Tensor:
    """(n,) float64: the probability of y = 1 of every record.

    ``field``: (n,) float64 log-odds of each record by itself. ``pairs``: (P, 2) of neighbours, each pair once.
    ``coupling``: J, what it is worth in nats that a pair agrees. ``damping``: the share of each old message kept.
    """
    ends = torch.from_numpy(np.concatenate([pairs, pairs[:, ::-1]]).reshape(-1, 2).copy())
    sender, receiver = ends.unbind(dim=1)
    back = torch.arange(len(ends)).roll(len(pairs))
    along = torch.zeros(len(ends), dtype=torch.float64)
    member = torch.from_numpy(bags.record.copy())
    counted = torch.zeros(len(member), dtype=torch.float64)

    def total() -> Tensor:
        return field.index_add(0, receiver, along).index_add(0, member, counted)

    for sweep in range(sweeps):
        kept = damping if sweep else 0.0
        belief = total()
        heard = pair_messages((belief[sender] - along[back]).clamp(-CERTAIN, CERTAIN), coupling)
        said = bag_messages((belief[member] - counted).clamp(-CERTAIN, CERTAIN), bags, strength)
        moved = max(
            (float((new - old).abs().max()) for new, old in ((heard, along), (said, counted)) if len(old)), default=0.0
        )
        along = kept * along + (1 - kept) * heard
        counted = kept * counted + (1 - kept) * said
        if moved < 1e-6:
            break
    return torch.sigmoid(total())


def pair_messages(cavity: Tensor, coupling: float) -> Tensor:
    """What a record with these log-odds says to a neighbour: log((e^J e^h + 1) / (e^h + e^J))."""
    zero = torch.zeros_like(cavity)
    return torch.logaddexp(cavity + coupling, zero) - torch.logaddexp(cavity, zero + coupling)


def bag_messages(cavity: Tensor, bags: Bags, strength: float) -> Tensor:
    """(members,) what each bag says to its members, from their log-odds without it."""
    messages = torch.zeros_like(cavity)
    sizes = np.diff(bags.offsets)
    for size in np.unique(sizes[sizes > 0]).tolist():
        which = np.flatnonzero(sizes == size)
        place = torch.from_numpy(bags.offsets[which][:, None] + np.arange(size))
        count = torch.from_numpy(bags.count[which]).double()
        said = exact_messages if size <= EXACT else normal_messages
        messages[place] = said(cavity[place], count, strength).clamp(-CERTAIN, CERTAIN)
    return messages


def exact_messages(cavity: Tensor, count: Tensor, strength: float) -> Tensor:
    """(bags, size) messages of bags of one size from their members' log-odds, by multiplying counts out.

    The gradient of log Z with respect to the log-weights of off and on is the posterior; sums of positive numbers
    alone, forwards and backwards, so that small probabilities keep their digits.
    """
    with torch.enable_grad():
        on = torch.sigmoid(cavity).requires_grad_()
        off = torch.sigmoid(-cavity).requires_grad_()
        p = torch.ones(len(cavity), 1, dtype=cavity.dtype)
        for i in range(cavity.shape[1]):
            none, one = p * off[:, i : i + 1], p * on[:, i : i + 1]
            p = torch.nn.functional.pad(none, (0, 1)) + torch.nn.functional.pad(one, (1, 0))
        away = (torch.arange(p.shape[1]) - count[:, None]).square()
        tiny = torch.finfo(p.dtype).tiny
        with_off, with_on = torch.autograd.grad((p * torch.exp(-strength * away)).sum(), (off, on))
    return torch.log(with_on.clamp_min(tiny)) - torch.log(with_off.clamp_min(tiny))


def normal_messages(cavity: Tensor, count: Tensor, strength: float) -> Tensor:
    """As `exact_messages`, where the number of the others that are on is taken as normal."""
    p = torch.sigmoid(cavity)
    others = p.sum(dim=1, keepdim=True) - p
    each = p * (1 - p)
    variance = each.sum(dim=1, keepdim=True) - each + 0.5 / strength
    return (2 * (count[:, None] - others) - 1) / (2 * variance)


def neighbour_pairs(points: NDArray[np.float32], k: int = NEIGHBOURS) -> NDArray[np.int64]:
    """(P, 2) pairs of records of which one is among the other's ``k`` nearest, each once, the smaller first."""
    from sklearn.neighbors import NearestNeighbors

    k = min(k, len(points) - 1)
    near = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    ends = np.stack([np.repeat(np.arange(len(points)), k), near.ravel()], axis=1)
    return np.unique(np.sort(ends, axis=1), axis=0).astype(np.int64)


@dataclass(frozen=True)
class Field:
    """How the field is set: ``coupling`` and ``strength`` as of `marginals`, ``neighbours`` of each record."""

    coupling: float = 0.5
    strength: float = 5.0
    neighbours: int = NEIGHBOURS


def believed(labels: Labels, points: Matrix, field: Field) -> Tensor:
    """(n, C) marginals of every record: counts in bags are potentials, all other evidence is read naively as fields.

    Two classes are one field; of more, each is a field against the rest, and the results are rescaled to sum to 1.
    """
    parts = labels.parts if isinstance(labels, Parts) else (labels,)
    counted = [part for part in parts if isinstance(part, Proportions)]
    said = [part.naive() for part in parts if not isinstance(part, Proportions)]
    pairs = neighbour_pairs(points, field.neighbours)
    classes = labels.task.outputs

    def of_class(c: int) -> Tensor:
        own = sum((log_odds(shares_of(n)[:, c]) for n in said if isinstance(n, Exact | Soft)), np.zeros(len(points)))
        bags = bags_of_class(counted, c)
        return marginals(torch.from_numpy(own), pairs, bags, field.coupling, field.strength)

    if classes == 2:
        on = of_class(1)
        return torch.stack([1 - on, on], dim=1).float()
    each = torch.stack([of_class(c) for c in range(classes)], dim=1).clamp_min(1e-6)
    return (each / each.sum(dim=1, keepdim=True)).float()


def log_odds(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) log-odds within ``CERTAIN``, 0 where the share is NaN."""
    with np.errstate(divide="ignore"):
        odds = np.clip(np.log(share) - np.log1p(-share), -CERTAIN, CERTAIN)
    return np.where(np.isnan(share), 0.0, odds)


def bags_of_class(parts: list[Proportions], c: int) -> Bags:
    """The known bags of all parts, and how many of class ``c`` each holds."""
    units = [part.members.units(np.flatnonzero(part.known)) for part in parts]
    sizes = [np.diff(u.offsets) for u in units]
    return Bags(
        np.cumsum(np.concatenate([[0], *sizes])).astype(np.int64),
        np.concatenate([np.zeros(0, dtype=np.int64), *(u.sites for u in units)]),
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.counts[part.known, c] for part in parts)]),
    )


def pooled_by(encoder: nn.Module) -> Points:
    """(n, D) pooled features of the clean records, by an encoder as it is then."""

    def points(start: Start) -> Matrix:
        device = next(encoder.parameters()).device
        training = encoder.training
        encoder.eval()
        with torch.no_grad():
            parts = [
                cast(Features, encoder(start.prepared.clean(start.pool.batch(part).to(device)))).pooled.float().cpu()
                for part in torch.split(torch.arange(len(start.pool)), 512)
            ]
        encoder.train(training)
        return cast(Matrix, torch.cat(parts).numpy())

    return points


def covariates(encoder: nn.Module) -> Points:
    """(n, D) raw numbers of the records where distances between these mean something, else features of ``encoder``."""
    features = pooled_by(encoder)

    def points(start: Start) -> Matrix:
        if not isinstance(start.prepared, Nearby):
            return features(start)
        batches = (start.pool.batch(part) for part in torch.split(torch.arange(len(start.pool)), 512))
        flat = [torch.cat([t.float().flatten(1) for t in start.prepared.clean(b).tensors.values()], 1) for b in batches]
        return cast(Matrix, torch.cat(flat).numpy())

    return points


class Propagated(Supervised):
    """Fits soft pseudo-labels that are propagated once, before the first step, and beside them the evidence.

    The evidence's log-likelihood counts per record, as the cross-entropy to the pseudo-labels does; ``weight`` scales
    it. ``points``: between which neighbours are sought. ``records``: how many there are in the run.
    """

    def __init__(
        self, encoder: nn.Module, task: Task, records: int, points: Points, field: Field, weight: float = 1.0
    ) -> None:
        super().__init__(encoder, task, views=("weak", "strong"))
        self.beliefs = PerRecord(records, task.outputs)
        self.points, self.field, self.weight = points, field, weight

    def begin(self, start: Start) -> None:
        self.beliefs.values.copy_(believed(start.labels, self.points(start), self.field))

    def loss(self, step: Step) -> Losses:
        assert step.evidence is not None
        target = self.beliefs(step.labelled_index.to(self.beliefs.values.device))
        pseudo, evidence = [], []
        for view in step.labelled.values():
            outputs = self.network(view.batch)
            pseudo.append(-(target * log_softmax(outputs.float(), dim=1)).sum(dim=1).mean())
            evidence.append(-step.evidence.log_likelihood(self.task.prediction(outputs)).sum() / len(outputs))
        return {
            "pseudo": torch.stack(pseudo).mean(),
            "evidence": self.weight * torch.stack(evidence).mean().to(pseudo[0]),
        }
