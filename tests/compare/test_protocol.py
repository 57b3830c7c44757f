"""The comparison as a whole, on features alone so that it is quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.naive_bayes import GaussianNB

from tacit.compare.baselines import feature_candidates
from tacit.compare.folds import NEVER
from tacit.compare.judges import folds_for, judge_for, judged, truth_of, without
from tacit.compare.plan import Plan
from tacit.compare.protocol import Comparison
from tacit.compare.recipe import Recipe
from tacit.compare.scores import values_of
from tacit.compare.user import UserCandidate
from tacit.data.prediction import Categorical
from tacit.errors import InputError, Interrupted
from tacit.labels import Exact, Labels, Values
from tacit.systems.base import systems
from tacit.train.watch import Watch

NAMES = ("a", "b", "c")


def plan(folds: int = 3, seed: int = 0, metric: str = "accuracy") -> Plan:
    return Plan(seed, "20steps", metric, folds, "auto", {})


@pytest.fixture
def compare(toy: Callable[[str], Any]) -> Callable[..., Comparison]:
    def make(
        labels: Labels, *methods: Any, watch: Watch | None = None, groups: Any = None, **settings: Any
    ) -> Comparison:
        bench = toy("table").bench(labels.task, watch)
        heads = [c for c in feature_candidates(bench) if c.name in ("logistic", "boosted-trees")]
        users = [UserCandidate(m, bench) for m in methods]
        return Comparison(bench, labels, [*heads, *users], plan(**settings), groups=groups)

    return make


@pytest.fixture
def labels(toy: Callable[[str], Any]) -> Exact:
    return Exact(toy("table").some(30), NAMES)


class Spy:
    """A callable that keeps what evidence it was given."""

    __name__ = "spy"

    def __init__(self) -> None:
        self.seen: list[set[int]] = []

    def __call__(self, records: Any, labels: Labels, rng: Any) -> Any:
        self.seen.append(set(labels.labelled().tolist()))
        return lambda new: np.tile([0.2, 0.5, 0.3], (len(new), 1))


def test_each_label_is_judged_once_by_a_model_without_it(compare: Any, labels: Exact) -> None:
    spy = Spy()
    comparison = compare(labels, spy)
    outcome = comparison.run()
    known = set(range(30))
    hidden = [known - seen for seen in spy.seen]
    assert len(hidden) == 3
    assert set().union(*hidden) == known and sum(map(len, hidden)) == 30
    index, prediction = outcome.store.of("spy")
    assert index.tolist() == sorted(known)
    assert comparison.held_out == 30
    np.testing.assert_allclose(prediction.p[0], [0.2, 0.5, 0.3], rtol=1e-6)
    comparison.final("spy")
    assert spy.seen[-1] == known, "the final fit has all labels"


def test_a_candidate_is_compared_once_and_the_order_changes_nothing(compare: Any, labels: Exact) -> None:
    spy = Spy()
    piecewise, at_once = compare(labels, spy, GaussianNB()), compare(labels, Spy(), GaussianNB())
    piecewise.compare("gaussiannb")
    for _ in range(2):
        piecewise.compare("spy")
    assert len(spy.seen) == 3
    found, expected = piecewise.run(), at_once.run()
    assert len(spy.seen) == 3
    assert (found.lines, found.verdict) == (expected.lines, expected.verdict)


def test_what_takes_no_steps_comes_first(toy: Any, labels: Exact) -> None:
    bench = toy("table").bench(labels.task)
    trained, heads = [Recipe(systems()[n], bench) for n in ("supervised", "fixmatch")], feature_candidates(bench)
    comparison = Comparison(bench, labels, [trained[0], *heads, trained[1]], plan())
    assert list(comparison.candidates) == [c.name for c in (*heads, *trained)]
    assert comparison.recipes == trained


def test_scores_are_those_of_the_out_of_fold_predictions(compare: Any, labels: Exact, toy: Any) -> None:
    outcome = compare(labels, GaussianNB()).run()
    for line in outcome.lines:
        index, prediction = outcome.store.of(line.candidate)
        guess = prediction.log_p.argmax(1).numpy()
        assert line.score == pytest.approx(accuracy_score(toy("table").y[index], guess))
    scores = [line.score for line in outcome.lines]
    assert scores == sorted(scores, reverse=True)


def test_a_comparison_is_a_function_of_data_and_seed(compare: Any, labels: Exact, global_randomness: None) -> None:
    first, again, other = (compare(labels, GaussianNB(), seed=seed).run() for seed in (0, 0, 1))
    assert first.lines == again.lines and first.verdict == again.verdict
    assert first.lines != other.lines


def test_a_candidate_that_fails_is_told_and_the_rest_goes_on(compare: Any, labels: Exact) -> None:
    def broken(records: Any, labels: Any, rng: Any) -> Any:
        raise KeyError("no such thing")

    def nan(records: Any, labels: Any, rng: Any) -> Any:
        return lambda new: np.full((len(new), 3), np.nan)

    def short(records: Any, labels: Any, rng: Any) -> Any:
        return lambda new: np.ones((len(new) - 1, 3))

    outcome = compare(labels, broken, nan, short).run()
    assert "broken raised KeyError" in outcome.failures["broken"]
    assert "not numbers" in outcome.failures["nan"]
    assert outcome.failures["short"] == "short gave predictions of shape (9, 3); expected is (10, 3)"
    assert {line.candidate for line in outcome.lines} == {"logistic", "boosted-trees"}


def test_without_any_baseline_there_is_nothing_to_compare_with(toy: Any, labels: Exact) -> None:
    bench = toy("table").bench(labels.task)
    comparison = Comparison(bench, labels, [UserCandidate(GaussianNB(), bench)], plan())
    with pytest.raises(InputError, match="no baseline could be fitted"):
        comparison.run()


def test_an_interruption_is_honoured_between_units(compare: Any, labels: Exact) -> None:
    watch = Watch()
    watch.interrupted = True
    with pytest.raises(Interrupted):
        compare(labels, watch=watch).run()


def test_groups_are_held_out_together(compare: Any, labels: Exact) -> None:
    spy = Spy()
    groups = np.array([f"patient {i // 6}" for i in range(72)], dtype=object)
    comparison = compare(labels, spy, groups=groups)
    comparison.run()
    for seen in spy.seen:
        hidden = set(range(30)) - seen
        assert not {groups[i] for i in hidden} & {groups[i] for i in seen}
    assert (comparison.fold_of != NEVER).all()


def test_one_label_a_class_leaves_the_prior(compare: Any, toy: Any) -> None:
    labels = Exact(toy("table").some(3), NAMES)
    assert folds_for(judge_for(labels, None), 60.0) == 0
    outcome = compare(labels, GaussianNB(), folds=0).run()
    assert outcome.verdict.word == "no evidence of your own; expected from other data"
    assert outcome.verdict.held_out == 0
    assert all(line.score is None for line in outcome.lines)
    assert not outcome.store.candidates


def test_partly_known_labels_are_judged_where_they_are_known(toy: Any) -> None:
    """Several labels a record: unknown ones count neither for nor against."""
    y = toy("table").y[:24]
    both = np.stack([y == 0, y != 1], axis=1).astype(int)
    both[::2, 1] = -1
    known = np.vstack([both, np.full((48, 2), -1)])
    labels = Exact(known, ["x", "y"])
    bench = toy("table").bench(labels.task)
    comparison = Comparison(bench, labels, feature_candidates(bench), plan())
    outcome = comparison.run()
    (line,) = outcome.lines
    index, prediction = outcome.store.of("logistic")
    assert isinstance(prediction, Categorical)
    guess = prediction.p[:, 1].reshape(-1, 2).numpy() > 0.5
    right = [guess[i, k] == both[i, k] for i in range(24) for k in range(2) if both[i, k] >= 0]
    assert index.tolist() == list(range(24))
    assert line.score == pytest.approx(np.mean(right))
    truth, values = judged(labels.take(index), prediction)
    assert len(truth) == len(values) == 36 and set(truth) == {0.0, 1.0}


def test_without_hides_all_units_of_a_record_and_no_other() -> None:
    wide = Exact(np.array([[1, 0], [-1, 1], [0, -1]]), ["x", "y"])
    left = without(wide, np.array([0, 2]))
    assert isinstance(left, Exact)
    assert left.y.tolist() == [[-1, -1], [-1, 1], [-1, -1]]
    assert truth_of(Values([1.0, 2.0])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("y", "seconds", "folds"),
    [([0, 1], 60, 0), ([0, 0, 1], 60, 3), ([0, 0], 60, 2), ([0, 1] * 10, 599, 3), ([0, 1] * 10, 600, 5),
     ([0, 1] * 10, None, 3)],
)  # fmt: skip
def test_number_of_folds(y: list[int], seconds: float | None, folds: int) -> None:
    assert folds_for(judge_for(Exact(np.array(y), ["a", "b"]), None), seconds) == folds
    assert folds_for(judge_for(Values([1.0]), None), 60) == 0


def test_numbers_are_judged_by_their_means(toy: Any) -> None:
    y = np.where(np.arange(72) < 40, 100.0 * toy("table").y, np.nan)
    labels = Values(y)
    bench = toy("table").bench(labels.task)
    outcome = Comparison(bench, labels, feature_candidates(bench), plan(metric="mse")).run()
    for line in outcome.lines:
        index, prediction = outcome.store.of(line.candidate)
        assert line.score == pytest.approx(float(((values_of(prediction) - y[index]) ** 2).mean()), rel=1e-6)
    assert outcome.lines[0].score == min(line.score for line in outcome.lines), "the smallest error leads"
