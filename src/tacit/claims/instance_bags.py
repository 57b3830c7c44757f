"""Bags of records of which only the whole has a label: sets, draws, and how instances are judged bag by bag."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from tacit.claims.figures import Floats, Outcome
from tacit.claims.sets import SUBSET_SEED, Numbers, Split, digits, some
from tacit.claims.weak_draws import two_classes
from tacit.data.prediction import Categorical, Prediction
from tacit.labels.bags import Bags


@dataclass(frozen=True)
class BagSplit(Split):
    """Two classes of records; those of the test are in bags, which are positive if one of their records is.

    ``test_bag``: (test,) the number of each test record's bag, 0 to the last. What is judged is bags.
    """

    test_bag: Numbers

    metric: ClassVar[str] = "accuracy of bags"

    def scores(self, prediction: Prediction) -> Floats:
        """(test, 2) log-probabilities: probabilities near 1 would be ties."""
        assert isinstance(prediction, Categorical)
        return prediction.log_p.double().cpu().numpy()

    def judge(self, scores: Floats) -> Outcome:
        """Hits of bags, (bags,): one is called positive where some record is more likely positive than not.

        Beside it the area under the curve of records, of bags by their likeliest record and by noisy-or, and the
        accuracy of noisy-or.
        """
        from sklearn.metrics import roc_auc_score

        odds, bag = scores[:, 1] - scores[:, 0], self.test_bag
        bags = int(bag.max()) + 1
        positive, highest = np.zeros(bags, dtype=bool), np.full(bags, -np.inf)
        np.logical_or.at(positive, bag, self.test_truth == 1)
        np.maximum.at(highest, bag, odds)
        hazard = np.bincount(bag, np.logaddexp(0.0, odds), bags)
        measures = {
            "AUC of records": roc_auc_score(self.test_truth, odds),
            "AUC of bags": roc_auc_score(positive, highest),
            "AUC of bags by noisy-or": roc_auc_score(positive, hazard),
            "accuracy of bags by noisy-or": ((hazard > np.log(2)) == positive).mean(),
        }
        return Outcome((highest > 0) == positive, {name: float(value) for name, value in measures.items()})

    def fingerprint(self) -> bytes:
        return super().fingerprint() + self.test_bag.tobytes()

    def subset(self, pool: int | None = None, test: int | None = None) -> Self:
        """A fixed random part of the pool, and whole bags of about ``test`` records."""
        bags = int(self.test_bag.max()) + 1
        kept = None if test is None else max(1, round(test * bags / len(self.test)))
        outer = np.flatnonzero(np.isin(self.test_bag, some(bags, kept)))
        return self.parts(some(len(self.pool), pool), outer)

    def parts(self, inner: Numbers, outer: Numbers) -> Self:
        """These records of the pool and of the test; bags are numbered anew."""
        _, bag = np.unique(self.test_bag[outer], return_inverse=True)
        return replace(super().parts(inner, outer), test_bag=bag.astype(np.int64))


@dataclass(frozen=True)
class InstanceBags:
    """Bags of ``size`` records of the pool, half of them positive with so many ``witnesses``, and their labels.

    No record is in two bags, and as many bags are made as there are records for, ``most`` at most; the others are in
    none.
    """

    size: int = 10
    witnesses: int = 1
    most: int = 1_000_000

    def __str__(self) -> str:
        share = f"{100 * self.witnesses / self.size:g} %"
        limit = f"{self.most} " if self.most < 1_000_000 else ""
        return f"labels of {limit}bags of {self.size}, {share} of a positive bag positive"

    def __call__(self, split: Split, rng: np.random.Generator) -> Bags:
        """Whether each bag is positive; every positive record is in a positive one, or in none."""
        bag = bagged(split.truth, self, rng)
        positive = np.zeros(int(bag.max()) + 1, dtype=bool)
        positive[bag[(bag >= 0) & (split.truth == 1)]] = True
        return Bags(bag, positive, n=len(bag), classes=split.classes)


def bagged(truth: Numbers, kind: InstanceBags, rng: np.random.Generator) -> Numbers:
    """(n,) the bag of each record, -1 for none; positive and negative bags in turn."""
    on, off = (rng.permutation(np.flatnonzero(truth == c)) for c in (1, 0))
    pairs = min(len(on) // kind.witnesses, len(off) // (2 * kind.size - kind.witnesses), kind.most // 2)
    bag = np.full(len(truth), -1, dtype=np.int64)
    bag[on[: pairs * kind.witnesses]] = np.repeat(2 * np.arange(pairs), kind.witnesses)
    others = np.tile(np.repeat([0, 1], [kind.size - kind.witnesses, kind.size]), pairs)
    bag[off[: len(others)]] = others + np.repeat(2 * np.arange(pairs), 2 * kind.size - kind.witnesses)
    return bag


def nine_bags() -> BagSplit:
    """scikit-learn's digits, nines positive; the test half is in fixed bags of 10, with one nine in half of them."""
    return in_bags(two_classes(digits(), np.arange(10) == 9, ("another digit", "nine")), InstanceBags())


def in_bags(split: Split, kind: InstanceBags) -> BagSplit:
    """The test records of two classes in fixed bags; those that are left over are dropped."""
    bag = bagged(split.test_truth, kind, np.random.default_rng(SUBSET_SEED))
    kept = np.flatnonzero(bag >= 0)
    return BagSplit(
        f"{split.name}, in bags",
        split.pool,
        split.truth,
        split.test.take(kept),
        split.test_truth[kept],
        split.classes,
        bag[kept],
    )
