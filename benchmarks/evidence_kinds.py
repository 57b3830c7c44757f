"""What one draw of weak evidence says, and three ways to train one linear classifier on it.

*ours* is the likelihood of all evidence, *naive* the usual shortcut, *dropped* what is known exactly alone. Each way
gets the same records, features, exact labels and penalised fit (`fit_linear`); penalties are tuned for each alike.

| kind | exact part | naive |
|---|---|---|
| missing | 20 whole rows | a missing entry is absent |
| proportions | 3 labels a class outside the bags | the bag's shares are each record's soft label |
| positives | the labelled positives, 10 negatives | what is not labelled is negative |
| censored | the numbers below the limit | the limit is the value |
| levels | 2 labels a leaf | all leaves below are equally true |
| preferences | 20 numbers | the win rate, at the exact numbers' mean and spread, is the value |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from evidence_tasks import Ints, Matrix, RealSet
from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.task import Task
from tacit.engines.features import Linear, fit_linear
from tacit.labels import Exact, Intervals, Labels, Levels, Positives, Preferences, Proportions, Soft, Values
from tacit.labels.class_tree import ClassTree
from tacit.labels.positives_model import PositivesModel

Floats = NDArray[np.float64]
ROUNDS, FOLDS = 3, 3
"""Of refits of a nuisance parameter, each to predictions of records that the classifier did not learn from."""

GUMBEL = float(np.pi / np.sqrt(6))
"""Standard deviation of each of two standard Gumbel variables, whose difference is the logistic one of a comparison."""


@dataclass(frozen=True)
class Model:
    """A fitted classifier or regression; numbers are predicted in ``unit``s from a ``centre``."""

    head: Linear
    task: Task
    unit: float = 1.0
    centre: float = 0.0

    def __call__(self, x: Matrix) -> Prediction:
        return self.task.prediction(self.head(x))


@dataclass(frozen=True)
class Fit:
    """What is the same on all sides: features, penalty, and the tree of the classes."""

    x: Matrix
    penalty: float
    one_scale: bool
    tree: ClassTree | None = None

    def __call__(self, labels: Labels) -> Model:
        head = fit_linear(self.x, labels, self.penalty, one_scale=self.one_scale, tree=self.tree)
        return Model(head, labels.task)


Way = Callable[[Fit], Model]
Ways = dict[str, Way]


def as_it_is(labels: Labels) -> Way:
    """Evidence without nuisance parameters."""
    return lambda fit: fit(labels)


@dataclass(frozen=True)
class Draw:
    """The records of a draw: the set they are from, their truths, and the generator of what is known of them."""

    source: RealSet
    y: NDArray[np.float64] | Ints
    rng: np.random.Generator

    @property
    def classes(self) -> tuple[str, ...]:
        return self.source.classes

    def apart(self, count: int) -> tuple[Ints, Ints]:
        """``count`` random records, and all others."""
        order = self.rng.permutation(len(self.y))
        return order[:count], order[count:]

    def each(self, count: int) -> tuple[Ints, Ints]:
        """``count`` random records of each class, and all others in random order."""
        order = self.rng.permutation(len(self.y))
        first = np.concatenate([order[self.y[order] == c][:count] for c in range(len(self.classes))])
        return first, order[~np.isin(order, first)]


def shown(y: NDArray[np.float64] | Ints, known: Ints, unknown: float) -> NDArray[np.float64] | Ints:
    """``y`` at the known records, ``unknown`` at all others."""
    given = np.full_like(y, unknown)
    given[known] = y[known]
    return given


def missing(draw: Draw, share: float) -> Ways:
    """Multi-label rows of which this share of the entries is missing completely at random."""
    whole, _ = draw.apart(20)
    gone = draw.rng.random(draw.y.shape) < share
    gone[whole] = False
    return {
        "ours": as_it_is(Exact(np.where(gone, -1, draw.y), draw.classes)),
        "naive": as_it_is(Exact(np.where(gone, 0, draw.y), draw.classes)),
        "dropped": as_it_is(Exact(np.where(gone.any(axis=1)[:, None], -1, draw.y), draw.classes)),
    }


def proportions(draw: Draw, size: float) -> Ways:
    """Random bags of this size, of which the counts of the classes are known."""
    exact, rest = draw.each(3)
    count = len(rest) // int(size)
    bag = np.full(len(draw.y), -1)
    bag[rest[: count * int(size)]] = np.repeat(np.arange(count), int(size))
    counts = np.stack([np.bincount(draw.y[bag == b], minlength=len(draw.classes)) for b in range(count)])
    soft = np.full((len(draw.y), len(draw.classes)), np.nan)
    soft[bag >= 0] = counts[bag[bag >= 0]] / size
    soft[exact] = np.eye(len(draw.classes))[draw.y[exact]]
    known = Exact(shown(draw.y, exact, -1), draw.classes)
    return {
        "ours": as_it_is(Labels.combine(known, Proportions(bag, counts, classes=draw.classes))),
        "naive": as_it_is(Soft(soft, draw.classes)),
        "dropped": as_it_is(known),
    }


def positives(draw: Draw, share: float) -> Ways:
    """This share of the positives is labelled, and ten negatives."""
    order = draw.rng.permutation(len(draw.y))
    ones, zeros = (order[draw.y[order] == c] for c in (1, 0))
    labelled, negatives = ones[: max(1, round(share * len(ones)))], zeros[:10]
    state = np.zeros(len(draw.y), dtype=np.int64)
    state[labelled], state[negatives] = 1, -1
    naive = np.where(state == 1, 1, 0)
    known = shown(draw.y, np.concatenate([labelled, negatives]), -1)
    exact = Exact(shown(draw.y, negatives, -1), draw.classes)
    return {
        "ours": lambda fit: with_class_prior(fit, exact, Positives(state, classes=draw.classes)),
        "naive": as_it_is(Exact(naive, draw.classes)),
        "dropped": as_it_is(Exact(known, draw.classes)),
    }


def with_class_prior(fit: Fit, exact: Exact, labels: Positives) -> Model:
    """The class prior is estimated by ``model().fit`` from predictions out of sample, in turn with the classifier."""
    model = labels.model()
    assert isinstance(model, PositivesModel)
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    for _ in range(ROUNDS):
        said = Labels.combine(exact, model.fitted())
        log_p = torch.empty(len(labels), 2, dtype=torch.float64)
        for k in range(FOLDS):
            inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            part = Fit(fit.x[inside], fit.penalty, fit.one_scale)(said.take(inside))
            predicted = part(fit.x[outside])
            assert isinstance(predicted, Categorical)
            log_p[torch.from_numpy(outside)] = predicted.log_p.double()
        model.fit(Categorical(log_p))
    return fit(Labels.combine(exact, model.fitted()))


def censored(draw: Draw, share: float) -> Ways:
    """Numbers above a limit, which this share exceeds, are known to be above it."""
    limit = float(np.quantile(draw.y, 1 - share))
    above = draw.y >= limit
    exact = Values(np.where(above, np.nan, draw.y))
    bounds = Intervals(np.where(above, limit, np.nan), np.where(above, np.inf, np.nan))
    return {
        "ours": as_it_is(Labels.combine(exact, bounds)),
        "naive": as_it_is(Values(np.minimum(draw.y, limit))),
        "dropped": as_it_is(exact),
    }


def levels(draw: Draw, up: float) -> Ways:
    """Classes known one or two levels above the leaf."""
    parent, classes = np.array(draw.source.parent), draw.classes
    exact, rest = draw.each(2)
    node = draw.y.copy()
    for _ in range(int(up)):
        node[rest] = parent[node[rest]]
    labels = Levels(node, parent, draw.source.names, classes)
    below = np.exp(labels.log_emission().numpy())
    return {
        "ours": in_the_tree(labels, labels),
        "naive": in_the_tree(Soft(below / below.sum(axis=1, keepdims=True), classes), labels),
        "dropped": in_the_tree(Exact(shown(draw.y, exact, -1), classes), labels),
    }


def in_the_tree(labels: Labels, levels: Levels) -> Way:
    """With a softmax among the children of every node."""
    return lambda fit: replace(fit, tree=levels.tree)(labels)


def preferences(draw: Draw, each: float) -> Ways:
    """Each record is compared so often with a random other one: the larger number wins."""
    n, count = len(draw.y), int(each)
    exact, _ = draw.apart(20)
    pairs = np.concatenate([draw.rng.permutation(n)[: n // 2 * 2].reshape(-1, 2) for _ in range(count)])
    first = draw.y[pairs[:, 0]] >= draw.y[pairs[:, 1]]
    winner, loser = np.where(first[:, None], pairs, pairs[:, ::-1]).T
    wins, games = np.bincount(winner, minlength=n), np.bincount(pairs.reshape(-1), minlength=n)
    rate = np.where(games > 0, wins / np.maximum(games, 1), 0.5)
    spread = float(draw.y[exact].std())
    naive = draw.y[exact].mean() + spread * (rate - rate.mean()) / rate.std()
    naive[exact] = draw.y[exact]
    numbers = shown(draw.y, exact, np.nan)
    return {
        "ours": lambda fit: with_unit(fit, numbers, Preferences(winner, loser, n)),
        "naive": as_it_is(Values(naive)),
        "naive, placed": lambda fit: placed(fit(Values(naive)), fit.x, numbers, Preferences(winner, loser, n)),
        "dropped": as_it_is(Values(numbers)),
    }


def with_unit(fit: Fit, numbers: Floats, compared: Preferences) -> Model:
    """Bradley-Terry speaks of scores with noise of a known size: in what unit the numbers are such scores is learned.

    Comparisons alone give scores; the unit is the likeliest one for the exact numbers given these, which have the
    noise `GUMBEL` beside an unknown mean. Then both are fitted together. Centre and unit of the result are the
    likeliest ones for the exact numbers and for the bounds that comparisons with these put on other records.
    """
    scores = fit(compared)(fit.x)
    assert isinstance(scores, Normal)
    exact = np.flatnonzero(~np.isnan(numbers))
    unit = likeliest_unit(numbers[exact], scores.mean.double().numpy()[exact])
    found = fit(Labels.combine(Values(numbers / unit, GUMBEL), compared))
    return placed(Model(found.head, found.task, unit), fit.x, numbers, compared, np.log(unit * GUMBEL))


def placed(model: Model, x: Matrix, numbers: Floats, compared: Preferences, log_noise: float | None = None) -> Model:
    """With the centre and unit that make exact numbers, and bounds from comparisons with these, likeliest.

    The noise of numbers is that of the model where it is given, and grows with the unit; else it is fitted too.
    """
    bounds = Intervals.from_comparisons(numbers, compared.winner, compared.loser)
    known = Labels.combine(Values(numbers), bounds)
    scores = model(x)
    assert isinstance(scores, Normal)
    mean = model.unit * scores.mean.double()

    def against(place: Floats) -> float:
        centre, log_times, *own = place
        noise = float(log_times + (own[0] if log_noise is None else log_noise))
        said = Normal(centre + float(np.exp(log_times)) * mean, torch.full_like(mean, noise))
        return -float(known.log_likelihood(said).sum())

    start = [0.0, 0.0] if log_noise is not None else [0.0, 0.0, float(np.log(np.nanstd(numbers)))]
    centre, log_times, *_ = minimize(against, np.array(start), method="Nelder-Mead").x
    return replace(model, unit=model.unit * float(np.exp(log_times)), centre=float(centre))


def likeliest_unit(values: Floats, scores: Floats) -> float:
    """The u > 0 that makes values, normal around c + u * scores with standard deviation u * `GUMBEL`, likeliest."""
    v, f = values - values.mean(), scores - scores.mean()
    both, own = (v * f).sum() / GUMBEL**2, (v * v).sum() / GUMBEL**2
    return float((np.sqrt(both**2 + 4 * len(v) * own) - both) / (2 * len(v)))
