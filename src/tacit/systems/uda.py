"""UDA: consistency between the prediction on the clean copy and on a strongly augmented one (catalogue 316).

Source: Xie et al. 2020, "Unsupervised Data Augmentation for Consistency Training". Target: the fixed prediction on
the clean view, sharpened with temperature 0.4 and kept above a confidence of 0.8 (section 2.3 and appendix); the
labelled signal is released gradually. Differs from FixMatch in soft targets, no alignment, and the release. For
texts the paper back-translates or replaces words by TF-IDF; the second is the text views' option ``strong_replace``,
without which the modality's strong view (word dropout, swaps, spans) stands in.

Claim: strong task-specific augmentation on the unlabelled copy beats small noise as the only changed part, with
supervised training under the same augmentation as a control.
"""

from __future__ import annotations

from tacit.data.task import Classes
from tacit.engines.method import Context, Method
from tacit.engines.selftrain import SelfTrain, SignalRelease, Threshold, sharpened
from tacit.systems.base import Stage, System


def build(context: Context, before: Method | None) -> Method:
    """Clean view as the teacher's, sharpened soft targets, confidence mask, gradual release."""
    classes = isinstance(context.task, Classes)
    released = classes and bool(context.options.get("release", True))
    return SelfTrain(
        context.encoder(),
        context.task,
        selection=Threshold(context.option("threshold", 0.8)) if classes else None,
        target=sharpened(context.option("temperature", 0.4)),
        teacher_view="clean",
        perturbations=(str(context.options.get("perturbation", "strong")),),
        release=SignalRelease(context.task.outputs) if released else None,
    )


SYSTEM = System(
    name="uda",
    title="UDA: unsupervised data augmentation",
    family="selftrain",
    stages=(Stage("train", build),),
    tasks=("classes", "number"),
    catalogue=316,
    paper="Xie et al. 2020, arXiv 1904.12848",
)
