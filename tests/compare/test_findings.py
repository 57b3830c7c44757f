"""What a run learned of its evidence."""

from __future__ import annotations

import json

import numpy as np
import torch

from tacit.compare.findings import MOST, contradictions, findings, unseen
from tacit.data.prediction import Categorical
from tacit.labels import Candidates, Labels, Noisy, Positives, Votes

AB = ["a", "b"]
N = 400


def believed(y: np.ndarray, p: float = 0.95) -> Categorical:
    """A prediction that is sure of ``y`` with probability p."""
    return Categorical(torch.from_numpy(np.where(np.eye(2)[y] == 1, p, 1 - p)).log())


def test_sources_are_as_right_as_they_are() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=N)
    rates = np.array([0.95, 0.8, 0.6])
    vote = np.where(rng.random((N, 3)) < rates, y[:, None], 1 - y[:, None])
    votes = Votes.from_wide(vote, AB, abstain="ignored", sources=["best", "good", "poor"])
    found = findings(votes, believed(y, 0.99), [], [str(i) for i in range(N)])
    (told,) = found["findings"]
    assert told["about"] == "sources"
    for source, rate in zip(told["sources"], (vote == y[:, None]).mean(axis=0), strict=True):
        assert source["low"] - 0.02 < rate < source["high"] + 0.02
        assert source["votes"] == N
    assert [pair["kappa"] for pair in told["pairs"]] == sorted(pair["kappa"] for pair in told["pairs"])
    assert json.loads(json.dumps(found)) == found


def test_labels_that_were_flipped_contradict() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(2, size=N)
    wrong = rng.choice(N, 40, replace=False)
    given = y.copy()
    given[wrong] = 1 - given[wrong]
    labels = Noisy(given, "estimate", AB)
    ids = [f"r{i}" for i in range(N)]
    found = findings(labels, believed(y, 0.99), [], ids)
    assert {c["id"] for c in found["contradictions"]} == {f"r{i}" for i in wrong}
    first = found["contradictions"][0]
    assert first["given"] != first["believed"]
    assert first["p"] > 0.5 > first["p_given"]
    assert abs(found["findings"][0]["right"] - 0.9) < 0.02


def test_a_record_of_several_candidates_contradicts_nothing() -> None:
    labels = Candidates([[1, 1, 0], [1, 0, 0]], ["a", "b", "c"])
    posterior = Categorical(torch.tensor([[0.1, 0.9, 0.0], [0.2, 0.7, 0.1]]).log())
    assert [c["id"] for c in contradictions(labels, posterior, ["x", "y"])] == ["y"]


def test_of_many_contradictions_the_surest_are_kept() -> None:
    labels = Noisy(np.zeros(2 * MOST, dtype=int), "estimate", AB)
    p = np.linspace(0.51, 0.99, 2 * MOST)
    posterior = Categorical(torch.from_numpy(np.stack([1 - p, p], axis=1)).log())
    kept = contradictions(labels, posterior, [str(i) for i in range(2 * MOST)])
    assert [int(c["id"]) for c in kept] == list(range(2 * MOST - 1, MOST - 1, -1))


def test_a_mixture_tells_what_each_part_has_to_tell() -> None:
    state = np.array([1, 0, 0, 0] * 10)
    parts = Noisy(np.array([1, 0] * 20), [[0.9, 0.1], [0.2, 0.8]], ["negative", "positive"]), Positives(state, 0.5)
    found = findings(Labels.combine(*parts), believed(np.array([1, 0] * 20)), [], [str(i) for i in range(40)])
    assert [entry["about"] for entry in found["findings"]] == ["transition", "prior"]
    assert [part["kind"] for part in found["parts"]] == ["Noisy", "Positives"]
    assert found["findings"][1]["labels"][0] == {
        "label": "positive",
        "share": 0.25,
        "prior": 0.5,
        "low": None,
        "high": None,
    }


def test_what_was_held_out_counts_and_not_what_was_learned_by_heart() -> None:
    learned, held = believed(np.array([0, 0, 0])), believed(np.array([1, 1]))
    folds = [(np.array([2]), 0, held.take([0])), (np.array([0]), 1, held.take([1]))]
    both = unseen(learned, folds, 1)
    assert isinstance(both, Categorical)
    assert both.log_p.argmax(dim=1).tolist() == [1, 0, 1]
