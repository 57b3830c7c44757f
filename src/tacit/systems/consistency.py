"""Consistency with soft, aligned targets: tacit's own default for few labels.

The belief about the weak view, aligned to equal class shares, is the target of the strong view: no threshold, no
hardening. Parts: alignment and the weak view as an anchor from Berthelot et al. 2020, "ReMixMatch" (sections 3.1 and
3.2), soft targets and the plain consistency loss from Xie et al. 2020, "UDA". Differs from FixMatch in target and
selection: with one label per class a hard pseudo-label above a threshold locks in clusters that swapped names early,
while soft targets let them dissolve. Figures in docs/results.md.
"""

from __future__ import annotations

from tacit.data.task import Classes
from tacit.engines.method import Context, Method
from tacit.engines.selftrain import SelfTrain, soft
from tacit.systems.base import Stage, System
from tacit.systems.parts import uniform_alignment


def build(context: Context, before: Method | None) -> Method:
    """Student as teacher, every belief counts, the aligned belief as target, one strong view."""
    classes = isinstance(context.task, Classes)
    return SelfTrain(
        context.encoder(),
        context.task,
        alignment=uniform_alignment(context, context.option("alignment", 1.0)) if classes else None,
        target=soft,
        decay=0.995,
    )


SYSTEM = System(
    name="consistency",
    title="Consistency with soft aligned targets",
    family="selftrain",
    stages=(Stage("train", build),),
    tasks=("classes", "number"),
    paper="after Berthelot et al. 2020, arXiv 1911.09785, and Xie et al. 2020, arXiv 1904.12848",
)
