"""What annotators are made to say of a grade: votes, labels, comparisons, and that all kinds agree."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from tacit.claims.arms import Desk, Trained, Trial
from tacit.claims.graded import ERROR, LEANING, Judged, calibration, dear_houses, judged, normal_scores
from tacit.claims.p2c import CLAIM
from tacit.claims.sets import Split
from tacit.compare.workbench import make_fabric
from tacit.data.prediction import Categorical
from tacit.data.read import read
from tacit.labels import Exact, Preferences, Soft
from tacit.labels.mixture import Mixture
from tacit.systems.supervised import SYSTEM
from tacit.train.watch import Watch


def split_of(n: int = 600) -> Split:
    rng = np.random.default_rng(0)
    price = rng.lognormal(size=n)
    rows = [{"x": float(np.log(v) + 0.1 * rng.normal()), "price": float(v)} for v in price]
    records = read(rows, modality="table", exclude=("price",))
    truth = (price > np.median(price)).astype(np.int64)
    return Split("tiny", records, truth, records, truth, ("cheap", "dear"))


SPLIT = split_of()


def drawn(kind: Any, seed: int = 100, items: int = 200, asked: int = 400) -> Any:
    return Judged(items, asked, kind, "price")(SPLIT, np.random.default_rng(seed))


def test_all_kinds_agree_on_records_and_votes() -> None:
    exact, soft, more, mixture = (drawn(kind) for kind in ("classes", "shares", "more", "preferences"))
    assert isinstance(exact, Exact) and isinstance(soft, Soft) and isinstance(mixture, Mixture)
    rows = exact.labelled()
    assert len(rows) == 200
    np.testing.assert_array_equal(soft.labelled(), rows)
    np.testing.assert_array_equal((soft.q[rows, 1] > 0.5).astype(int), exact.y[rows])
    assert set(np.round(5 * soft.q[rows, 1], 9)) <= set(range(6)), "fifths"
    assert len(more.labelled()) == 200 + 400 // 5
    np.testing.assert_array_equal(more.y[rows], exact.y[rows])
    np.testing.assert_array_equal(mixture.parts[0].y, exact.y)
    assert (drawn("classes", 101).y != exact.y).any()


def test_comparisons_are_of_two_records_of_one_label_and_mostly_right() -> None:
    labels = drawn("preferences")
    exact, pairs = labels.parts
    assert isinstance(pairs, Preferences) and pairs.of == "dear"
    assert len(pairs.winner) == 400
    assert (exact.y[pairs.winner] == exact.y[pairs.loser]).all() and (exact.y[pairs.winner] >= 0).all()
    grade = normal_scores(np.asarray(SPLIT.pool.column("price"), dtype=float))
    right = grade[pairs.winner] > grade[pairs.loser]
    expected = norm.cdf(np.abs(grade[pairs.winner] - grade[pairs.loser]) / (np.sqrt(2) * ERROR)).mean()
    assert right.mean() == pytest.approx(expected, abs=0.06)


def test_votes_are_above_the_bound_as_often_as_their_errors_say() -> None:
    grade, bounds = np.array([-0.5, 0.0, 0.8]), np.array([-LEANING, 0.0, LEANING])
    rng = np.random.default_rng(0)
    shares = np.mean([judged(grade, bounds, rng) for _ in range(4000)], axis=0)
    expected = norm.cdf((grade[:, None] - bounds) / ERROR).mean(axis=1)
    np.testing.assert_allclose(shares, expected, atol=0.02)
    np.testing.assert_allclose(normal_scores(np.array([3.0, 1.0, 1.0, 9.0])), norm.ppf([0.625, 0.25, 0.25, 0.875]))


class Fixed:
    """The same beliefs whatever is asked."""

    def __init__(self, p: np.ndarray) -> None:
        import torch

        self.prediction = Categorical(torch.from_numpy(p).log())

    def __call__(self, records: object) -> Categorical:
        return self.prediction


def test_calibration_is_the_gap_of_confidence_and_accuracy_weighed_by_records() -> None:
    p = np.tile([0.25, 0.75], (600, 1))
    desk = Desk(SPLIT, "auto", make_fabric("cpu"), Watch())
    found = calibration(Trial(desk, drawn("classes"), 0), Fixed(p), None)  # type: ignore[arg-type]
    assert found["calibration error"] == pytest.approx(0.75 - 0.5, abs=1e-6), "half of the records are dear"
    assert found["log loss"] == pytest.approx(-0.5 * (np.log(0.25) + np.log(0.75)), abs=1e-6)


def test_an_arm_may_draw_other_labels_with_the_same_seed() -> None:
    desk = Desk(SPLIT, "auto", make_fabric("cpu"), Watch())
    trial = Trial(desk, drawn("preferences", 7), 7)
    seen: list[Any] = []

    def spy(split: Split, rng: np.random.Generator) -> Any:
        seen.append(Judged(200, 400, "shares", "price")(split, rng))
        return seen[-1]

    arm = Trained("soft", "soft", SYSTEM, 2, draw=spy)  # type: ignore[arg-type]
    arm.run(trial)
    again = Judged(200, 400, "shares", "price")(SPLIT, trial.rng("labels"))
    np.testing.assert_array_equal(seen[0].q, again.q)
    plain = Trained("soft", "soft", SYSTEM, 2)
    assert set(arm.describe(desk)) - set(plain.describe(desk)) == {"labels"}, "results of other labels are not mixed"
    assert {arm.name for arm in CLAIM.arms if isinstance(arm, Trained) and arm.draw} == {"soft", "more"}


@pytest.mark.skipif(not os.environ.get("TACIT_DATA"), reason="TACIT_DATA is not set")
def test_houses_are_dear_above_the_median_and_their_value_is_hidden() -> None:
    split = dear_houses()
    assert (len(split.pool), len(split.test)) == (5000, 4128)
    value = np.asarray(split.pool.column("median_house_value"), dtype=float)
    assert value[split.truth == 0].max() < value[split.truth == 1].min()
    assert split.truth.mean() == pytest.approx(0.5, abs=0.02)
    assert "median_house_value" not in [column["name"] for column in split.pool.schema["columns"]]
