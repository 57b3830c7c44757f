"""Classifiers of bags: kernels between sets of instances, noisy-or, and their blend.

A bag is a set of instances of which only the whole has a class. That some one instance decides (noisy-or, MILES) and
that all of them do (statistics, the set kernel) are different assumptions; which holds is rarely known, and bags are
few. So members of both kinds are fitted, the setting of each is the one with the likeliest held-out bags, and their
log-odds are added with weights that make held-out bags likely, drawn towards equal ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tacit.engines.features import Linear, fit_linear
from tacit.errors import InputError
from tacit.labels.bags import Bags

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

FARTHEST = 10.0
"""Standard deviations at which a column is cut off: image features have outliers of seventy."""

WIDTHS = (0.5, 2.0)
"""Of radial kernels, in units of one over the mean squared distance."""

PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
NOISY_OR_PENALTIES = (10.0, 100.0)
NOISY_OR_ITERATIONS = 30
SURE = 10.0
"""Log-odds beyond which no member is believed."""

EQUALITY = 10.0
"""How strongly the weights of members are drawn towards equal ones, as a penalty on the squared deviations."""


@dataclass(frozen=True)
class Instances:
    """Bags as rows: ``x`` (N, D), those of a bag next to each other; ``starts`` (bags,), the first row of each."""

    x: Floats
    starts: Index

    @classmethod
    def of(cls, x: NDArray[np.floating], bag: NDArray[np.integer], bags: int) -> Self:
        """From instances (N, D) in any order and the number of each one's bag, 0 to ``bags`` - 1."""
        sizes = np.bincount(bag, minlength=bags)
        if len(sizes) > bags:
            raise InputError(f"an instance is in bag {len(sizes) - 1}, but there are {bags} bags")
        if len(empty := np.flatnonzero(sizes == 0)):
            raise InputError(f"bag {empty[0]} has no instances; leave it out")
        order = np.argsort(bag, kind="stable")
        return cls(np.asarray(x, dtype=np.float64)[order], np.cumsum(sizes) - sizes)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def sizes(self) -> Index:
        """(bags,) the number of instances of each."""
        return np.diff(np.append(self.starts, len(self.x)))

    @property
    def bag(self) -> Index:
        """(N,) the bag of each row."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def each(self) -> list[Floats]:
        """The instances of every bag."""
        return np.split(self.x, self.starts[1:])

    def take(self, bags: Index) -> Instances:
        """Some of the bags, in the order given."""
        each, sizes = self.each(), self.sizes[bags]
        return Instances(np.concatenate([each[b] for b in bags]), np.cumsum(sizes) - sizes)

    def mapped(self, columns: Columns) -> Instances:
        """The same bags with standardised columns."""
        return Instances(columns(self.x).clip(-FARTHEST, FARTHEST), self.starts)


@dataclass(frozen=True)
class Columns:
    """Centre and scale of each column, (D,); a constant one keeps scale 1."""

    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, x: Floats) -> Self:
        scale = x.std(axis=0)
        scale[scale < 1e-6] = 1.0
        return cls(x.mean(axis=0), scale)

    def __call__(self, x: Floats) -> Floats:
        return np.asarray((x - self.centre) / self.scale)


def statistics(bags: Instances) -> Floats:
    """(bags, 4 D) minimum, maximum, mean and standard deviation of each bag's instances."""
    mean = per_bag_mean(bags.x, bags)
    variance = per_bag_mean((bags.x - mean[bags.bag]) ** 2, bags)
    low, high = (ends.reduceat(bags.x, bags.starts, axis=0) for ends in (np.minimum, np.maximum))
    return np.concatenate([low, high, mean, np.sqrt(variance)], axis=1)


def per_bag_mean(values: Floats, bags: Instances) -> Floats:
    """(bags, ...) means of ``values`` (N, ...) over each bag."""
    return np.asarray(np.add.reduceat(values, bags.starts, axis=0).T / bags.sizes).T


def squared_distances(a: Floats, b: Floats) -> Floats:
    """(A, B) squared Euclidean distances of rows."""
    crossed = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(crossed.clip(0.0))


@dataclass(frozen=True)
class Comparison:
    """Bags (L) compared with reference bags (R) of M instances.

    ``mean`` (widths, L, R): the mean radial kernel between instances of two bags; ``nearest`` (L, M): squared distance
    of a bag's nearest instance to each reference instance; ``apart`` (L, R): the average Hausdorff distance, the mean
    over both bags of how far an instance is from the other bag.
    """

    mean: Floats
    nearest: Floats
    apart: Floats

    @classmethod
    def of(cls, left: Instances, right: Instances, gammas: Sequence[float]) -> Self:
        mean, nearest, there = [], [], []
        for x in left.each():
            squared = squared_distances(x, right.x)
            mean.append([per_bag_mean(np.exp(-gamma * squared).mean(axis=0), right) for gamma in gammas])
            nearest.append(squared.min(axis=0))
            there.append(np.sqrt(np.minimum.reduceat(squared, right.starts, axis=1)).mean(axis=0))
        closest = np.stack(nearest)
        back = per_bag_mean(np.sqrt(closest).T, right).T
        return cls(np.stack(mean, axis=1), closest, (np.stack(there) + back) / 2)


def own_similarity(bags: Instances, gammas: Sequence[float]) -> Floats:
    """(widths, bags) the mean radial kernel between the instances of one bag."""
    found = [[np.exp(-gamma * squared_distances(x, x)).mean() for x in bags.each()] for gamma in gammas]
    return np.asarray(found)


@dataclass(frozen=True)
class Points:
    """Standardised points, (n, E), that others are compared with; columns may weigh differently."""

    columns: Columns
    weight: Floats
    points: Floats
    unit: float

    @classmethod
    def of(cls, embedded: Floats, weight: Floats | None = None) -> Self:
        columns = Columns.of(embedded)
        shares = np.ones(embedded.shape[1]) if weight is None else weight
        shares = shares / np.sqrt((shares**2).sum())
        points = columns(embedded) * shares
        return cls(columns, shares, points, mean_squared_distance(points))

    def linear(self, embedded: Floats) -> Floats:
        """(m, n) inner products."""
        return np.asarray(self._placed(embedded) @ self.points.T)

    def radial(self, embedded: Floats, width: float) -> Floats:
        """(m, n) exp(-width d² / mean d²)."""
        return np.asarray(np.exp(-width / self.unit * squared_distances(self._placed(embedded), self.points)))

    def _placed(self, embedded: Floats) -> Floats:
        return np.asarray(self.columns(embedded) * self.weight)


def mean_squared_distance(points: Floats) -> float:
    """Of two of the rows drawn at random, which is twice the variance; 1 if all are the same."""
    return float(2 * points.var(axis=0).sum()) or 1.0


Grams = Mapping[str, Mapping[float, Floats]]
"""Kernel matrices (bags, reference bags) by member and width."""


@dataclass(frozen=True)
class Kernels:
    """Kernels of any bags with the reference bags that they were fitted to.

    * *linear statistics*, *radial statistics*: on minimum, maximum, mean and deviation of a bag's instances;
    * *set*: the normalised mean of a radial kernel over all pairs of instances (Gärtner, Flach, Kowalczyk and Smola
      2002);
    * *Hausdorff*: exp(-d² / mean d²) of the average Hausdorff distance;
    * *MILES*: radial, on a bag's greatest similarity to every reference instance (Chen, Bi and Wang 2006, with a
      kernel machine in place of the 1-norm); instances of a bag share its weight.
    """

    columns: Columns
    reference: Instances
    gammas: tuple[float, ...]
    own: Floats
    summary: Points
    prototypes: tuple[Points, ...]
    apart: float

    @classmethod
    def of(cls, bags: Instances) -> tuple[Self, Grams]:
        """With the kernels between the reference bags themselves."""
        columns = Columns.of(bags.x)
        reference = bags.mapped(columns)
        gammas = tuple(width / mean_squared_distance(reference.x) for width in WIDTHS)
        compared = Comparison.of(reference, reference, gammas)
        shares = (1 / np.sqrt(reference.sizes))[reference.bag]
        new = cls(
            columns,
            reference,
            gammas,
            own_similarity(reference, gammas),
            Points.of(statistics(reference)),
            tuple(Points.of(np.exp(-gamma * compared.nearest), shares) for gamma in gammas),
            float((compared.apart**2).mean()) or 1.0,
        )
        return new, new._grams(reference, compared, new.own)

    def __call__(self, bags: Instances) -> Grams:
        placed = bags.mapped(self.columns)
        compared = Comparison.of(placed, self.reference, self.gammas)
        return self._grams(placed, compared, own_similarity(placed, self.gammas))

    def _grams(self, bags: Instances, compared: Comparison, own: Floats) -> Grams:
        summary = statistics(bags)
        alike = compared.mean / np.sqrt(own[:, :, None] * self.own[:, None, :])
        greatest = [np.exp(-gamma * compared.nearest) for gamma in self.gammas]
        return {
            "linear statistics": {1.0: self.summary.linear(summary)},
            "radial statistics": {width: self.summary.radial(summary, width) for width in WIDTHS},
            "set": dict(zip(WIDTHS, alike, strict=True)),
            "Hausdorff": {1.0: np.exp(-(compared.apart**2) / self.apart)},
            "MILES": {w: p.radial(g, 1.0) for w, p, g in zip(WIDTHS, self.prototypes, greatest, strict=True)},
        }


def fit_kernel_logistic(gram: Floats, y: NDArray[np.bool_], penalties: Sequence[float], iterations: int = 30) -> Floats:
    """(penalties, n) dual weights a of kernel logistic regressions: log-odds of new bags are (gram + 1) @ a.

    ``gram``: (n, n). The objective is -log L + penalty / 2 · aᵀ(gram + 1)a; the 1 is a bias, penalised as well. Newton
    steps, halved until the objective falls; each penalty, in the order given, starts where the one before it ended.
    What a kernel that is not positive semidefinite has of negative eigenvalues is dropped.
    """
    values, vectors = np.linalg.eigh(gram + 1.0)
    kept = values > 1e-9 * values[-1]
    root = np.sqrt(values[kept])
    x, w, found = vectors[:, kept] * root, np.zeros(len(root)), []
    for penalty in penalties:
        w = ridge_logistic(x, y, penalty, w, iterations)
        found.append(vectors[:, kept] @ (w / root))
    return np.stack(found)


def ridge_logistic(x: Floats, y: NDArray[np.bool_], penalty: float, w: Floats, iterations: int) -> Floats:
    """(D,) weights of penalised logistic regression without a bias, by damped Newton steps from ``w``."""
    sign = np.where(y, 1.0, -1.0)

    def objective(w: Floats) -> float:
        return float(np.logaddexp(0.0, -sign * (x @ w)).sum() + 0.5 * penalty * w @ w)

    value = objective(w)
    for _ in range(iterations):
        p = probability(x @ w)
        hessian = (x.T * (p * (1 - p))) @ x
        hessian[np.diag_indices(len(w))] += penalty
        step, length = np.linalg.solve(hessian, x.T @ (p - y) + penalty * w), 1.0
        while (tried := objective(w - length * step)) > value and length > 1e-4:
            length /= 2
        if not tried < value:
            break
        done, w, value = value - tried < 1e-6 * value, w - length * step, tried
        if done:
            break
    return w


def probability(log_odds: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


def log_odds_of_some(head: Linear, bags: Instances) -> Floats:
    """(bags,) log-odds that some instance of a bag is positive, by a linear head on its instances.

    With p_i the probability of an instance, 1 - prod_i (1 - p_i) = 1 - exp(-h) has log-odds log(exp(h) - 1).
    """
    outputs = head(bags.x.astype(np.float32)).double().numpy()
    hazard = np.add.reduceat(np.logaddexp(0.0, outputs[:, 1] - outputs[:, 0]), bags.starts)
    return np.asarray(hazard + np.log(-np.expm1(-hazard.clip(1e-12))))


def fit_noisy_or(bags: Instances, y: NDArray[np.bool_], penalty: float) -> Linear:
    """A linear head on instances by the likelihood of `Bags`: a bag is positive if some instance is."""
    return fit_linear(bags.x.astype(np.float32), Bags(bags.bag, y), penalty, NOISY_OR_ITERATIONS)


@dataclass(frozen=True)
class Member:
    """One classifier of a blend: its setting and the log-odds (bags,) of bags that it was not fitted to."""

    name: str
    width: float
    penalty: float
    held_out: Floats


@dataclass(frozen=True)
class BagBlend:
    """A weighted sum of its members' log-odds; ``duals`` are (bags,) weights on the reference bags, by kernel."""

    kernels: Kernels
    members: tuple[Member, ...]
    weights: Floats
    duals: Mapping[str, Floats]
    noisy_or: Linear

    @property
    def held_out(self) -> Floats:
        """(bags,) log-odds of the bags that it was fitted to, by members fitted without them."""
        return self.weights @ believed(self.members)

    def each(self, bags: Instances) -> dict[str, Floats]:
        """(bags,) log-odds by member."""
        grams = self.kernels(bags)
        found = {m.name: (grams[m.name][m.width] + 1.0) @ self.duals[m.name] for m in self.members if m.name in grams}
        return found | {"noisy-or": log_odds_of_some(self.noisy_or, bags.mapped(self.kernels.columns))}

    def __call__(self, bags: Instances) -> Floats:
        """(bags,) log-odds of the positive class."""
        found = self.each(bags)
        return np.asarray(self.weights @ np.stack([found[m.name].clip(-SURE, SURE) for m in self.members]))


def believed(members: Sequence[Member]) -> Floats:
    """(members, bags) their log-odds of bags held out."""
    return np.stack([member.held_out.clip(-SURE, SURE) for member in members])


def stacking_weights(log_odds: Floats, y: NDArray[np.bool_]) -> Floats:
    """(members,) weights, none negative, of log-odds (members, bags) whose sum makes the classes likely.

    The objective is -log L + ``EQUALITY`` / 2 · sum (w - 1 / members)². The weights need not sum to one: members that
    are too sure, or not sure enough, are so together.
    """
    from scipy.optimize import minimize

    equal = np.full(len(log_odds), 1 / len(log_odds))
    sign = np.where(y, 1.0, -1.0)

    def objective(w: Floats) -> tuple[float, Floats]:
        margin = sign * (w @ log_odds)
        slope = -(log_odds * sign) @ probability(-margin) + EQUALITY * (w - equal)
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * EQUALITY * ((w - equal) ** 2).sum()), slope

    found = minimize(objective, equal, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(equal))
    return np.asarray(found.x)


def fit_bags(bags: Instances, y: NDArray[np.bool_], fold: Index) -> BagBlend:
    """Fit all members, each with the setting that makes held-out bags likeliest.

    ``y``: (bags,) bool. ``fold``: (bags,), the inner fold in which each bag is held out; both classes have to remain.
    """
    for number in np.unique(fold):
        if len(np.unique(y[fold != number])) < 2:
            raise InputError(f"without inner fold {number} all bags have one class; use folds stratified by class")
    kernels, grams = Kernels.of(bags)
    members = [held_out_choice(name, grams[name], y, fold) for name in grams]
    duals = {m.name: fit_kernel_logistic(grams[m.name][m.width], y, [m.penalty])[0] for m in members}
    some = noisy_or_choice(kernels.reference, y, fold)
    head = fit_noisy_or(kernels.reference, y, some.penalty)
    everyone = (*members, some)
    return BagBlend(kernels, everyone, stacking_weights(believed(everyone), y), duals, head)


def held_out_choice(name: str, grams: Mapping[float, Floats], y: NDArray[np.bool_], fold: Index) -> Member:
    """The width and penalty of a kernel with the likeliest held-out bags."""
    tried = []
    for width, gram in grams.items():
        held_out = np.empty((len(PENALTIES), len(y)))
        for number in np.unique(fold):
            out, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            duals = fit_kernel_logistic(gram[np.ix_(rest, rest)], y[rest], PENALTIES)
            held_out[:, out] = duals @ (gram[np.ix_(out, rest)] + 1.0).T
        tried += [Member(name, width, *setting) for setting in zip(PENALTIES, held_out, strict=True)]
    return max(tried, key=lambda member: log_likelihood(member.held_out, y))


def noisy_or_choice(bags: Instances, y: NDArray[np.bool_], fold: Index) -> Member:
    """The penalty of noisy-or with the likeliest held-out bags."""
    tried = []
    for penalty in NOISY_OR_PENALTIES:
        held_out = np.empty(len(y))
        for number in np.unique(fold):
            out, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            held_out[out] = log_odds_of_some(fit_noisy_or(bags.take(rest), y[rest], penalty), bags.take(out))
        tried.append(Member("noisy-or", 1.0, penalty, held_out))
    return max(tried, key=lambda member: log_likelihood(member.held_out, y))


def log_likelihood(log_odds: Floats, y: NDArray[np.bool_]) -> float:
    """Mean log-probability of classes, by log-odds that are believed up to ``SURE``."""
    return float(-np.logaddexp(0.0, -np.where(y, 1.0, -1.0) * log_odds.clip(-SURE, SURE)).mean())
