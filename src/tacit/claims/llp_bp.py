"""LLP-BP (catalogue 58): pseudo-labels by belief propagation, against the loss on the bags' proportions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softmax

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.weak_draws import LabelBags, large_digits
from tacit.engines.method import Context, Method, Step
from tacit.engines.objective import Likelihood, Objective
from tacit.engines.supervised import Supervised
from tacit.labels.proportions import Proportions
from tacit.systems.base import Stage, System
from tacit.systems.evidence import SYSTEM as EVIDENCE
from tacit.systems.llp_bp import SYSTEM, first
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.systems.supervised_augmented import settings

STEPS = 400


class ProportionLoss(Objective):
    """Cross-entropy of a bag's shares and its mean prediction (Ardehaly and Culotta 2017, DLLP, equation 3).

    Evidence other than `Proportions` is trained on by its likelihood.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.otherwise = Likelihood(context.task)

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        assert step.evidence is not None
        labels = step.evidence.labels
        if not isinstance(labels, Proportions):
            value: Tensor = self.otherwise(step, outputs)
            return value
        p = softmax(outputs.float(), dim=1)
        bag, record = (torch.from_numpy(a.copy()) for a in (labels.members.owner, labels.members.records))
        summed = p.new_zeros(len(labels.members), p.shape[1]).index_add(0, bag, p[record])
        sizes = torch.from_numpy(labels.members.sizes.copy()).to(p)[:, None]
        shares = torch.from_numpy(labels.counts.copy()).to(p) / sizes
        return -(shares * (summed / sizes).clamp_min(1e-7).log()).sum(dim=1).mean()


def dllp(context: Context, before: Method | None) -> Method:
    """The augmented baseline's network on the proportion loss."""
    return Supervised(context.encoder(), context.task, views=("weak", "strong"), objective=ProportionLoss(context))


DLLP = System(
    name="dllp", title="proportion loss", family="supervised", stages=(Stage("train", dllp, settings=settings),)
)
ONE_ROUND = System(
    name="llp-bp-1", title="one round", family="selftrain", stages=(Stage("round 1", first, settings=settings),)
)

CLAIM = Claim(
    name="llp-bp",
    title="LLP-BP",
    says="up to 15 points better than baselines for binary label proportions on tables and images, at large bags too",
    source="Havaldar et al. 2024, arXiv 2310.08056",
    chosen="Digits, from 5 on against below, in random bags of 32. The host is the proportion loss (DLLP) on the same "
    "network, views and steps; the steps are those of all three rounds. The likelihood of the counts, the bag's shares "
    "copied to its records, and one round of propagation are arms of their own. The measure is accuracy where the "
    "check asks for AUC; other sizes of bags, breast_cancer, smoothing without bags and EM are left out. 'Up to 15' "
    "is the largest of many figures, so no gain is taken from it.",
    data=large_digits,
    draw=LabelBags(32),
    system=Trained("llp-bp", "LLP-BP, three rounds", SYSTEM, STEPS),
    host=Trained("dllp", "proportion loss", DLLP, STEPS),
    others=(
        Trained("llp-bp-1", "LLP-BP, one round", ONE_ROUND, STEPS),
        Trained("likelihood", "likelihood of the counts", EVIDENCE, STEPS),
        Trained("copied", "shares copied to the records", AUGMENTED, STEPS),
        Plain("logistic", "logistic regression on pixels, shares copied to the records"),
    ),
    peer="logistic",
    id=58,
)
