"""Risks of positive and unlabelled learning: a loss beside the likelihood of `Positives`."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

Loss = Literal["sigmoid", "logistic"]


def nonnegative_risk(
    outputs: Tensor,
    state: Tensor,
    prior: Tensor | float,
    *,
    share: Tensor | float = 0.0,
    loss: Loss = "sigmoid",
    beta: float = 0.0,
    gamma: float = 1.0,
) -> Tensor:
    """Scalar risk of Kiryo et al. 2017, averaged over classes: its estimate on negatives is kept above -``beta``.

    ``outputs``: (B,) or (B, K) logits of being positive. ``state``: 1 labelled, 0 unlabelled, -1 withheld, of that
    shape. ``prior``: of being positive, a number or (K,). ``share``: the labelled share of the records that were
    seen; 0 where the unlabelled are a sample of the whole population, as in the papers.

    Where the estimate on negatives falls below -``beta``, the gradient is that of -``gamma`` times it alone, which
    takes the step back (their algorithm 1).
    """
    positive, negative = _risks(outputs, state, prior, share, loss)
    value = positive + negative.clamp_min(-beta)
    followed = torch.where(negative < -beta, -gamma * negative, positive + negative)
    return (value.detach() + followed - followed.detach()).mean()


def unbiased_risk(
    outputs: Tensor,
    state: Tensor,
    prior: Tensor | float,
    *,
    share: Tensor | float = 0.0,
    loss: Loss = "logistic",
) -> Tensor:
    """Scalar risk of du Plessis et al. 2015, averaged over classes; arguments as of `nonnegative_risk`.

    Its expectation is the risk under full labels; on a sample it may be negative, and flexible networks make it so.
    """
    positive, negative = _risks(outputs, state, prior, share, loss)
    return (positive + negative).mean()


class _Risks(NamedTuple):
    """(K,) or scalar estimates on the positives and on the negatives."""

    positive: Tensor
    negative: Tensor


def _risks(outputs: Tensor, state: Tensor, prior: Tensor | float, share: Tensor | float, loss: Loss) -> _Risks:
    """With E_all = share E_labelled + (1 - share) E_unlabelled, negatives are all less prior times positives."""
    as_positive, as_negative = _losses(outputs, loss)
    labelled, unlabelled = ((state == s).to(outputs) for s in (1, 0))
    prior, share = (torch.as_tensor(x, dtype=outputs.dtype, device=outputs.device) for x in (prior, share))
    wrong = (1 - share) * _mean(as_negative, unlabelled) - (prior - share) * _mean(as_negative, labelled)
    return _Risks(prior * _mean(as_positive, labelled), wrong)


def _losses(outputs: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """What each record costs if it is positive, and if it is negative."""
    if loss == "sigmoid":
        return torch.sigmoid(-outputs), torch.sigmoid(outputs)
    return softplus(-outputs), softplus(outputs)


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Over the chosen records, for each class; 0 where there is none."""
    return (values * chosen).sum(dim=0) / chosen.sum(dim=0).clamp_min(1.0)
