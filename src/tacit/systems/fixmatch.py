"""FixMatch with distribution alignment: the field's reference for few labels.

Source: Sohn et al. 2020, "FixMatch" (equations 3 and 4), with the alignment of Berthelot et al. 2020, "ReMixMatch"
(section 3.1). Hard pseudo-labels of the weak view above a threshold teach the strong view. Paper and reference code
differ in weight decay on norms and biases (the code decays all; here none) and in the evaluation copy (both
evaluate a moving average).
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.selftrain import SelfTrain, Threshold, hard
from tacit.systems.base import Stage, System
from tacit.systems.parts import uniform_alignment


def build(context: Context, before: Method | None) -> Method:
    """Student as teacher, threshold on confidence, hard targets, one strong view."""
    return SelfTrain(
        context.encoder(),
        context.task,
        alignment=uniform_alignment(context),
        selection=Threshold(context.option("threshold", 0.95)),
        target=hard,
        decay=0.995,
    )


SYSTEM = System(
    name="fixmatch",
    title="FixMatch with distribution alignment",
    family="selftrain",
    stages=(Stage("train", build),),
    tasks=("classes", "number"),
    paper="Sohn et al. 2020, arXiv 2001.07685; Berthelot et al. 2020, arXiv 1911.09785",
)
