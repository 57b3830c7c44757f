"""The honest comparison: paired gains over the best baseline, drawn towards a prior, and said in words.

Estimated is the metric on new records of the refit candidate minus that of the refit reference. The reference
is the best baseline by folds, and its choice is repeated within every bootstrap sample.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tacit.compare.prior import Expectation
from tacit.compare.scores import Floats, Metric, Truth

Word = Literal["helped", "hurt", "no measurable difference", "no evidence of your own; expected from other data"]
RESAMPLES = 2000
ENOUGH = 20
"""Held-out records below which no difference is claimed."""


@dataclass(frozen=True)
class Entry:
    """One candidate's line: its score with interval, its gain over the reference as measured and as expected."""

    candidate: str
    baseline: bool
    score: float | None
    low: float | None
    high: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    expected: Expectation | None

    @staticmethod
    def unmeasured(candidate: str, baseline: bool, expected: Expectation | None) -> Entry:
        """A line without held-out records."""
        return Entry(candidate, baseline, None, None, None, None, None, None, expected)


@dataclass(frozen=True)
class Verdict:
    """What to tell the user, and what to deploy."""

    word: Word
    sentence: str
    candidate: str
    reference: str
    deployed: str
    gain: float
    low: float
    high: float
    held_out: int


def bootstrap_scores(
    values: dict[str, Floats],
    truth: Truth,
    metric: Metric,
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Floats]:
    """(resamples,) scores of every candidate on the same resamples of the records, or of their groups."""
    n = len(truth)
    if metric.per_record is not None:
        shares = np.stack([metric.per_record(truth, v) for v in values.values()])
        weights = _resample_weights(n, rng, groups, resamples)
        scores = (weights @ shares.T) / weights.sum(axis=1, keepdims=True)
        return {name: scores[:, i] for i, name in enumerate(values)}
    resamples = min(resamples, 500)
    weights = _resample_weights(n, rng, groups, resamples)
    result: dict[str, Floats] = {name: np.empty(resamples) for name in values}
    for b in range(resamples):
        index = np.repeat(np.arange(n), weights[b].astype(np.int64))
        for name, v in values.items():
            result[name][b] = metric.score(truth[index], v[index])
    return result


def _resample_weights(
    n: int, rng: np.random.Generator, groups: NDArray[np.int64] | None, resamples: int
) -> NDArray[np.float64]:
    if groups is None:
        return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)[:, member]


def entries(
    values: dict[str, Floats],
    truth: Truth,
    metric: Metric,
    baselines: set[str],
    priors: dict[str, Expectation],
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> tuple[str, list[Entry]]:
    """The reference and every candidate's entry, best score first. ``values``: held-out predictions by candidate."""
    scores = {name: metric.score(truth, v) for name, v in values.items()}
    sign, unit = 1.0 if metric.higher_is_better else -1.0, metric.unit(truth)
    draws = bootstrap_scores(values, truth, metric, rng, groups)
    known_baselines = [name for name in values if name in baselines]
    reference = max(known_baselines, key=lambda name: sign * scores[name])
    best_baseline = np.max([sign * draws[name] for name in known_baselines], axis=0)
    result = []
    for name in sorted(values, key=lambda name: -sign * scores[name]):
        gain = metric.better(scores[name], scores[reference])
        gains = sign * draws[name] - best_baseline
        low, high = _interval(draws[name])
        gain_low, gain_high = _interval(gains)
        own = float(gains.std())
        error = float(np.hypot(own, 0.5 * unit / len(truth)))
        prior = priors.get(name)
        expected = prior.scaled(unit).given(gain, error) if prior is not None else None
        result.append(Entry(name, name in baselines, scores[name], low, high, gain, gain_low, gain_high, expected))
    return reference, result


def judge(
    lines: list[Entry],
    reference: str,
    metric: Metric,
    held_out: int,
    priors: dict[str, Expectation],
    unsaved: Collection[str] = (),
) -> Verdict:
    """The verdict on the candidate whose expected gain is largest.

    The reference is deployed unless that gain is positive, and always where the verdict is *hurt*.

    ``unsaved``: candidates that are compared, but could not be saved, and are never deployed.
    """
    challengers = [line for line in lines if not line.baseline and line.expected is not None]
    if held_out == 0:
        return _without_evidence(reference, {n: p for n, p in priors.items() if n not in unsaved})
    if not challengers:
        sentence = f"Only baselines were run; {reference} was the best of them on {held_out} held-out records."
        word: Word = "no measurable difference"
        return Verdict(word, sentence, reference, reference, reference, 0.0, 0.0, 0.0, held_out)
    best = max(challengers, key=lambda line: line.expected.mean if line.expected else 0.0)
    assert best.gain is not None and best.gain_low is not None and best.gain_high is not None
    assert best.expected is not None
    word = _word(best, held_out, all(line.gain_high is not None and line.gain_high < 0 for line in challengers))
    # what the user's own records say has hurt is not deployed, whatever other data promised
    wanted = best.expected.mean > 0 and word != "hurt"
    deployed = best.candidate if wanted and best.candidate not in unsaved else reference
    sentence = _sentence(word, best, reference, deployed, metric, held_out)
    if wanted and best.candidate in unsaved:
        sentence += f" ({best.candidate} cannot be saved.)"
    return Verdict(
        word, sentence, best.candidate, reference, deployed, best.gain, best.gain_low, best.gain_high, held_out
    )


def _word(best: Entry, held_out: int, all_hurt: bool) -> Word:
    assert best.gain is not None and best.gain_low is not None
    if held_out >= ENOUGH and best.gain_low > 0 and best.gain > 0:
        return "helped"
    if held_out >= ENOUGH and all_hurt:
        return "hurt"
    return "no measurable difference"


def _sentence(word: Word, best: Entry, reference: str, deployed: str, metric: Metric, held_out: int) -> str:
    assert best.gain is not None and best.gain_low is not None and best.gain_high is not None
    points = metric.name in ("accuracy", "balanced_accuracy", "macro_f1", "auc")
    unit, factor = (" points", 100) if points else ("", 1)
    figures = (
        f"{best.gain * factor:+.1f}{unit} of {metric.name} "
        f"({best.gain_low * factor:+.1f} to {best.gain_high * factor:+.1f}) on {held_out} held-out records"
        if points
        else f"{best.gain:+.4g} of {metric.name} ({best.gain_low:+.4g} to {best.gain_high:+.4g}) "
        f"on {held_out} held-out records"
    )
    start = {
        "helped": f"The unlabelled data helped: {best.candidate} against {reference}, {figures}.",
        "hurt": f"The unlabelled data hurt: even {best.candidate} fell behind {reference}, {figures}.",
    }.get(word, f"No measurable difference: {best.candidate} against {reference}, {figures}.")
    if word == "no measurable difference" and deployed != reference:
        assert best.expected is not None
        expected = f"{best.expected.mean * factor:+.1f}{unit}" if points else f"{best.expected.mean:+.4g}"
        return f"{start} It is deployed: with what its kind gained on other data, {expected} are expected."
    return f"{start} Deployed: {deployed}."


def _without_evidence(reference: str, priors: dict[str, Expectation]) -> Verdict:
    word: Word = "no evidence of your own; expected from other data"
    if not priors:
        sentence = f"No label could be held out to judge by, and only baselines were run. Deployed: {reference}."
        return Verdict(word, sentence, reference, reference, reference, 0.0, 0.0, 0.0, 0)
    best = max(priors, key=lambda name: priors[name].mean)
    low, high = priors[best].interval()
    deployed = best if priors[best].mean > 0 else reference
    sentence = (
        f"No label could be held out to judge by; on other data methods like {best} gained "
        f"{100 * priors[best].mean:+.1f} points over {reference} ({100 * low:+.1f} to {100 * high:+.1f}). "
        f"Deployed: {deployed}."
    )
    return Verdict(word, sentence, best, reference, deployed, priors[best].mean, low, high, 0)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
