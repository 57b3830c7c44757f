"""ELR: cross-entropy and a term that holds each record to what the network believed of it early on (catalogue 296).

Source: Liu et al. 2020, "Early-Learning Regularization Prevents Memorization of Noisy Labels", equations 5 and 6,
without the mixup and the second network of ELR+. Only the term differs from plain cross-entropy. The momentum of 0.7
is that of the paper's code for symmetric noise on CIFAR-10. Its weight there is 3 (1 for asymmetric noise), its
weight on CIFAR-100 is 7, as here: on a development draw of digits the network still memorised at 3 and did not at 7.
As in the code the average takes up the present belief before the term is read; with several views once for each. Paper
and code train on randomly cropped and flipped images; here on the option ``views``, weak ones unless told.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.robust import EarlyLearning, trained_on
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """A moving average of every record's beliefs."""
    weight, momentum = context.option("weight", 7.0), context.option("momentum", 0.7)
    return trained_on(context, EarlyLearning(context.task, context.records, weight, momentum))


SYSTEM = System(
    name="elr",
    title="ELR: early-learning regularisation",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    catalogue=296,
    paper="Liu et al. 2020, arXiv 2007.00151",
)
