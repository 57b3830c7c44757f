"""A run on weak evidence, from candidates to the verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tacit
from tacit.compare.baselines import feature_candidates
from tacit.compare.candidate import FitPlan
from tacit.compare.evidence import EvidenceLinear
from tacit.compare.model import modalities
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Bags, Candidates, Exact, Labels, Noisy, Pairs, Votes
from tacit.train.watch import Watch

AB = ["a", "b"]
N = 240


@pytest.fixture(scope="module")
def table() -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) numbers of two overlapping classes and these classes, (n,)."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=N)
    x = rng.normal(size=(N, 4)) + 1.6 * y[:, None]
    return x.astype(np.float32), y


def kinds(y: np.ndarray) -> dict[str, Labels]:
    rng = np.random.default_rng(1)
    bag = np.arange(N) // 3
    positive = [bool(y[bag == b].any()) for b in range(N // 3)]
    flipped = np.where(rng.random(N) < np.where(y == 1, 0.4, 0.05), 1 - y, y)
    source = np.tile([0, 1, 2], N)
    vote = np.where(rng.random(3 * N) < np.array([0.9, 0.7, 0.6])[source], np.repeat(y, 3), 1 - np.repeat(y, 3))
    return {
        "bags": Bags(bag, positive, classes=AB),
        "noisy": Noisy(flipped, "estimate", AB),
        "votes": Votes(np.repeat(np.arange(N), 3), source, vote, N, AB),
    }


@pytest.mark.parametrize("name", ["bags", "noisy", "votes"])
def test_the_linear_head_finds_the_truth_behind_the_evidence(table: tuple[np.ndarray, np.ndarray], name: str) -> None:
    x, y = table
    records = tacit.read(x, modality="table")
    labels = kinds(y)[name]
    bench = Workbench(records, modalities()["table"]().fit(records, "auto"), labels.task, make_fabric("cpu"), Watch())
    rng = np.random.default_rng(0)
    told, naive = EvidenceLinear(bench), feature_candidates(bench)[0]
    assert naive.name == "logistic"
    right = {
        candidate.name: (candidate.fit(records, given, None, FitPlan(), rng)(records).log_p.argmax(1).numpy() == y)
        for candidate, given in ((told, labels), (naive, labels.naive()))
    }
    assert right["evidence-linear"].mean() > 0.9
    assert right["evidence-linear"].mean() >= right["logistic"].mean()


def test_a_run_on_weak_evidence(table: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, y = table
    out = tmp_path / "run"
    run = tacit.fit(
        x,
        kinds(y)["bags"],
        budget="30steps",
        seed=0,
        out=out,
        modality="table",
        test=x,
        test_labels=[AB[c] for c in y],
    )
    board = {line["candidate"]: line for line in run.leaderboard}
    assert run.info["metric"] == "evidence"
    assert run.info["test_metric"] == "accuracy"
    assert board["evidence-linear"]["score"] > board["logistic"]["score"], "copied labels call two thirds positive"
    assert run.verdict["deployed"].startswith("evidence")
    assert run.verdict["held_out"] == N // 3
    assert "held-out observations" in run.verdict["sentence"]
    assert run.verdict["sentence"].endswith(f"What it cannot see: {Bags.caveat}.")
    assert board[run.verdict["deployed"]]["test"] > 0.85
    assert any("bag's label copied" in note for note in run.info["notes"])
    assert (out / "report.html").exists()
    again = tacit.run.Run.load(out).model.predict(tacit.read(x, modality="table"))
    assert isinstance(again, Categorical)
    assert (again.log_p.argmax(1).numpy() == y).mean() > 0.85


def test_exact_labels_judge_a_mixture(table: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = table
    exact = Exact(np.where(np.arange(N) < 30, y, -1), AB)
    mask = np.eye(2, dtype=bool)[y] | (np.random.default_rng(2).random((N, 2)) < 0.3)
    mask[:30] = True
    run = tacit.fit(x, Labels.combine(exact, Candidates(mask, AB)), budget="10steps", seed=0, modality="table")
    assert run.info["metric"] == "accuracy"
    assert run.verdict["held_out"] == 30
    assert {"evidence-linear", "evidence", "logistic", "boosted-trees"} <= {e["candidate"] for e in run.leaderboard}


def test_pairs_alone_name_no_class(table: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = table
    i = np.arange(0, N, 2)
    with pytest.raises(InputError, match="no class"):
        tacit.fit(x, Pairs(i, i + 1, y[i] == y[i + 1], N, AB), budget="10steps", modality="table")


def test_a_resumed_run_has_to_be_of_the_same_evidence(table: tuple[np.ndarray, np.ndarray]) -> None:
    from tacit.api import _digest

    _, y = table
    some = kinds(y)
    assert len({_digest(labels) for labels in some.values()}) == 3
    hidden = some["votes"].hide(np.array([5]))
    assert _digest(hidden) != _digest(some["votes"])
    assert _digest(Labels.combine(some["votes"])) != _digest(Labels.combine(some["votes"], trust=[0.5]))


def test_evidence_that_contradicts_itself_is_refused_before_anything_is_trained(
    table: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = table
    exact, mask = Exact(np.where(np.arange(N) < 40, y, -1), AB), np.ones((N, 2), dtype=bool)
    mask[7] = np.eye(2, dtype=bool)[1 - y[7]]
    with pytest.raises(InputError, match="record 7 contradicts itself"):
        tacit.fit(x, Labels.combine(exact, Candidates(mask, AB)), budget="10steps", modality="table")


@pytest.mark.parametrize("kind", ["votes", "bags"])
def test_evidence_of_one_class_is_refused(table: tuple[np.ndarray, np.ndarray], kind: str) -> None:
    x, _ = table
    labels = Votes(np.arange(N), np.zeros(N, int), np.zeros(N, int), N, AB)
    if kind == "bags":
        labels = Bags(np.arange(N) // 4, [True] * (N // 4), classes=AB)  # type: ignore[assignment]
    with pytest.raises(InputError, match="of one class"):
        tacit.fit(x, labels, budget="10steps", modality="table")


def test_what_cannot_be_held_out_claims_no_experience(table: tuple[np.ndarray, np.ndarray]) -> None:
    x, _ = table
    five = (np.arange(8)[:, None] + np.arange(5)) % 8  # more than any fold holds
    ring = Bags.from_members(five.reshape(-1), np.repeat(np.arange(8), 5), [True, False] * 4, 8, classes=AB)
    run = tacit.fit(x[:8], ring, budget="5steps", modality="table", methods=["logistic"])
    assert run.verdict["held_out"] == 0
    assert run.verdict["word"] == "no evidence of your own"
    assert not any("held out" in note for note in run.info["notes"])


def test_test_labels_have_to_say_the_truth_under_the_same_names(table: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = table
    both = np.stack([y, 1 - y], axis=1)
    known = np.where((np.arange(N) < 60)[:, None], both, -1)
    settings = {"budget": "5steps", "modality": "table", "methods": ["logistic"], "test": x}
    train = Exact(known, ["on", "off"])
    same = tacit.fit(x, train, test_labels=Exact(both, ["on", "off"]), **settings)
    turned = tacit.fit(x, train, test_labels=Exact(both[:, ::-1], ["off", "on"]), **settings)
    tests = [[line["test"] for line in run.leaderboard if line["test"] is not None] for run in (same, turned)]
    assert tests[0] == tests[1]
    with pytest.raises(InputError, match="'maybe' is in one only"):
        tacit.fit(x, train, test_labels=Exact(both, ["on", "maybe"]), **settings)
    with pytest.raises(InputError, match="have to say the truth"):
        tacit.fit(x, train, test_labels=Noisy(y, "estimate", AB), **settings)
    with pytest.raises(InputError, match="no test record has a label"):
        tacit.fit(x, Exact(np.where(np.arange(N) < 60, y, -1), AB), test_labels=[None] * N, **settings)
