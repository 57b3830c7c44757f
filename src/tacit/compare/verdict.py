"""The honest comparison: paired gains over the best baseline, drawn towards a prior, and said in words.

Estimated is the metric on new records of the refit candidate minus that of the refit reference. The reference
is the best baseline by folds, and its choice is repeated within every bootstrap sample.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tacit.compare.prior import Expectation
from tacit.compare.scores import Floats, Metric, Truth
from tacit.figures import Measure, significant

Word = Literal[
    "helped",
    "hurt",
    "no measurable difference",
    "no evidence of your own; expected from other data",
    "no evidence of your own",
]
RESAMPLES = 2000
BLOCK = 4_000_000
"""Numbers in memory at a time while records are drawn anew."""

ENOUGH = 20
"""Held-out records below which no difference is claimed."""

MOST_NATS = 10.0
"""A gain in the log-likelihood of evidence beyond which its factor, of five digits, tells people nothing."""


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
class Wording:
    """What helped or hurt, what was held out, what an expected gain rests on, and what judging so leaves unsaid."""

    subject: str = "The unlabelled data"
    noun: str = "records"
    basis: str = "with what its kind gained on other data, "
    limits: str = ""


@dataclass(frozen=True)
class Verdict:
    """What to tell the user, and what to deploy.

    ``gain`` with its interval is measured on ``held_out`` records; where there are none, it is what other data lets
    expect; None where no figure stands behind it.
    """

    word: Word
    sentence: str
    candidate: str
    reference: str
    deployed: str
    gain: float | None
    low: float | None
    high: float | None
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
    if metric.per_record is not None:
        shares = np.stack([metric.per_record(truth, v) for v in values.values()])
        parts = [
            (weights @ shares.T) / weights.sum(axis=1, keepdims=True)
            for weights in _resample_weights(len(truth), rng, groups, resamples)
        ]
        scores = np.concatenate(parts)
        return {name: scores[:, i] for i, name in enumerate(values)}
    result: dict[str, list[float]] = {name: [] for name in values}
    for block in _resample_weights(len(truth), rng, groups, min(resamples, 500)):
        for weights in block:
            index = np.repeat(np.arange(len(truth)), weights.astype(np.int64))
            for name, v in values.items():
                result[name].append(metric.score(truth[index], v[index]))
    return {name: np.array(scores) for name, scores in result.items()}


def _resample_weights(
    n: int, rng: np.random.Generator, groups: NDArray[np.int64] | None, resamples: int
) -> Iterator[NDArray[np.float64]]:
    """How often each of ``n`` records is drawn, (some, n), ``resamples`` rows in all, in blocks that fit in memory."""
    member = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(member.max()) + 1
    rows = max(1, BLOCK // n)
    for start in range(0, resamples, rows):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=min(rows, resamples - start))
        yield drawn.astype(np.float64) if groups is None else drawn.astype(np.float64)[:, member]


def entries(
    values: dict[str, Floats],
    truth: Truth,
    metric: Metric,
    baselines: set[str],
    priors: dict[str, Expectation],
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> tuple[str, list[Entry]]:
    """The reference and every candidate's entry, best score first. ``values``: held-out predictions by candidate.

    What is expected of a candidate is the gain over what the reference is worth, not over how it looks as the best of
    the baselines (`optimism`).
    """
    scores = {name: metric.score(truth, v) for name, v in values.items()}
    sign, unit = 1.0 if metric.higher_is_better else -1.0, metric.unit(truth)
    draws = bootstrap_scores(values, truth, metric, rng, groups)
    known_baselines = [name for name in values if name in baselines]
    reference = max(known_baselines, key=lambda name: sign * scores[name])
    drawn = np.stack([sign * draws[name] for name in known_baselines])
    best_baseline = drawn.max(axis=0)
    flattery = optimism(drawn)
    result = []
    for name in sorted(values, key=lambda name: -sign * scores[name]):
        gain = metric.better(scores[name], scores[reference])
        gains = sign * draws[name] - best_baseline
        low, high = _interval(draws[name])
        gain_low, gain_high = _interval(gains)
        own = float(gains.std())
        error = float(np.hypot(own, 0.5 * unit / len(truth)))
        prior = priors.get(name)
        expected = prior.scaled(unit).given(gain + flattery, error) if prior is not None else None
        result.append(Entry(name, name in baselines, scores[name], low, high, gain, gain_low, gain_high, expected))
    return reference, result


def optimism(draws: Floats) -> float:
    """By how much the best of several looks better than it is, because it was chosen on the same records.

    ``draws``: (baselines, resamples) scores on resamples of the records, higher is better. The winner of each
    resample is compared with what it scores on average over all of them (Efron 1983).
    """
    winner = draws.argmax(axis=0)
    return float((draws.max(axis=0) - draws.mean(axis=1)[winner]).mean())


def judge(
    lines: list[Entry],
    reference: str,
    metric: Metric,
    held_out: int,
    priors: dict[str, Expectation],
    unsaved: Collection[str] = (),
    wording: Wording = Wording(),
) -> Verdict:
    """The verdict on the candidate whose expected gain is largest.

    The reference is deployed unless that gain is positive, and always where the verdict is *hurt*.

    ``unsaved``: candidates that are compared, but could not be saved, and are never deployed.
    """
    challengers = [line for line in lines if not line.baseline and line.expected is not None]
    if held_out == 0:
        return _without_evidence(reference, metric, {n: p for n, p in priors.items() if n not in unsaved})
    if not challengers:
        sentence = f"Only baselines were run; {reference} was the best of them on {held_out} held-out {wording.noun}."
        sentence = f"{sentence} {wording.limits}".rstrip()
        word: Word = "no measurable difference"
        return Verdict(word, sentence, reference, reference, reference, None, None, None, held_out)
    best = max(challengers, key=lambda line: line.expected.mean if line.expected else 0.0)
    assert best.gain is not None and best.gain_low is not None and best.gain_high is not None
    assert best.expected is not None
    word = _word(best, held_out, all(line.gain_high is not None and line.gain_high < 0 for line in challengers))
    # what the user's own records say has hurt is not deployed, whatever other data promised
    wanted = best.expected.mean > 0 and word != "hurt"
    deployed = best.candidate if wanted and best.candidate not in unsaved else reference
    sentence = _sentence(word, best, reference, deployed, metric, held_out, wording)
    if wanted and best.candidate in unsaved:
        sentence += f" ({best.candidate} cannot be saved.)"
    sentence = f"{sentence} {wording.limits}".rstrip()
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


def _sentence(
    word: Word, best: Entry, reference: str, deployed: str, metric: Metric, held_out: int, wording: Wording
) -> str:
    assert best.gain is not None and best.gain_low is not None and best.gain_high is not None
    measure = Measure(metric.name)
    compared = _compared(best.candidate, reference, (best.gain, best.gain_low, best.gain_high), measure, word == "hurt")
    start = {
        "helped": f"{wording.subject} helped: {compared}",
        "hurt": f"{wording.subject} hurt: even {compared}",
    }.get(word, f"No measurable difference: {compared}")
    start = f"{start} on {held_out} held-out {wording.noun}."
    if word == "no measurable difference" and deployed != reference:
        assert best.expected is not None
        expected = f"{measure.signed(best.expected.mean)} {measure.unit}".rstrip()
        return f"{start} Deployed: {deployed}, since {wording.basis}{expected} are expected."
    return f"{start} Deployed: {deployed}."


def _compared(candidate: str, reference: str, gain: tuple[float, float, float], measure: Measure, hurt: bool) -> str:
    """A measured gain in words; of evidence as a factor first, since few people think in nats."""
    if measure.metric == "evidence":
        nats = measure.difference(*gain, "nats an observation")
        if abs(gain[0]) > MOST_NATS:
            far = "more" if gain[0] > 0 else "less"
            return f"{candidate} makes hidden evidence far {far} probable than {reference} does, {nats}"
        factor = significant(np.exp(gain[0]))
        return f"{candidate} makes hidden evidence {factor} times as probable as {reference} does, {nats}"
    return f"{candidate} {'fell behind' if hurt else 'against'} {reference}, {measure.gain(*gain, of=measure.name)}"


def _without_evidence(reference: str, metric: Metric, priors: dict[str, Expectation]) -> Verdict:
    if not priors:
        sentence = f"Nothing could be held out to judge by, and other data say nothing here. Deployed: {reference}."
        return Verdict("no evidence of your own", sentence, reference, reference, reference, None, None, None, 0)
    word: Word = "no evidence of your own; expected from other data"
    best = max(priors, key=lambda name: priors[name].mean)
    (low, high), mean = priors[best].interval(), priors[best].mean
    deployed = best if mean > 0 else reference
    sentence = (
        f"No label could be held out to judge by; on other data methods like {best} gained "
        f"{Measure(metric.name).gain(mean, low, high)} over {reference}. Deployed: {deployed}."
    )
    return Verdict(word, sentence, best, reference, deployed, mean, low, high, 0)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
