"""PU-MLC (catalogue 289): only positives of several labels are believed, against the missed taken as absent."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.canvases import MissedPositives, canvases
from tacit.engines.method import Context, Method, Step
from tacit.engines.objective import Objective, present_or_absent
from tacit.engines.supervised import Supervised
from tacit.systems.base import Stage, System
from tacit.systems.pu_mlc import SYSTEM, settings
from tacit.systems.supervised_augmented import build

STEPS = 400


class KnownAlone(Objective):
    """Cross-entropy on what is said to be present; of all else nothing is said."""

    def forward(self, step: Step, outputs: Tensor) -> Tensor:
        assert step.evidence is not None
        positive = torch.from_numpy(present_or_absent(step.evidence.labels).y == 1).to(outputs.device)
        return -(logsigmoid(outputs.float()) * positive).sum() / positive.sum().clamp_min(1)


def known_alone(context: Context, before: Method | None) -> Method:
    """The augmented baseline's network on the known labels."""
    return Supervised(context.encoder(), context.task, views=("weak", "strong"), objective=KnownAlone())


NEGATIVE = System(
    name="assume-negative", title="missed as absent", family="supervised",
    stages=(Stage("train", build, settings=settings),), baseline=True,
)  # fmt: skip
KNOWN = System(
    name="known-alone", title="known labels alone", family="supervised",
    stages=(Stage("train", known_alone, settings=settings),),
)  # fmt: skip

CLAIM = Claim(
    name="pu-mlc",
    title="PU-MLC",
    says="significant gains in multi-label classification on MS-COCO and PASCAL VOC with full and partial labels, from "
    "fewer annotations",
    source="Yuan et al. 2023, arXiv 2306.16016",
    chosen="Canvases of 2 to 4 digits, as the check asks for, with 30 to 60 % of the positives of each label missed. "
    "The host takes what is not said to be present as absent. Known labels alone are positives alone here: "
    "cross-entropy on them is least where everything is present, so only what is learned on the way ranks. Rebalancing "
    "and temperature are ablated one by one and together, and the strengths of the authors' code on VOC are an arm of "
    "their own: from scratch they hold learning back. MixUp and the local-global convolution are left out. The figure "
    "is the average precision of each record's ranking, because it is one figure a record; the mean average precision "
    "over labels stands beside it. No gain is claimed in figures.",
    data=canvases,
    draw=MissedPositives(0.3, 0.6),
    system=Trained("pu-mlc", "PU-MLC", SYSTEM, STEPS),
    host=Trained("assume-negative", "missed as absent", NEGATIVE, STEPS),
    others=(
        Trained("known-alone", "known labels alone", KNOWN, STEPS),
        Trained("no-rebalance", "PU-MLC without rebalancing", SYSTEM, STEPS, {"rebalance": 0}),
        Trained("no-temperature", "PU-MLC without a temperature", SYSTEM, STEPS, {"sharpness": 0}),
        Trained("risk-alone", "PU-MLC without both", SYSTEM, STEPS, {"rebalance": 0, "sharpness": 0}),
        Trained("as-published", "PU-MLC as strong as on VOC", SYSTEM, STEPS, {"rebalance": 0.85, "sharpness": 2}),
        Plain("logistic", "logistic regression on pixels, missed as absent"),
    ),
    peer="logistic",
    id=289,
)
