"""T-JEPA (catalogue 3): latents of hidden columns as pretraining, against the same transformer from raw columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tacit.claims.arms import Frozen, Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.sets import Draw, Split, adult
from tacit.systems.simclr import SYSTEM as CONTRAST
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.systems.tjepa import SYSTEM

STEPS = 200


def some_adults() -> Split:
    """5,000 rows for the pool and 5,000 of the test rows."""
    return adult().subset(pool=5000, test=5000)


def collapse(features: NDArray[np.float32]) -> dict[str, float]:
    """Signs of collapse in (n, D) features: the mean standard deviation of a column, and the effective rank.

    The effective rank is exp of the entropy of the normalised eigenvalues of the covariance (Roy and Vetterli
    2007): 1 where all rows lie on a line, D where they spread evenly.
    """
    spread = features.std(axis=0)
    values = np.linalg.eigvalsh(np.cov(features.T.astype(np.float64))).clip(min=1e-12)
    share = values / values.sum()
    rank = float(np.exp(-(share * np.log(share)).sum()))
    return {"feature deviation": float(spread.mean()), "effective rank": rank}


CLAIM = Claim(
    name="t-jepa",
    title="T-JEPA",
    says="pretrained representations beat training on raw features, and match or beat gradient-boosted trees",
    source="arXiv 2410.05016",
    chosen="Adult, 200 labels, 5,000 rows unlabelled, 5,000 of the test rows: the nearest set at hand with columns "
    "of both kinds. Fine-tuned rather than read by another network, so that the host is the same transformer, "
    "trained on the labels for as many steps. Contrast of corrupted rows is the check's other pretraining; the "
    "variant without the regularisation token is not built, its features' spread stands in.",
    data=some_adults,
    draw=Draw(total=200),
    system=Trained("t-jepa", "T-JEPA, fine-tuned", SYSTEM, STEPS),
    host=Trained("supervised-augmented", "the same transformer from raw columns", AUGMENTED, STEPS),
    others=(
        Frozen("t-jepa-frozen", "logistic regression on T-JEPA's features", SYSTEM, STEPS, measure=collapse),
        Frozen("random-frozen", "logistic regression on random features", SYSTEM, 0, measure=collapse),
        Trained("contrast", "contrast of corrupted rows, fine-tuned", CONTRAST, STEPS),
        Plain("logistic", "logistic regression"),
        Plain("boosted-trees", "gradient-boosted trees"),
    ),
    peer="logistic",
    id=3,
    encoder="transformer",
    seeds=8,
)
