"""Several kinds of evidence on classes at once: local emissions add, one coupled unit sits on top.

Exact for any number of local kinds and one coupled unit in each component. Sites that are known to be of the same
class are merged first, and count with their multiplicity in a bag. With several coupled units in a component the
sum of their log-likelihoods is a composite likelihood (Varin, Reid and Firth 2011): fit to train on, and to be
compared only with itself on the same units.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tacit.data.prediction import Categorical, Prediction
from tacit.data.task import Classes, Masks, MultiLabel
from tacit.labels.base import EvidenceModel, Labels, posterior_by_gradient
from tacit.labels.composite import composite_posterior
from tacit.labels.coupled import Coupled, refuse_impossible
from tacit.labels.exact import Exact
from tacit.labels.local import Local, LocalModel, categorical
from tacit.labels.parts import Parts
from tacit.labels.soft import Soft, mean_shares, shares_of
from tacit.labels.structure import Structure


class Mixture(Parts):
    """Evidence on classes from several parts, as `Labels.combine` makes it. A unit is a component."""

    def __init__(self, parts: Sequence[Labels], trust: Sequence[float]) -> None:
        super().__init__(parts, trust)
        trusted = list(zip(self.parts, self.trust, strict=True))
        self.local = [(part, t) for part, t in trusted if isinstance(part, Local)]
        self.coupled = [(part.unmerged(), t) for part, t in trusted if isinstance(part, Coupled)]

    def ties(self, part: Labels) -> bool:
        return isinstance(part, Local | Coupled)

    def naive(self) -> Exact | Soft:
        """Exact labels where there are any, else the mean of what is naively made of the other parts."""
        said = sorted(self.parts, key=lambda part: part.exact() is None)
        parts = [n for part in said if isinstance(n := part.naive(), Exact | Soft)]
        if isinstance(self.task, MultiLabel):
            return first_known([part for part in parts if isinstance(part, Exact)])
        assert isinstance(self.task, Classes | Masks)
        shares = mean_shares([shares_of(part) for part in parts])
        if exact := [shares_of(n) for part, n in zip(said, parts, strict=True) if part.exact() is not None]:
            sure = mean_shares(exact)
            shares = np.where(np.isnan(sure), shares, sure)
        return Soft(shares, self.task.names).naive()

    @cached_property
    def structure(self) -> Structure:
        whole = [part for part in self.parts if isinstance(part, Coupled)]
        return Structure.of([part for part, _ in self.local], whole)

    @property
    def composite(self) -> bool:
        return self.structure.composite

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        return self.weighed(prediction, [part.emission() for part, _ in self.local])

    def weighed(self, prediction: Prediction, emissions: Sequence[Tensor]) -> Tensor:
        """(units,) log-likelihood where the local parts have these emissions, (units, C) each, before trust."""
        doubted = [tempered(e, t) for e, (_, t) in zip(emissions, self.local, strict=True)]
        structure = self.structure
        log_q, z = structure.beliefs(categorical(prediction).log_p, doubted)
        own = [
            part.joint(log_q, members.to(log_q.device)) * t
            for (part, t), members in zip(self.coupled, structure.members, strict=True)
        ]
        total = structure.log_likelihood(z, own)
        refuse_impossible(total, structure.units(), self.task.sites_per_record)
        return torch.cat([total, *(part.log_likelihood(prediction) * t for part, t in self.aside)])

    def posterior(self, prediction: Prediction) -> Prediction:
        return self.believed(prediction, [part.emission() for part, _ in self.local])

    def believed(self, prediction: Prediction, emissions: Sequence[Tensor]) -> Prediction:
        """The posterior of every site where the local parts have these emissions."""
        belief = Categorical(categorical(prediction).log_p.detach())
        if self.composite:
            doubted = [tempered(e, t) for e, (_, t) in zip(emissions, self.local, strict=True)]
            return composite_posterior(self.structure, [part for part, _ in self.coupled], belief, doubted)
        tied = len(self.structure)

        def log_likelihood(prediction: Prediction) -> Tensor:
            return self.weighed(prediction, emissions)[:tied]

        return posterior_by_gradient(log_likelihood, self.structure.units(), belief)

    def model(self) -> MixtureModel:
        return MixtureModel(self, [part.model() for part in self.parts])


class MixtureModel(EvidenceModel):
    """A mixture with the learned parameters of its parts."""

    labels: Mixture

    def __init__(self, labels: Mixture, parts: Sequence[EvidenceModel]) -> None:
        super().__init__(labels)
        self.parts = nn.ModuleList(parts)

    def emissions(self) -> list[Tensor]:
        """The emission of every local part, (units, C) each."""
        return [part.emission() for part in self.parts if isinstance(part, LocalModel)]

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        return self.labels.weighed(prediction, self.emissions())

    def posterior(self, prediction: Prediction) -> Prediction:
        return self.labels.believed(prediction, [e.detach() for e in self.emissions()])

    @property
    def refits(self) -> bool:
        return any(part.refits for part in self.parts if isinstance(part, EvidenceModel))

    def findings(self, posterior: Prediction) -> list[dict[str, Any]]:
        models = [model for model in self.parts if isinstance(model, EvidenceModel)]
        return [found for model in models for found in model.findings(posterior)]

    def doubt(self) -> None:
        for model in self.parts:
            assert isinstance(model, EvidenceModel)
            model.doubt()

    def fit(self, prediction: Prediction) -> None:
        """Each part is refitted to what the network and all other parts believe."""
        for k, model in enumerate(self.parts):
            assert isinstance(model, EvidenceModel)
            if not model.refits:
                continue
            others = [m for j, m in enumerate(self.parts) if j != k]
            if not others:
                model.fit(prediction)
                continue
            rest = [(p, t) for j, (p, t) in enumerate(zip(self.labels.parts, self.labels.trust, strict=True)) if j != k]
            cavity = MixtureModel(Mixture([p for p, _ in rest], [t for _, t in rest]), others)  # type: ignore[arg-type]
            model.fit(cavity.posterior(prediction))

    def on(self, labels: Labels) -> MixtureModel:
        assert isinstance(labels, Mixture)
        models = [model for model in self.parts if isinstance(model, EvidenceModel)]
        return MixtureModel(labels, [model.on(part) for model, part in zip(models, labels.parts, strict=True)])


def first_known(parts: Sequence[Exact]) -> Exact:
    """Of every entry what the first of ``parts`` says that knows it."""
    y = parts[0].y
    for part in parts[1:]:
        y = np.where(y >= 0, y, part.y)
    return Exact(y, parts[0].task.names)


def tempered(emission: Tensor, trust: float) -> Tensor:
    """Log of t l + (1 - t) mean(l), where ``emission`` (units, C) is log l."""
    if trust == 1.0:
        return emission
    mean = torch.logsumexp(emission, dim=1, keepdim=True) - np.log(emission.shape[1])
    return torch.logaddexp(emission + np.log(trust), mean + np.log1p(-trust))
