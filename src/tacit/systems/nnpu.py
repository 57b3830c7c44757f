"""nnPU: positive and unlabelled learning with a risk that cannot become negative.

Source: Kiryo et al. 2017, "Positive-Unlabeled Learning with Non-Negative Risk Estimator", equation 6 and algorithm 1,
with the sigmoid loss (option ``logistic`` True: the logistic one), beta 0 and gamma 1. Differs from its host, which
takes the unlabelled as negative, in the risk alone. The paper draws positives and unlabelled as two samples; here
they are one, so the labelled share is taken off (`tacit.labels.nonnegative_risk`). Needs batches that hold positives:
128 records. The sigmoid loss ranks and decides, its probabilities are not calibrated.

Evidence other than `Positives` is trained on by its likelihood.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.positive import NonNegative
from tacit.engines.settings import Settings
from tacit.engines.supervised import Supervised
from tacit.labels.nonnegative_risk import Loss
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings as augmented


def build(context: Context, before: Method | None) -> Method:
    """The augmented baseline on the non-negative risk."""
    loss: Loss = "logistic" if context.options.get("logistic", False) else "sigmoid"
    objective = NonNegative(context.task, loss)
    return Supervised(context.encoder(), context.task, views=("weak", "strong"), objective=objective)


def settings(context: Context) -> Settings:
    """As the augmented baseline, with larger batches."""
    return augmented(context).but(labelled_batch=128)


SYSTEM = System(
    name="nnpu",
    title="nnPU: non-negative risk of positives and unlabelled",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    tasks=("classes", "multilabel"),
    paper="Kiryo et al. 2017, arXiv 1703.00593",
)
