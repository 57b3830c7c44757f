"""scikit-learn's own checks of both estimators, and what it does not know of: unknown labels, other shapes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from tacit import InputError, TacitClassifier, TacitRegressor

HEADS: dict[str, Any] = {"methods": ["logistic"], "random_state": 0}
"""Baselines on features alone: seconds, and no network."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@parametrize_with_checks([TacitClassifier(), TacitRegressor()])  # type: ignore[untyped-decorator]
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


def blobs(n: int = 60, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three classes, well apart, in three dimensions."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 3)) + 4 * np.eye(3)[y], y


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (lambda y, some: np.where(some, y, -1), [0, 1, 2]),
        (lambda y, some: np.where(some, y.astype(float), np.nan), [0.0, 1.0, 2.0]),
        (lambda y, some: np.where(some, y.astype(float) + 1, -1.0), [1.0, 2.0, 3.0]),
        (lambda y, some: [f"c{c}" if s else None for c, s in zip(y, some, strict=True)], ["c0", "c1", "c2"]),
        (lambda y, some: [int(c) if s else None for c, s in zip(y, some, strict=True)], [0, 1, 2]),
        (lambda y, some: pd.Series(np.where(some, y, None), dtype="Int64"), [0, 1, 2]),
        (lambda y, some: pd.Series(["-1" if c == 0 else str(c) for c in y]).where(some), ["-1", "1", "2"]),
    ],
)
def test_unknown_labels(target: Callable[..., Any], classes: list[Any]) -> None:
    X, y = blobs()
    some = np.arange(len(y)) < 15
    model = TacitClassifier(**HEADS).fit(X, target(y, some))
    assert model.classes_.tolist() == classes
    assert type(model.classes_.tolist()[0]) is type(classes[0])
    assert model.run_.info["data"]["labelled"] == 15
    assert np.mean(model.predict(X) == np.asarray(classes)[y]) > 0.9


def test_minus_one_is_a_class_beside_plus_one_alone() -> None:
    X, y = blobs()
    signs = np.where(y == 0, -1, 1)
    model = TacitClassifier(**HEADS).fit(X, signs)
    assert model.classes_.tolist() == [-1, 1]
    assert model.run_.info["data"]["labelled"] == len(y)
    half = np.where(np.arange(len(y)) < 30, signs.astype(float), np.nan)
    model = TacitClassifier(**HEADS).fit(X, half)
    assert model.classes_.tolist() == [-1.0, 1.0]
    assert model.run_.info["data"]["labelled"] == 30


def test_bools_stay_bools() -> None:
    X, y = blobs()
    model = TacitClassifier(**HEADS).fit(X, y == 0)
    assert model.classes_.dtype == np.bool_
    assert model.predict(X).dtype == np.bool_


def test_probabilities_follow_classes_and_agree_with_the_run() -> None:
    X, y = blobs()
    names = np.array(["zebra", "ant", "mole"])[y]
    model = TacitClassifier(**HEADS).fit(X, names)
    p = model.predict_proba(X)
    assert model.classes_.tolist() == ["ant", "mole", "zebra"]
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert np.mean(model.classes_[p.argmax(axis=1)] == names) > 0.9
    board = model.run_.leaderboard
    assert [line["candidate"] for line in board if line["deployed"]] == [model.verdict_["deployed"]]


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3)])
def test_arrays_of_three_and_four_dimensions_are_images(shape: tuple[int, ...], fresh: Any) -> None:
    pixels, y = fresh("image", 45)
    images = pixels if len(shape) == 2 else np.repeat(pixels[..., None], shape[2], axis=3)
    model = TacitClassifier(**HEADS).fit(images, np.where(np.arange(45) < 30, y, -1))
    assert model.run_.info["modality"] == "image"
    assert model.score(images[30:], y[30:]) > 0.6
    with pytest.raises(InputError):
        model.predict(np.zeros((2, 8, 8, 5), dtype=np.uint8))


def test_modality_makes_a_table_of_images(fresh: Any) -> None:
    pixels, y = fresh("image", 45)
    model = TacitClassifier(modality="table", **HEADS).fit(pixels, y)
    assert model.run_.info["modality"] == "table"
    assert model.n_features_in_ == 64
    assert model.score(pixels, y) > 0.9


@pytest.mark.parametrize("form", [list, np.array, pd.Series])
def test_lists_of_strings_are_texts(form: Callable[[list[str]], Any], fresh: Any) -> None:
    texts, y = fresh("text", 45)
    model = TacitClassifier(encoder="tfidf", **HEADS).fit(form(texts), np.where(np.arange(45) < 30, y, -1))
    assert model.run_.info["modality"] == "text"
    assert model.score(form(texts[30:]), y[30:]) > 0.6


def test_data_frames_keep_their_columns() -> None:
    X, y = blobs()
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(kind=np.array(["u", "v", "w"])[y])
    frame.loc[3, "a"] = None
    model = TacitClassifier(**HEADS).fit(frame, np.where(np.arange(len(y)) < 30, y, -1))
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "kind"]
    assert model.n_features_in_ == 4
    assert model.score(frame, y) > 0.9
    one = frame.iloc[[7]]
    np.testing.assert_allclose(model.predict_proba(one), model.predict_proba(frame)[[7]], atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(pl.from_pandas(frame)), model.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_array_and_data_frame_may_change_places() -> None:
    X, y = blobs()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    by_frame = TacitClassifier(**HEADS).fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        from_array = by_frame.predict_proba(X)
    np.testing.assert_allclose(from_array, by_frame.predict_proba(frame))
    by_array = TacitClassifier(**HEADS).fit(X, y)
    with pytest.warns(UserWarning, match="has feature names"):
        from_frame = by_array.predict_proba(frame)
    np.testing.assert_allclose(from_frame, by_array.predict_proba(X))


def test_networks_learn_from_the_rest_and_the_seed_fixes_everything() -> None:
    X, y = blobs(45)
    partly = np.where(np.arange(45) < 9, y, -1)
    fits = [TacitClassifier(budget="6steps", random_state=seed).fit(X, partly) for seed in (3, 3, 4)]
    boards = [[(line["candidate"], line["score"]) for line in model.run_.leaderboard] for model in fits]
    assert "fixmatch" in dict(boards[0])
    assert boards[0] == boards[1]
    p = [model.predict_proba(X) for model in fits]
    np.testing.assert_array_equal(p[0], p[1])
    assert not np.allclose(p[0], p[2])


def test_random_state_may_be_a_generator_of_seeds() -> None:
    X, y = blobs()
    a, b = (TacitClassifier(methods=["logistic"], random_state=np.random.RandomState(5)).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    assert a.run_.plan.seed == b.run_.plan.seed


def test_the_clock_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    import tacit.estimators as estimators

    true_fit = estimators.fit
    monkeypatch.setattr(estimators, "fit", lambda *a, **k: seen.update(k) or true_fit(*a, **k))
    X, y = blobs()
    TacitClassifier(**HEADS).fit(X, y)
    assert seen["clock"] is False
    assert seen.get("out") is None


def test_regressor_reads_unknown_numbers_and_beats_the_mean() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = 2 * X[:, 0] - X[:, 1] - 1
    partly = [float(v) if i < 50 else None for i, v in enumerate(y)]
    model = TacitRegressor(**HEADS).fit(X, partly)
    assert model.run_.info["data"]["labelled"] == 50
    assert model.score(X[50:], y[50:]) > 0.9
    whole = TacitRegressor(**HEADS).fit(X, np.where(np.arange(80) < 50, np.round(y), np.nan))
    assert (whole.predict(X) < -1).any(), "-1 and below are numbers here"


def test_regressor_trains_consistency() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = np.where(np.arange(50) < 25, 5 + 2 * X[:, 0], np.nan)
    model = TacitRegressor(budget="4steps", random_state=0).fit(X, y)
    assert {"supervised", "fixmatch"} <= {line["candidate"] for line in model.run_.leaderboard}
    assert np.isfinite(model.predict(X)).all()


def test_estimators_of_ones_own_are_candidates() -> None:
    X, y = blobs()
    model = TacitClassifier(methods=[LogisticRegression()], random_state=0).fit(X, y)
    assert "logisticregression" in {line["candidate"] for line in model.run_.leaderboard}
    number = TacitRegressor(methods=[HistGradientBoostingRegressor(max_iter=5)], random_state=0).fit(X, X[:, 0])
    assert "histgradientboostingregressor" in {line["candidate"] for line in number.run_.leaderboard}


def test_groups_reach_the_folds() -> None:
    X, y = blobs()
    groups = np.arange(60) // 6
    fold_counts = TacitClassifier(**HEADS).fit(X, y, groups=groups).verdict_["held_out"]
    assert fold_counts > 0
    with pytest.raises(InputError, match="one group"):
        TacitClassifier(**HEADS).fit(X, y, groups=np.zeros(60))


@pytest.mark.parametrize("methods", [["logistic"], ["supervised"]])
def test_copies_and_pickles_predict_the_same(methods: list[str]) -> None:
    X, y = blobs()
    model = TacitClassifier(budget="3steps", methods=methods, random_state=0).fit(X, y)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=1e-6)
        assert again.verdict_ == model.verdict_
        assert again.run_.plan == model.run_.plan
    assert not hasattr(clone(model), "run_")


def test_works_in_cross_validation() -> None:
    X, y = load_iris(return_X_y=True)
    scores = cross_val_score(TacitClassifier(**HEADS), X[::3], y[::3], cv=2)
    assert scores.mean() > 0.85


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(60, -1), "no record has a label"),
        (np.full(60, np.nan), "no record has a label"),
        (np.zeros(60), "one class"),
        (np.random.default_rng(0).normal(size=60), "Unknown label type"),
        (np.array(["a", 1] * 30, dtype=object), "Unknown label type"),
        (np.full(60, np.inf), "infinity"),
        (None, "requires y to be passed"),
        (np.zeros(7), "inconsistent numbers of samples"),
    ],
)
def test_bad_targets(y: Any, message: str) -> None:
    X, _ = blobs()
    with pytest.raises(ValueError, match=message):
        TacitClassifier(**HEADS).fit(X, y)


def test_bad_numbers_and_names() -> None:
    X, y = blobs()
    with pytest.raises(ValueError, match="infinit"):
        TacitRegressor(**HEADS).fit(X, np.where(y == 0, np.inf, 1.0))
    with pytest.raises(InputError, match="Did you mean 'fixmatch'"):
        TacitClassifier(methods=["fixmach"]).fit(X, y)
    with pytest.raises(InputError, match="cannot read the budget"):
        TacitClassifier(budget="soon", methods=[]).fit(X, y)
    with pytest.raises(NotFittedError):
        TacitClassifier().predict(X)
