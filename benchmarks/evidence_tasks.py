"""Real sets for the study of weak evidence: fixed features and the truth, in parts that are the same for every side.

Tables: standardised numbers and one-hot categories. Images: principal components. Texts: TF-IDF of words and pairs of
words, then singular vectors. What the features learn from is the training part without its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study import data_folder

Matrix = NDArray[np.float32]
Ints = NDArray[np.int64]
DEVELOPMENT = 100
"""Seeds from here on never see a test part: they are judged on 30 % of the training part."""

TESTED = 2000
"""Records of a test part at most, random ones that are the same for all draws: files are ordered by time or place."""


@dataclass(frozen=True)
class RealSet:
    """Features (n, D), truths (n,) or (n, K), and the fold of each record; several folds take turns as the test part.

    ``fold``: -1 for records that only train. ``one_scale``: whether the columns are components that keep their
    proportions. ``parent``, ``names``: the class tree, where there is one; its leaves come first, in class order.
    """

    x: Matrix
    y: NDArray[np.float64] | Ints
    fold: Ints
    one_scale: bool = False
    classes: tuple[str, ...] = ()
    parent: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def parts(self, seed: int) -> tuple[Ints, Ints]:
        """Positions of the training and the test part; seeds from `DEVELOPMENT` on split the training part."""
        folds = np.unique(self.fold[self.fold >= 0])
        tested = self.fold == folds[seed % len(folds)]
        train, test = np.flatnonzero(~tested), np.flatnonzero(tested)
        test = np.sort(np.random.default_rng(0).permutation(test)[:TESTED])
        if seed < DEVELOPMENT:
            return train, test
        order = np.random.default_rng(seed).permutation(train)
        cut = len(order) * 7 // 10
        return order[:cut], order[cut:][:TESTED]


@lru_cache
def multilabel(name: str) -> RealSet:
    """emotions by its ten folds; scene and yeast by their official split."""
    found = np.load(data_folder() / f"multilabel_{name}/multilabel_{name}.npz")
    fold = found["fold"].astype(np.int64) if name == "emotions" else _held_out(found["split"])
    names = tuple(str(n) for n in found["label_names"])
    return RealSet(found["X"].astype(np.float32), found["Y"].astype(np.int64), fold, classes=names)


@lru_cache
def adult() -> RealSet:
    """Whether a person earns more than 50,000 dollars; the share of the population is no input."""
    table = _table("adult", "adult").replace("?", "unknown")
    inputs = table.drop(columns=["split", "label", "fnlwgt"], errors="ignore")
    y = table["label"].to_numpy(dtype=np.int64)
    return RealSet(_columns(inputs), y, _held_out(table["split"]), classes=("at most 50K", "more"))


@lru_cache
def digits(odd: bool) -> RealSet:
    """MNIST: the ten digits, or whether a digit is odd."""
    found = np.load(data_folder() / "mnist/mnist.npz")
    pixels = [found[f"{part}_x"].reshape(-1, 784).astype(np.float32) / 255 for part in ("train", "test")]
    y = np.concatenate([found["train_y"], found["test_y"]]).astype(np.int64)
    fold = np.concatenate([np.full(len(pixels[0]), -1), np.zeros(len(pixels[1]))]).astype(np.int64)
    names = ("even", "odd") if odd else tuple("0123456789")
    return RealSet(_components(pixels[0], np.concatenate(pixels), 50), y % 2 if odd else y, fold, True, names)


@lru_cache
def amounts(name: str) -> RealSet:
    """Logarithms of a number: rings of abalone, house values of california_housing, rentals of bike_sharing."""
    target = {"abalone": "rings", "california_housing": "median_house_value", "bike_sharing": "cnt"}[name]
    table = _table(name, name)
    left = {"instant", "dteday", "casual", "registered", "split", target}
    inputs = table.drop(columns=[c for c in table.columns if c in left])
    inputs = inputs.fillna(inputs.median(numeric_only=True))
    coded = [c for c in ("season", "mnth", "weekday", "weathersit", "hr") if c in inputs]
    y = np.log(table[target].to_numpy(dtype=np.float64))
    return RealSet(_columns(inputs.astype(dict.fromkeys(coded, str))), y, _held_out(table["split"]))


ABOVE_DOMAINS = {
    "money": ("banking", "credit_cards"),
    "on the way": ("travel", "auto_and_commute"),
    "at home": ("home", "kitchen_and_dining"),
}
ABOVE_QUESTIONS = {"who and where": ("HUM", "LOC"), "what": ("ENTY", "DESC")}
FREQUENT = 40
"""Questions of a leaf at least; rarer leaves of TREC, some of which have four, are left out."""


@lru_cache
def intents() -> RealSet:
    """CLINC150: 90 intents in six domains, two by two: a tree of three levels."""
    table = _table("clinc150", "clinc150")
    above = {domain: top for top, domains in ABOVE_DOMAINS.items() for domain in domains}
    table = table[table["domain"].isin(above) & table["split"].isin(["train", "test"])]
    return _of_tree(table["text"], table["intent"], table["domain"], above, _held_out(table["split"]))


@lru_cache
def questions() -> RealSet:
    """TREC: fine classes in their coarse ones, and these two by two."""
    table = _table("text_trec", "trec")
    above = {coarse: top for top, coarses in ABOVE_QUESTIONS.items() for coarse in coarses}
    table = table[table["label_abbr"].isin(above)]
    leaf = table["label_abbr"] + ":" + table["label_fine"].astype(str)
    often = leaf[table["split"] == "train"].value_counts()
    kept = leaf.isin(often[often >= FREQUENT].index)
    return _of_tree(table["text"][kept], leaf[kept], table["label_abbr"][kept], above, _held_out(table["split"][kept]))


def _of_tree(texts: pd.Series, leaf: pd.Series, middle: pd.Series, above: dict[str, str], fold: Ints) -> RealSet:
    """Leaves first, then the classes above them, then those above these."""
    classes = tuple(sorted(set(leaf)))
    inner = tuple(sorted(set(middle)))
    tops = tuple(sorted({above[m] for m in inner}))
    names = classes + inner + tops
    number = {name: k for k, name in enumerate(names)}
    of_leaf = dict(zip(leaf, middle, strict=True))
    parent = [number[of_leaf[c]] for c in classes] + [number[above[m]] for m in inner] + [-1] * len(tops)
    y = np.array([number[c] for c in leaf], dtype=np.int64)
    return RealSet(_of_texts(texts.tolist(), fold), y, fold, True, classes, tuple(parent), names)


def _of_texts(texts: Sequence[str], fold: Ints) -> Matrix:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    words.fit([text for text, f in zip(texts, fold, strict=True) if f < 0])
    cells = words.transform(texts)
    vectors = TruncatedSVD(100, random_state=0).fit(cells[fold < 0])
    return np.asarray(vectors.transform(cells), dtype=np.float32)


def _components(train: Matrix, every: Matrix, count: int) -> Matrix:
    from sklearn.decomposition import PCA

    return np.asarray(PCA(count, random_state=0).fit(train).transform(every), dtype=np.float32)


def _columns(table: pd.DataFrame) -> Matrix:
    """Numbers as they are and a column for each category; they are standardised where they are fitted."""
    return pd.get_dummies(table).to_numpy(dtype=np.float32)


def _table(folder: str, name: str) -> pd.DataFrame:
    return pd.read_csv(data_folder() / folder / f"{name}.csv.gz")


def _held_out(split: pd.Series | NDArray[np.str_]) -> Ints:
    """0 for the test part, -1 for all others."""
    return np.where(np.asarray(split) == "test", 0, -1).astype(np.int64)
