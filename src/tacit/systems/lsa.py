"""LSA: a hyperplane between foreign records and the others takes turns with the small-loss detector (catalogue 211).

Source: Albert et al. 2024, "An accurate detection is not all you need to combat label noise in web-noisy datasets",
on pseudo-loss selection (PLS, Albert et al. 2023). After a label-free contrastive stage, records of high loss (two
normal modes, probability above 0.95) teach a logistic regression on the contrastive features which records are
foreign. Epoch by epoch, either its word or the first detection says which labels become pseudo-labels. Its host is
the same with the first detection alone: option ``detection`` "loss"; "linear" for the hyperplane alone, "random" for
a draw of one of the two each epoch, "alternating" unless told.

The reference code reads the first layer of the network as it is trained, the paper's analysis features without labels:
here those of the label-free stage throughout. In the code losses count in full; here up to log C, without which the
detector by loss may come to take foreign records for clean (an arm of the claim measures it). There losses are read in
a pass of their own at the end of an epoch, here when each record is visited, on two weak views; its regression has no
penalty, here scikit-learn's. Left out, on both sides of the claim: mixup and the contrastive objective beside the
labels, of PLS, and the two networks of PLS-LSA+. Known of the paper: abstract and code. Not verified against its text:
which turn comes first, here as in the code the hyperplane's.
"""

from __future__ import annotations

from functools import partial

from tacit.engines.method import Context, Method
from tacit.engines.pseudoloss import Detector, PseudoLossSelection
from tacit.engines.settings import Settings
from tacit.listing import pick
from tacit.systems.base import Stage, System
from tacit.systems.parts import continued, fine_tuning
from tacit.systems.simclr import SYSTEM as SIMCLR

DETECTIONS: dict[str, tuple[Detector, ...]] = {
    "alternating": ("linear", "loss"),
    "random": ("linear", "loss"),
    "loss": ("loss",),
    "linear": ("linear",),
}


def select(context: Context, before: Method | None, detection: str = "alternating", capped: bool = True) -> Method:
    """Pseudo-loss selection from the contrastive encoder; the option ``detection`` comes before the argument."""
    named = str(context.options.get("detection", detection))
    detectors: tuple[Detector, ...] = pick(named, DETECTIONS, "detection")
    return PseudoLossSelection(
        continued(before),
        context.task,
        context.records,
        context.labelled,
        detectors,
        shuffled=named == "random",
        threshold=context.option("threshold", 0.95),
        capped=capped,
        warm_up=context.option("warm_up", 0.1),
    )


def selecting(context: Context) -> Settings:
    """Fine-tuning in larger batches, whose mean belief says something."""
    return fine_tuning(context).but(labelled_batch=64)


def detected_by(detection: str, capped: bool = True) -> System:
    """The system with another detection, under a name of its own; the label-free stage is the same."""
    train = Stage("train", partial(select, detection=detection, capped=capped), share=0.7, settings=selecting)
    plain = detection == "alternating" and capped
    return System(
        name="lsa" if plain else f"lsa-{detection}{'' if capped else '-uncapped'}",
        title="LSA: linear separation alternating with small losses",
        family="supervised",
        stages=(Stage("pretrain", SIMCLR.stages[0].build, 0.3, False, SIMCLR.stages[0].settings), train),
        catalogue=211,
        paper="Albert et al. 2024, arXiv 2407.05528; Albert et al. 2023, arXiv 2210.04578",
        own_pretraining=False,
    )


SYSTEM = detected_by("alternating")
