"""What every kind of evidence shares: units over sites, hiding, taking, and the posterior by gradient.

A kind of evidence is immutable data and at heart one function, ``log_likelihood``. What is learned together
with the network (a noise transition, a voter's confusion) lives in the `EvidenceModel` that ``model()`` returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.task import Task
from tacit.labels.class_tree import ClassTree


@dataclass(frozen=True)
class Units:
    """Which sites each unit speaks of: unit u has ``sites[offsets[u]:offsets[u + 1]]``."""

    offsets: NDArray[np.int64]
    sites: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @staticmethod
    def single(sites: NDArray[np.int64]) -> Units:
        """One unit per site."""
        return Units(np.arange(len(sites) + 1, dtype=np.int64), sites)


class Labels(ABC):
    """Evidence about n records, aligned to them by position.

    Subclasses hold immutable data and write ``log_likelihood``; the posterior follows by gradient.
    """

    task: Task
    naively: str = "taken as they are"
    """What `naive` does, for people."""
    caveat: str = ""
    """What the likelihood of held-out evidence of this kind cannot tell apart, for people; empty where nothing."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of records, labelled or not."""

    @abstractmethod
    def naive(self) -> Labels:
        """What is done without a model of the evidence: `Exact`, `Soft` or `Values`, on single records."""

    def exact(self) -> Labels | None:
        """The part that says the truth itself, `Exact` or `Values`; None where there is none."""
        return None

    def class_tree(self) -> ClassTree | None:
        """The tree of the classes; None where no node stands for some of them."""
        return None

    @abstractmethod
    def units(self) -> Units:
        """What each observation speaks of, in the order of ``log_likelihood``."""

    @abstractmethod
    def hide(self, units: NDArray[np.int64]) -> Self:
        """The same records without the evidence of these units."""

    @abstractmethod
    def take(self, index: NDArray[np.int64]) -> Self:
        """The evidence on a selection of records; keeps whole units and counts in ``dropped`` what it lost."""

    @abstractmethod
    def padded(self, extra: int) -> Self:
        """The same evidence, and ``extra`` more records at the end without any."""

    @abstractmethod
    def log_likelihood(self, prediction: Prediction) -> Tensor:
        """Log-probability of each observation, (units,); differentiable."""

    @abstractmethod
    def describe(self) -> str:
        """One sentence for people."""

    @abstractmethod
    def header(self) -> dict[str, Any]:
        """What a file has to say once: the task and the parameters, as JSON."""

    @abstractmethod
    def rows(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """One JSON object for every observation, which names records by their ids."""

    @classmethod
    @abstractmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], ids: Sequence[str]) -> Self:
        """The inverse of ``header`` and ``rows``, aligned to ``ids``."""

    @abstractmethod
    def to_file(self, path: Path, ids: Sequence[str]) -> None:
        """Write what is known as ``tacit.read_labels`` reads it; a name it could not read back is an `InputError`."""

    @staticmethod
    def combine(*parts: Labels, trust: Sequence[float] | None = None) -> Labels:
        """All of the evidence in ``parts``, which speak of the same records and the same classes in one order.

        ``trust``: one number in (0, 1] a part. A local part's likelihood l becomes t l + (1 - t) mean(l) over the
        classes; on coupled parts it is a weight on the loss. Held-out scores are taken at a trust of 1.
        """
        from tacit.labels.combine import combined

        return combined(parts, trust)

    @property
    def dropped(self) -> int:
        """How many units ``take`` could not keep whole."""
        return 0

    def components(self) -> NDArray[np.int64]:
        """(units,) number of the component of each unit; units that share sites are in one component."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        units = self.units()
        if len(units) == 0:
            return np.zeros(0, dtype=np.int64)
        owner = np.repeat(np.arange(len(units)), np.diff(units.offsets))
        _, site = np.unique(units.sites, return_inverse=True)
        shape = (len(units), int(site.max()) + 1 if len(site) else 1)
        touches = coo_array((np.ones(len(owner)), (owner, site)), shape=shape).tocsr()
        _, number = connected_components(touches @ touches.T, directed=False)
        return number.astype(np.int64)

    def labelled(self) -> NDArray[np.int64]:
        """Sorted positions of the records that some unit speaks of."""
        return np.unique(self.units().sites // self.task.sites_per_record)

    def posterior(self, prediction: Prediction) -> Prediction:
        """What is believed of each site once the evidence is added to ``prediction``."""
        return posterior_by_gradient(self.log_likelihood, self.units(), prediction)

    def model(self) -> EvidenceModel:
        """The evidence as the training loop calls it, with whatever parameters are learned along the way."""
        return EvidenceModel(self)


class EvidenceModel(nn.Module):
    """Evidence with its learned parameters; this base class has none."""

    def __init__(self, labels: Labels) -> None:
        super().__init__()
        self.labels = labels

    def log_likelihood(self, prediction: Prediction) -> Tensor:
        """As `Labels.log_likelihood`, with the learned parameters."""
        return self.labels.log_likelihood(prediction)

    def posterior(self, prediction: Prediction) -> Prediction:
        """As `Labels.posterior`, with the learned parameters."""
        return self.labels.posterior(prediction)

    @property
    def refits(self) -> bool:
        """Whether ``fit`` changes anything, so that it is worth predicting all records for it now and then."""
        return False

    def doubt(self) -> None:
        """Assume some errors where none are known of yet, so that a first fit can find the truth behind them."""

    def fit(self, prediction: Prediction) -> None:
        """Refit the learned parameters to the network's predictions of all records."""

    def findings(self, posterior: Prediction) -> list[dict[str, Any]]:
        """What was learned of the evidence, as JSON, where ``posterior`` is believed of all sites.

        Each entry says in ``about`` what it is: "sources", "transition" or "prior".
        """
        return []

    def on(self, labels: Labels) -> EvidenceModel:
        """Other evidence of the same kinds, such as that of a batch, sharing the learned parameters."""
        return EvidenceModel(labels)

    def take(self, index: NDArray[np.int64]) -> EvidenceModel:
        """The evidence on a selection of records, sharing the learned parameters."""
        return self.on(self.labels.take(index))


def posterior_by_gradient(log_likelihood: Any, units: Units, prediction: Prediction) -> Prediction:
    """Posterior of every site from the likelihood alone.

    For `Categorical`, where the likelihood is a sum of products of ``p[c]``, it is the gradient with respect to
    ``log_p`` (Eisner 2016: inside-outside is backpropagation). For `Normal` with standard deviation s it is mean
    + s² ∂log L/∂mean with variance s² + s⁴ ∂²log L/∂mean² (Tweedie). Sites without evidence keep the belief.
    """
    with torch.enable_grad():
        if isinstance(prediction, Categorical):
            return _categorical_posterior(log_likelihood, units, prediction)
        return _normal_posterior(log_likelihood, prediction)


def _categorical_posterior(log_likelihood: Any, units: Units, prediction: Categorical) -> Categorical:
    log_p = prediction.log_p.detach().requires_grad_()
    touched = torch.zeros(len(log_p), dtype=torch.bool, device=log_p.device)
    touched[torch.from_numpy(units.sites).to(log_p.device)] = True
    total = log_likelihood(Categorical(log_p)).sum()
    (grad,) = torch.autograd.grad(total, log_p) if total.requires_grad else (torch.zeros_like(log_p),)
    p = torch.where(touched[:, None], grad, prediction.log_p.detach().exp())
    # rounding leaves what is impossible a hair below 0
    return Categorical(p.clamp_min(0).log())


def _normal_posterior(log_likelihood: Any, prediction: Normal) -> Normal:
    mean = prediction.mean.detach().requires_grad_()
    log_scale = prediction.log_scale.detach()
    variance = (2 * log_scale).exp()
    total = log_likelihood(Normal(mean, log_scale)).sum()
    if not total.requires_grad:
        return Normal(mean.detach(), log_scale)
    (first,) = torch.autograd.grad(total, mean, create_graph=True)
    second = torch.autograd.grad(first.sum(), mean)[0] if first.requires_grad else torch.zeros_like(first)
    new_variance = variance + variance**2 * second
    return Normal((mean + variance * first).detach(), 0.5 * new_variance.detach().log())
