"""A network on the evidence as it is: its likelihood is the loss.

Network, views and settings are those of the augmented baseline, which takes the evidence naively. For noisy labels
this is the forward correction of Patrini et al. 2017, for votes the joint model of Raykar et al. 2010. What is
estimated of the evidence comes from cross-fitted heads (`tacit.compare.estimate`); what is learned, by gradient.
"""

from __future__ import annotations

from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import build, settings

SYSTEM = System(
    name="evidence",
    title="Network on the evidence's likelihood",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    tasks=("classes", "multilabel", "number"),
    paper="after Patrini et al. 2017, arXiv 1609.03683, and Raykar et al. 2010",
)
