"""The verdict: intervals that cover, shrinkage by Bayes' rule, words for constructed cases."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from tacit.compare.prior import Expectation, expectation, reference_order
from tacit.compare.scores import CLASS_METRICS, EVIDENCE, NUMBER_METRICS, Metric
from tacit.compare.verdict import Entry, Verdict, Wording, bootstrap_scores, entries, judge, optimism

ACCURACY = CLASS_METRICS["accuracy"]
MEAN = Metric("mean", lambda t, v: float(v.mean()), lambda t, v: v)
FLAT = Expectation(0.0, 0.05)


def answers(truth: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n, 2) probabilities that are right where told."""
    guess = np.where(right, truth, 1 - truth).astype(int)
    return np.eye(2)[guess] * 0.8 + 0.1


def compare(
    right: dict[str, np.ndarray], baselines: set[str], prior: Expectation = FLAT, seed: int = 0, **more: Any
) -> tuple[dict[str, Entry], Verdict]:
    n = len(next(iter(right.values())))
    truth = np.arange(n) % 2.0
    values = {name: answers(truth, r) for name, r in right.items()}
    priors = {name: prior for name in right if name not in baselines}
    reference, lines = entries(values, truth, ACCURACY, baselines, priors, np.random.default_rng(seed), **more)
    verdict = judge(lines, reference, ACCURACY, n, priors)
    return {line.candidate: line for line in lines}, verdict


def right(n: int, wrong: int, offset: int = 0) -> np.ndarray:
    """All but ``wrong`` records right, the wrong ones starting at ``offset``."""
    return ~np.isin(np.arange(n), np.arange(offset, offset + wrong))


def test_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    """200 samples of 60 normal values: about 95 % of the intervals hold 0 (binomial standard deviation 1.5 %)."""
    rng = np.random.default_rng(0)
    covered, widths = 0, []
    for _ in range(200):
        sample = rng.normal(size=60)
        draws = bootstrap_scores({"a": sample}, np.zeros(60), MEAN, rng, resamples=400)["a"]
        low, high = np.quantile(draws, [0.025, 0.975])
        covered += low <= 0 <= high
        widths.append(high - low)
    assert 0.90 <= covered / 200 <= 0.98
    assert np.mean(widths) == pytest.approx(2 * norm.ppf(0.975) / math.sqrt(60), rel=0.05)


def test_metrics_that_are_no_means_are_resampled_alike() -> None:
    """The same metric told with and without its shares per record has the same spread."""
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2.0
    values = {"a": answers(truth, rng.random(80) < 0.7)}
    whole = Metric("accuracy", ACCURACY.score)
    spreads = [
        float(bootstrap_scores(values, truth, m, np.random.default_rng(1))["a"].std()) for m in (ACCURACY, whole)
    ]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.12)
    score = ACCURACY.score(truth, values["a"])
    assert spreads[0] == pytest.approx(math.sqrt(score * (1 - score) / 80), rel=0.1), "binomial"


@pytest.mark.parametrize("metric", [ACCURACY, CLASS_METRICS["macro_f1"]])
@pytest.mark.parametrize("grouped", [False, True])
def test_resamples_in_blocks_are_those_in_one(metric: Metric, grouped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.arange(90) % 2.0
    values = {"a": answers(truth, right(90, 20)), "b": answers(truth, right(90, 30, 25))}
    groups = np.arange(90) // 3 if grouped else None

    def draws(numbers: int) -> dict[str, np.ndarray]:
        monkeypatch.setattr("tacit.compare.verdict.BLOCK", numbers)
        return bootstrap_scores(values, truth, metric, np.random.default_rng(0), groups, resamples=101)

    whole = draws(90 * 1000)
    for numbers in (1, 90 * 7, 90 * 101):
        for name, scores in draws(numbers).items():
            np.testing.assert_array_equal(scores, whole[name])
    assert len(whole["a"]) == 101


def test_grouped_records_are_drawn_together() -> None:
    """Copies in a group add no information: the spread is that of the groups."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=20)
    sample, groups = np.repeat(means, 10), np.repeat(np.arange(20), 10)
    draws = bootstrap_scores({"a": sample}, np.zeros(200), MEAN, rng, groups)["a"]
    alone = bootstrap_scores({"a": sample}, np.zeros(200), MEAN, rng)["a"]
    assert draws.std() == pytest.approx(means.std() / math.sqrt(20), rel=0.1)
    assert alone.std() < 0.5 * draws.std()


def test_candidates_are_compared_on_the_same_resamples() -> None:
    lines, _ = compare({"base": right(60, 20), "same": right(60, 20)}, {"base"})
    assert (lines["same"].gain, lines["same"].gain_low, lines["same"].gain_high) == (0.0, 0.0, 0.0)
    wide, _ = compare({"base": right(60, 20), "other": right(60, 20, 30)}, {"base"})
    assert wide["other"].gain == 0.0
    assert wide["other"].gain_low is not None and wide["other"].gain_low < -0.1


def test_gain_is_against_the_best_baseline_whose_choice_is_resampled() -> None:
    both = {"poor": right(60, 14, 20), "good": right(60, 12), "new": right(60, 6, 40)}
    lines, verdict = compare(both, {"poor", "good"})
    assert verdict.reference == "good"
    assert lines["new"].gain == pytest.approx(6 / 60)
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2.0
    draws = bootstrap_scores({n: answers(truth, r) for n, r in both.items()}, truth, ACCURACY, rng)
    gains = draws["new"] - np.maximum(draws["poor"], draws["good"])
    assert (lines["new"].gain_low, lines["new"].gain_high) == tuple(np.quantile(gains, [0.025, 0.975]))


def test_many_equal_baselines_make_the_claim_harder() -> None:
    rng = np.random.default_rng(3)
    noisy = {f"b{i}": rng.random(60) < 0.7 for i in range(8)}
    new = {"new": rng.random(60) < 0.85}
    best = max(noisy, key=lambda n: noisy[n].mean())
    alone, _ = compare({best: noisy[best], **new}, {best})
    many, _ = compare({**noisy, **new}, set(noisy))
    assert alone["new"].gain == many["new"].gain
    assert alone["new"].gain_low is not None and many["new"].gain_low is not None
    assert many["new"].gain_low < alone["new"].gain_low


def test_the_best_of_equals_is_flattered_and_the_correction_takes_most_of_it_off() -> None:
    """Eight baselines that are right for half of 50 records: the best seems better by its luck alone."""
    rng = np.random.default_rng(0)
    luck, corrected = [], []
    for _ in range(60):
        hits = (rng.random((8, 50)) < 0.5).astype(float)
        scores = hits.mean(axis=1)
        draws = hits @ rng.multinomial(50, np.full(50, 0.02), size=1000).T / 50
        luck.append(scores.max() - 0.5)
        corrected.append(scores.max() - optimism(draws) - 0.5)
    assert np.mean(luck) > 0.08
    assert abs(np.mean(corrected)) < 0.5 * np.mean(luck)


def test_one_baseline_is_not_flattered() -> None:
    rng = np.random.default_rng(0)
    hits = (rng.random((1, 50)) < 0.7).astype(float)
    draws = hits @ rng.multinomial(50, np.full(50, 0.02), size=4000).T / 50
    assert abs(optimism(draws)) < 1e-12


def test_what_is_expected_is_over_what_the_reference_is_worth() -> None:
    rng = np.random.default_rng(3)
    rights = {f"b{k}": rng.random(60) < 0.5 for k in range(8)} | {"new": rng.random(60) < 0.5}
    lines, _ = compare(rights, {f"b{k}" for k in range(8)}, Expectation(0.0, 10.0))
    new = lines["new"]
    assert new.expected is not None and new.gain is not None
    assert new.expected.mean > new.gain + 0.02, "a prior this wide leaves only the correction"


def test_a_clear_gain_helped_and_is_deployed() -> None:
    _, verdict = compare({"base": right(80, 40), "new": right(80, 8)}, {"base"})
    assert (verdict.word, verdict.deployed, verdict.candidate, verdict.reference) == ("helped", "new", "new", "base")
    assert verdict.gain == pytest.approx(0.4)
    assert 0 < verdict.low < verdict.gain < verdict.high
    assert "The unlabelled data helped: new against base, +40.0 points of accuracy" in verdict.sentence
    assert "on 80 held-out records. Deployed: new." in verdict.sentence


def test_a_clear_harm_hurt_and_the_reference_is_deployed() -> None:
    losing = {"base": right(80, 8), "new": right(80, 40), "worse": right(80, 60)}
    _, verdict = compare(losing, {"base"}, Expectation(0.05, 0.05))
    assert (verdict.word, verdict.deployed, verdict.candidate) == ("hurt", "base", "new")
    assert verdict.high < 0


@pytest.mark.parametrize(
    ("better", "word", "start"),
    [
        (
            0.5,
            "helped",
            "Using the evidence helped: new makes hidden evidence 1.65 times as probable as base does, +0.50",
        ),
        (
            -0.5,
            "hurt",
            "Using the evidence hurt: even new makes hidden evidence 0.607 times as probable as base does, −",
        ),
        (0.0, "no measurable difference", "No measurable difference: new makes hidden evidence 1.00 times as probable"),
        (
            720.0,
            "helped",
            "Using the evidence helped: new makes hidden evidence far more probable than base does, +720.0",
        ),
        (
            -800.0,
            "hurt",
            "Using the evidence hurt: even new makes hidden evidence far less probable than base does, −800.0",
        ),
    ],
)
def test_judged_by_evidence_the_sentence_is_a_factor_with_its_unit_and_limits(
    better: float, word: str, start: str
) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(-2, 1, 80)
    noise = rng.normal(0, 0.1, 80)
    values = {"base": base, "new": base + better + noise - noise.mean()}
    priors = {"new": Expectation(0.0, 1.0)}
    reference, lines = entries(values, np.zeros(80), EVIDENCE, {"base"}, priors, rng)
    wording = Wording("Using the evidence", "observations", "", "What it cannot see: much.")
    verdict = judge(lines, reference, EVIDENCE, 80, priors, (), wording)
    assert verdict.word == word
    assert verdict.sentence.startswith(start)
    assert re.search(
        r" nats an observation \([+−]\d+\.\d+ to [+−]\d+\.\d+\) on 80 held-out observations\.", verdict.sentence
    )
    assert verdict.sentence.endswith(" What it cannot see: much.")


def test_figures_in_the_sentence_are_rounded_with_a_true_minus() -> None:
    rng = np.random.default_rng(0)
    truth, noise = rng.normal(size=60), rng.normal(size=60)
    values = {"base": truth + 0.1 * noise, "new": truth + 0.5 * noise}
    r2 = NUMBER_METRICS["r2"]
    reference, lines = entries(values, truth, r2, {"base"}, {"new": FLAT}, np.random.default_rng(1))
    sentence = judge(lines, reference, r2, 60, {"new": FLAT}).sentence
    assert re.search(r"fell behind base, −0\.\d{2} of R² \(−0\.\d{2} to −0\.\d{2}\) on 60 held-out records", sentence)
    _, verdict = compare({"base": right(80, 8), "new": right(80, 40)}, {"base"})
    assert "−40.0 points of accuracy (−" in verdict.sentence
    assert "-4" not in verdict.sentence


def test_one_candidate_that_does_no_harm_is_no_hurt() -> None:
    _, verdict = compare({"base": right(80, 8), "fine": right(80, 8, 40), "worse": right(80, 60)}, {"base"})
    assert verdict.word == "no measurable difference"


@pytest.mark.parametrize("n", [19, 20])
@pytest.mark.parametrize(("base", "new", "word"), [(1.0, 0.0, "hurt"), (0.0, 1.0, "helped")])
def test_fewer_than_twenty_held_out_records_claim_nothing(n: int, base: float, new: float, word: str) -> None:
    _, verdict = compare({"base": np.full(n, bool(base)), "new": np.full(n, bool(new))}, {"base"})
    assert verdict.word == (word if n >= 20 else "no measurable difference")


def test_no_difference_deploys_by_what_is_expected() -> None:
    same = {"base": right(40, 10), "new": right(40, 10)}
    _, hopeful = compare(same, {"base"}, Expectation(0.05, 0.02))
    assert (hopeful.word, hopeful.deployed) == ("no measurable difference", "new")
    assert "with what its kind gained on other data, +1.4 points are expected" in hopeful.sentence
    _, doubtful = compare(same, {"base"}, Expectation(-0.05, 0.02))
    assert (doubtful.word, doubtful.deployed) == ("no measurable difference", "base")


def test_without_held_out_records_the_prior_speaks() -> None:
    priors = {"new": Expectation(0.04, 0.02), "other": Expectation(0.01, 0.02)}
    verdict = judge([], "base", ACCURACY, 0, priors)
    assert verdict.word == "no evidence of your own; expected from other data"
    assert (verdict.candidate, verdict.deployed, verdict.held_out) == ("new", "new", 0)
    assert (verdict.gain, verdict.low, verdict.high) == pytest.approx((0.04, 0.0008, 0.0792))
    against = judge([], "base", ACCURACY, 0, {"new": Expectation(-0.01, 0.02)})
    assert against.deployed == "base"
    assert "gained +4.0 points (+0.1 to +7.9) over base" in verdict.sentence
    alone = judge([], "base", ACCURACY, 0, {})
    assert (alone.deployed, alone.word) == ("base", "no evidence of your own")
    assert (alone.gain, alone.low, alone.high) == (None, None, None), "and nothing is expected either"


def test_only_baselines_give_no_difference() -> None:
    _, verdict = compare({"base": right(40, 10), "second": right(40, 20)}, {"base", "second"})
    assert (verdict.word, verdict.deployed) == ("no measurable difference", "base")
    assert (verdict.gain, verdict.low, verdict.high) == (None, None, None), "nothing was compared with a baseline"


def test_what_cannot_be_saved_is_judged_and_not_deployed() -> None:
    truth = np.arange(80) % 2.0
    values = {"base": answers(truth, right(80, 40)), "code": answers(truth, right(80, 8))}
    priors = {"code": FLAT}
    reference, lines = entries(values, truth, ACCURACY, {"base"}, priors, np.random.default_rng(0))
    verdict = judge(lines, reference, ACCURACY, 80, priors, {"code"})
    assert (verdict.word, verdict.candidate, verdict.deployed) == ("helped", "code", "base")
    assert "code cannot be saved" in verdict.sentence
    assert judge([], "base", ACCURACY, 0, {"code": Expectation(0.1, 0.01)}, {"code"}).deployed == "base"


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", ["mse", "mae", "r2"])
def test_the_units_of_a_numeric_target_change_no_decision(name: str, unit: float) -> None:
    """A loss far beyond the noise is never deployed and a gain always, in metres as in millimetres."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=60)
    noise = rng.normal(size=60)
    values = {"base": truth + 0.5 * noise, "better": truth + 0.1 * noise, "worse": truth + 2 * noise}
    metric = NUMBER_METRICS[name]
    for new, deployed, word in (("better", "better", "helped"), ("worse", "base", "hurt")):
        two = {n: unit * values[n] for n in ("base", new)}
        # a prior of 1 % mean, against what is seen
        priors = {new: Expectation(-0.01 if new == "better" else 0.01, 0.05)}
        reference, lines = entries(two, unit * truth, metric, {"base"}, priors, np.random.default_rng(1))
        verdict = judge(lines, reference, metric, 60, priors)
        assert (verdict.deployed, verdict.word) == (deployed, word)


def test_posterior_is_normal_with_normal() -> None:
    """By brute force on a grid: prior density times likelihood."""
    prior, gain, error = Expectation(0.03, 0.04), -0.02, 0.03
    grid = np.linspace(-0.5, 0.5, 200_001)
    density = norm(prior.mean, prior.spread).pdf(grid) * norm(gain, error).pdf(grid)
    density /= density.sum()
    mean = float((density * grid).sum())
    spread = math.sqrt(float((density * (grid - mean) ** 2).sum()))
    posterior = prior.given(gain, error)
    assert (posterior.mean, posterior.spread) == pytest.approx((mean, spread), rel=1e-6)
    assert posterior.interval() == pytest.approx((mean - 1.96 * spread, mean + 1.96 * spread), rel=1e-5)


def test_shrinkage_limits() -> None:
    prior = Expectation(0.03, 0.04)
    assert prior.given(0.5, 1e-9).mean == pytest.approx(0.5)
    vague = prior.given(0.5, 1e9)
    assert (vague.mean, vague.spread) == pytest.approx((0.03, 0.04))
    assert prior.scaled(100).given(50, 10).mean == pytest.approx(100 * prior.given(0.5, 0.1).mean)


def test_prior_is_interpolated_in_the_logarithm_of_labels() -> None:
    at = {n: expectation("selftrain", "image", n) for n in (1.0, 2.0, 4.0)}
    assert at[2.0].mean == pytest.approx((at[1.0].mean + at[4.0].mean) / 2), "2 is half way from 1 to 4 in logs"
    assert at[2.0].spread == pytest.approx((at[1.0].spread + at[4.0].spread) / 2)
    assert expectation("selftrain", "image", 0.01) == at[1.0]
    assert expectation("selftrain", "image", 1e9) == expectation("selftrain", "image", 400)
    shares = [expectation("selftrain", "image", n) for n in np.geomspace(1, 400, 50)]
    assert all(a.mean >= b.mean for a, b in itertools.pairwise(shares)), "gains fall with labels"


def test_unknown_families_and_modalities_have_a_default() -> None:
    assert expectation("brand new", "image", 4) == expectation("user", "image", 4)
    assert expectation("selftrain", "video", 4) == expectation("selftrain", "table", 4)
    assert reference_order("video", False) == reference_order("table", False)
    assert reference_order("image", True) != reference_order("image", False)
