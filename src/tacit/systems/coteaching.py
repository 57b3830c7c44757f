"""Co-teaching: two networks choose each other's records, a reference for wrong labels.

Source: Han et al. 2018, "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels",
algorithm 1. The networks differ in their initial weights alone and see the same batches. The share that is forgotten
rises along the first 5 % of the steps (T_k = 10 of 200 epochs in the paper) to the option ``forget``. The paper takes
the true rate of noise, which nobody knows; 0.2 unless told. It predicts with one network; here the mean of both
averaged networks predicts.
"""

from __future__ import annotations

from tacit.engines.coteaching import CoTeaching
from tacit.engines.method import Context, Method
from tacit.engines.robust import named_views
from tacit.nets.network import Network
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """Two networks of different initial weights."""
    first, second = (Network(context.encoder(), context.task.outputs) for _ in range(2))
    forget, ramp = context.option("forget", 0.2), context.option("ramp", 0.05)
    return CoTeaching((first, second), context.task, named_views(context), forget, ramp)


SYSTEM = System(
    name="co-teaching",
    title="Co-teaching",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    paper="Han et al. 2018, arXiv 1804.06872",
)
