"""Consistency with soft, aligned targets from a spread start: tacit's own default for few labels.

The belief about the weak view, aligned to equal class shares, is the target of the strong view: no threshold, no
hardening. For images the targets start from class-balanced label spreading over a graph that ignores small changes,
and leave it over the first 30 % of the steps. Parts: alignment and the weak view as an anchor from Berthelot et al.
2020, "ReMixMatch" (sections 3.1 and 3.2), soft targets from Xie et al. 2020, "UDA", the start from Zhou et al. 2004.

Differs from FixMatch in target, selection and start: with one label per class a hard pseudo-label above a threshold
locks in clusters that swapped names early, soft targets let them dissolve, and the spread start seldom swaps them.
Figures in docs/results.md. Options: ``alignment`` (power, 1.0), ``spread`` (True).
"""

from __future__ import annotations

import torch

from tacit.data.task import Classes
from tacit.engines.method import Context, Method
from tacit.engines.selftrain import Anchor, SelfTrain, soft
from tacit.engines.spreading import spread_over_views
from tacit.modalities.base import Nearby
from tacit.systems.base import Stage, System
from tacit.systems.parts import uniform_alignment


def build(context: Context, before: Method | None) -> Method:
    """Student as teacher, every belief counts, the aligned belief as target, one strong view."""
    return SelfTrain(
        context.encoder(),
        context.task,
        alignment=uniform_alignment(context, context.option("alignment", 1.0)),
        target=soft,
        anchor=spread_start(context),
        decay=0.995,
    )


def spread_start(context: Context) -> Anchor | None:
    """Spreading needs classes, and samples between which distances mean something."""
    wanted = context.options.get("spread", True) and isinstance(context.prepared, Nearby)
    if not wanted or not isinstance(context.task, Classes):
        return None
    classes = context.task.outputs
    return Anchor(context.records, torch.full((classes,), 1 / classes), spread_over_views)


SYSTEM = System(
    name="consistency",
    title="Consistency with soft aligned targets",
    family="selftrain",
    stages=(Stage("train", build),),
    tasks=("classes", "number"),
    paper="after Berthelot et al. 2020, arXiv 1911.09785, and Xie et al. 2020, arXiv 1904.12848",
)
