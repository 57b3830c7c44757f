"""The figures that claims are judged by, against scikit-learn; a claim on several labels from end to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score

from tacit.claims.arms import Plain, Trained
from tacit.claims.base import Claim
from tacit.claims.figures import hits, mean_average_precision, ranking_precision
from tacit.claims.runner import measure
from tacit.claims.sets import LabelSplit, Split
from tacit.claims.table import claims_table
from tacit.data.read import read
from tacit.data.task import MultiLabel
from tacit.labels import Exact, Labels
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.train.watch import Watch


def drawn(ties: bool) -> tuple[np.ndarray, np.ndarray]:
    """40 records of 6 labels; the first has none and the second all."""
    rng = np.random.default_rng(0)
    truth = (rng.random((40, 6)) < 0.4).astype(np.int64)
    truth[0], truth[1] = 0, 1
    scores = rng.normal(size=(40, 6))
    return (np.round(scores) if ties else scores), truth


@pytest.mark.parametrize("ties", [False, True])
def test_the_precision_of_a_ranking_is_that_of_scikit_learn_record_by_record(ties: bool) -> None:
    scores, truth = drawn(ties)
    found = ranking_precision(scores, truth)
    wanted = [label_ranking_average_precision_score(truth[[i]], scores[[i]]) for i in range(len(truth))]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert found[:2].tolist() == [1.0, 1.0]
    assert found[2:].std() > 0.1


def test_mean_average_precision_is_over_labels_and_over_groups_of_them() -> None:
    scores, truth = drawn(ties=False)
    found = mean_average_precision(scores, truth, {"head": [0, 1], "tail": [5]})
    assert found["mAP"] == pytest.approx(average_precision_score(truth, scores, average="macro"))
    assert found["mAP of the head"] == pytest.approx(
        average_precision_score(truth[:, :2], scores[:, :2], average="macro")
    )
    assert found["mAP of the tail"] == pytest.approx(average_precision_score(truth[:, 5], scores[:, 5]))


def test_a_hit_is_the_best_score_at_the_truth() -> None:
    scores = np.array([[0.2, 0.5, 0.3], [0.9, 0.0, 0.1]])
    assert hits(scores, np.array([1, 2])).tolist() == [True, False]


class AllKnown:
    """Every label of the pool."""

    def __call__(self, split: Split, rng: np.random.Generator) -> Labels:
        return Exact(split.truth, split.classes)

    def __str__(self) -> str:
        return "all labels"


def corners() -> LabelSplit:
    """8 × 8 images, of which each of three corners is bright or not; the first label is present in a tenth."""
    rng = np.random.default_rng(0)
    truth = (rng.random((120, 3)) < [0.1, 0.5, 0.5]).astype(np.int64)
    images = rng.integers(0, 60, (120, 8, 8)).astype(np.uint8)
    for k, (row, column) in enumerate(((0, 0), (0, 5), (5, 0))):
        images[truth[:, k] == 1, row : row + 3, column : column + 3] += 180
    records = read(images, modality="image")
    inner, outer = np.arange(80), np.arange(80, 120)
    return LabelSplit(
        "corners", records.take(inner), truth[inner], records.take(outer), truth[outer], ("a", "b", "c"), {"rare": [0]}
    )


CLAIM = Claim(
    name="several",
    title="Several labels",
    says="it helps",
    source="nobody",
    chosen="corners",
    data=corners,
    draw=AllKnown(),
    system=Trained("augmented", "augmented", AUGMENTED, 3),
    host=Trained("host", "host", AUGMENTED, 3),
    others=(Plain("logistic", "logistic regression on pixels"),),
    peer="logistic",
)


def test_a_claim_on_several_labels_is_judged_by_its_own_figure(tmp_path: Path) -> None:
    result = measure(CLAIM, tmp_path, Watch(), seeds=[100], device="cpu")
    assert isinstance(corners().task, MultiLabel)
    assert result["metric"] in result["sentence"]
    page = claims_table(tmp_path)
    assert f"| arm | steps | {LabelSplit.metric} |" in page
    assert f"corners, all labels; {LabelSplit.metric} |" in page
    (logistic,) = result["others"]
    assert set(logistic["measures"]) == {"mAP", "mAP of the rare"}
    assert logistic["mean"] > 0.95 and logistic["measures"]["mAP"] > 0.95, "bright corners are easy"
    assert measure(CLAIM, tmp_path, Watch(), seeds=[100], device="cpu") == result, "read back from the file"


def test_other_truth_is_another_outcome_and_a_subset_keeps_its_kind() -> None:
    split = corners()
    assert split.fingerprint() != replace(split, test_truth=1 - split.test_truth).fingerprint()
    few = split.subset(pool=10, test=5)
    assert isinstance(few, LabelSplit)
    assert (few.truth.shape, few.test_truth.shape, few.groups) == ((10, 3), (5, 3), {"rare": [0]})
