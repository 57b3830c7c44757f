"""Classes and comparisons from one encoder: a class head, and heads whose scores say which of two has more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid, relu

from tacit.data.batch import Batch
from tacit.data.prediction import Categorical
from tacit.data.task import Classes, Task
from tacit.engines.method import Losses, Step
from tacit.engines.supervised import Supervised
from tacit.labels.base import Labels
from tacit.labels.parts import Parts
from tacit.labels.preferences import Preferences


class PreferToClassify(Supervised):
    """The likelihood of all evidence that speaks of single records, and of preferences in heads of their own.

    Kim et al. 2023 (P2C). Each of ``heads`` scores every class; a preference about a class has the likelihood of the
    difference of two scores, Bradley-Terry. To that come ``consistency`` times max(0, p of the loser - p of the
    winner), p the class head's probability of the class that the preference speaks of, and ``diversity`` times the
    negative mean cross-entropy between heads. Of a batch's pairs a share ``informative`` is read: those on which the
    heads differ most, increasingly along the steps, at first any. The trust in preferences weighs their likelihood and
    consistency, as it does the loss of other evidence on several records.
    """

    def __init__(
        self,
        encoder: nn.Module,
        task: Task,
        views: tuple[str, ...] = ("weak",),
        heads: int = 3,
        preference: float = 1.0,
        consistency: float = 1.0,
        diversity: float = 0.1,
        informative: float = 0.5,
        decay: float = 0.99,
    ) -> None:
        super().__init__(encoder, task, views, decay)
        if not isinstance(task, Classes):
            raise TypeError("preferences beside classes are for one class a record")
        if not 0 < informative <= 1:
            raise ValueError(f"a share of {informative} of the pairs is not above 0 and at most 1")
        self.heads = nn.ModuleList(score_head(cast(int, encoder.width), task.outputs) for _ in range(heads))
        self.preference, self.consistency, self.diversity = preference, consistency, diversity
        self.informative = informative

    def loss(self, step: Step) -> Losses:
        if step.evidence is None:
            raise ValueError("preferring to classify needs evidence")
        terms = [self._terms(step, view.batch) for view in step.labelled.values()]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def _terms(self, step: Step, batch: Batch) -> Losses:
        assert step.evidence is not None and isinstance(self.task, Classes)
        pooled = self.network.features(batch).pooled
        prediction = self.task.prediction(self.network.head(pooled))
        assert isinstance(prediction, Categorical)
        spoken, compared = step.evidence.log_likelihood(prediction), preferences(step.evidence.labels)
        alone = spoken[: len(spoken) - sum(len(part.winner) for part, _ in compared)]
        terms = {"classes": -alone.mean() if len(alone) else pooled.sum() * 0.0}
        scores = torch.stack([head(pooled).float() for head in self.heads])
        pairs = Pairs.of(compared, self.task, scores, prediction.p)
        if pairs is None:
            return terms | {"preferences": scores.sum() * 0.0}
        kept = most_disputed(pairs.leads.detach(), self.informative, step.progress, step.generator)
        apart = torch.where(pairs.tie, pairs.gaps.abs(), relu(-pairs.gaps))
        trust = pairs.trust[kept]
        terms["preferences"] = -self.preference * (trust * pairs.log_likelihood[:, kept]).mean()
        terms["consistency"] = self.consistency * (trust * apart[kept]).mean()
        terms["diversity"] = -self.diversity * mean_cross_entropy(pairs.leads[:, kept])
        return terms


@dataclass(frozen=True)
class Pairs:
    """Pairs of all preferences: (H, P) leads of the winner in H heads and their log-likelihood, (P,) all else.

    A gap is by how much more probable the class is for the winner; ``trust`` is that of the part with the pair.
    """

    leads: Tensor
    log_likelihood: Tensor
    gaps: Tensor
    tie: Tensor
    trust: Tensor

    @staticmethod
    def of(parts: list[tuple[Preferences, float]], task: Classes, scores: Tensor, p: Tensor) -> Pairs | None:
        """Read ``scores`` (H, B, C) and ``p`` (B, C) for all pairs; None where there are none."""
        leads, likelihoods, gaps, ties, trusts = [], [], [], [], []
        for part, trust in parts:
            assert part.of is not None
            number = task.names.index(part.of)
            own = torch.stack([part.leads(head[:, number]) for head in scores])
            leads.append(own)
            likelihoods.append(torch.stack([part.by_lead(lead) for lead in own]))
            gaps.append(part.leads(p[:, number]))
            ties.append(torch.from_numpy(part.tie.copy()).to(p.device))
            trusts.append(torch.full_like(gaps[-1], trust))
        if not sum(len(gap) for gap in gaps):
            return None
        wide = (torch.cat(both, dim=1) for both in (leads, likelihoods))
        return Pairs(*wide, *(torch.cat(each) for each in (gaps, ties, trusts)))


def preferences(labels: Labels) -> list[tuple[Preferences, float]]:
    """The parts of ``labels`` that compare records and the trust in them.

    In the order in which a mixture has their units, after all else.
    """
    parts = labels.aside if isinstance(labels, Parts) else [(labels, 1.0)]
    return [(part, trust) for part, trust in parts if isinstance(part, Preferences)]


def score_head(width: int, outputs: int) -> nn.Module:
    """(B, width) to (B, outputs) scores from -1 to 1, by two hidden layers."""
    hidden = (nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(width, outputs), nn.Tanh())


def most_disputed(leads: Tensor, share: float, progress: float, rng: Generator) -> Tensor:
    """Positions of a ``share`` of P pairs, at least one, by the ``leads`` (H, P) of H heads.

    A part ``progress`` of them are those whose probabilities spread most over the heads, the others any.
    """
    count = max(1, round(share * leads.shape[1]))
    disputed = torch.sigmoid(leads).var(dim=0, correction=0).argsort(descending=True, stable=True)
    first = round(progress * count)
    others = disputed[first:]
    drawn = torch.randperm(len(others), generator=rng, device=rng.device).to(others.device)
    return torch.cat([disputed[:first], others[drawn[: count - first]]])


def mean_cross_entropy(leads: Tensor) -> Tensor:
    """Mean over pairs of heads, and over P, of the cross-entropy of one's probabilities with the other's as target.

    ``leads``: (H, P). No gradient goes through targets. 0 for one head.
    """
    p = torch.sigmoid(leads.detach())
    cost = -(p[:, None] * logsigmoid(leads)[None] + (1 - p)[:, None] * logsigmoid(-leads)[None]).mean(dim=2)
    heads = len(leads)
    return (cost.sum() - cost.diagonal().sum()) / max(1, heads * (heads - 1))
