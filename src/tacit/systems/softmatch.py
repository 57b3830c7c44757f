"""SoftMatch: every pseudo-label counts, by a Gaussian of its confidence.

Source: Chen et al. 2023, "SoftMatch: Addressing the Quantity-Quality Trade-off", equation 7, with uniform alignment
(section 3.2). Differs from FixMatch in the weight below the running mean confidence. The paper takes hard targets;
here the aligned belief itself is the target, which on few labels keeps early mistakes from locking in (option
``hard`` True gives the paper's).
"""

from __future__ import annotations

from tacit.data.task import Classes
from tacit.engines.method import Context, Method
from tacit.engines.selftrain import SelfTrain, SoftSelection, hard, soft
from tacit.systems.base import Stage, System
from tacit.systems.parts import uniform_alignment


def build(context: Context, before: Method | None) -> Method:
    """Student as teacher, Gaussian weights, the aligned belief as target, one strong view."""
    classes = isinstance(context.task, Classes)
    return SelfTrain(
        context.encoder(),
        context.task,
        alignment=uniform_alignment(context),
        selection=SoftSelection(context.task.outputs) if classes else None,
        target=hard if context.options.get("hard", False) else soft,
        decay=0.995,
    )


SYSTEM = System(
    name="softmatch",
    title="SoftMatch with soft targets",
    family="selftrain",
    stages=(Stage("train", build),),
    tasks=("classes", "number"),
    paper="Chen et al. 2023, arXiv 2301.10921",
)
