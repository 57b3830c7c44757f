"""A claim from end to end on synthetic images, and going on after a stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tacit.claims import runner
from tacit.claims.arms import Arm, Frozen, Plain, Trained, Trial
from tacit.claims.base import Claim, find_claim
from tacit.claims.figures import Outcome
from tacit.claims.runner import Done, measure, run_claim, seed_list
from tacit.claims.sets import Draw, Split
from tacit.data.read import read
from tacit.errors import InputError
from tacit.systems.simclr import SYSTEM as SIMCLR
from tacit.systems.supervised_augmented import SYSTEM as AUGMENTED
from tacit.train.watch import Watch


def squares() -> Split:
    """8 × 8 images with a bright corner; 60 for the pool, 30 for the test."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    images = rng.integers(0, 60, (90, 8, 8)).astype(np.uint8)
    for image, c in zip(images, y, strict=True):
        image[0:3, 2 * c : 2 * c + 3] = 250
    records = read(images, modality="image")
    return Split(
        "squares", records.take(np.arange(60)), y[:60], records.take(np.arange(60, 90)), y[60:], ("a", "b", "c")
    )


CLAIM = Claim(
    name="tiny",
    title="A claim",
    says="it helps",
    source="nobody",
    chosen="squares",
    data=squares,
    draw=Draw(per_class=2),
    system=Trained("simclr", "SimCLR", SIMCLR, 4),
    host=Trained("supervised-augmented", "supervised", AUGMENTED, 4),
    others=(
        Frozen("frozen", "frozen", SIMCLR, 4, measure=lambda f: {"width": float(f.shape[1])}),
        Plain("logistic", "logistic"),
    ),
    peer="logistic",
)


class Counting(Watch):
    """Counts the stages that were trained."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def begin(self, what: str, steps: int) -> None:
        self.stages.append(what)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Counting]:
    folder, watch = tmp_path_factory.mktemp("claims"), Counting()
    return measure(CLAIM, folder, watch, seeds=2, device="cpu"), folder, watch


def test_the_result_says_what_was_measured(finished: tuple[dict[str, Any], Path, Counting]) -> None:
    result, folder, _ = finished
    assert json.loads((folder / "tiny.json").read_text(encoding="utf-8")) == result
    assert result["status"] == "undecided" and "2 ran" in result["sentence"]
    assert result["seeds"] == [0, 1]
    assert result["data"]["labels"] == "2 labels per class"
    assert result["versions"]["torch"]
    for arm in (result["system"], result["host"], *result["others"]):
        assert len(arm["per_seed"]) == 2
        assert arm["mean"] == pytest.approx(np.mean(arm["per_seed"]), abs=1e-4)
        assert arm["low"] <= arm["mean"] <= arm["high"]
    gained = np.subtract(result["system"]["per_seed"], result["host"]["per_seed"])
    assert result["difference"]["mean"] == pytest.approx(gained.mean(), abs=1e-4)
    assert result["host"]["system_minus_this"]["per_seed"] == pytest.approx(gained, abs=2e-5)
    frozen = next(a for a in result["others"] if a["arm"] == "frozen")
    assert frozen["measures"] == {"width": 64.0}


def test_system_and_host_take_the_same_steps(finished: tuple[dict[str, Any], Path, Counting]) -> None:
    result, *_ = finished
    steps = {
        name: sum(stage["steps"] for stage in result["settings"][name]["stages"])
        for name in ("simclr", "supervised-augmented")
    }
    assert steps == {"simclr": 4, "supervised-augmented": 4}


def test_arms_share_their_pretraining(finished: tuple[dict[str, Any], Path, Counting]) -> None:
    stages = finished[2].stages
    assert [s for s in stages if "pretrain" in s] == ["seed 0, simclr: pretrain", "seed 1, simclr: pretrain"]


def test_a_finished_claim_trains_nothing_and_ends_the_same(finished: tuple[dict[str, Any], Path, Counting]) -> None:
    result, folder, _ = finished
    watch = Counting()
    assert measure(CLAIM, folder, watch, seeds=2, device="cpu") == result
    assert watch.stages == []


def test_a_stopped_claim_goes_on_and_ends_the_same(
    finished: tuple[dict[str, Any], Path, Counting], tmp_path: Path
) -> None:
    """Stopped after any number of arms, then finished: the figures of an undisturbed run."""

    class Stop(Exception):
        pass

    def stopping_after(arms: int) -> Callable[[Arm, Trial], Outcome]:
        left = [arms]

        def run(arm: Arm, trial: Trial) -> Outcome:
            if left[0] == 0:
                raise Stop
            left[0] -= 1
            return original(arm, trial)

        return run

    original = runner.run_arm
    for stop in (1, 3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "run_arm", stopping_after(stop))
            with pytest.raises(Stop):
                measure(CLAIM, tmp_path, Watch(), seeds=2, device="cpu")
        assert not (tmp_path / "tiny.json").exists()
    watch = Counting()
    again = measure(CLAIM, tmp_path, watch, seeds=2, device="cpu")
    kept = {"per_seed", "mean", "low", "high", "measures"}
    for name in ("system", "host"):
        assert {k: again[name][k] for k in kept} == {k: finished[0][name][k] for k in kept}
    assert again["difference"] == finished[0]["difference"]
    assert not any("seed 0" in stage for stage in watch.stages)


def test_other_settings_are_not_mixed_with_old_results(
    finished: tuple[dict[str, Any], Path, Counting], tmp_path: Path
) -> None:
    _, folder, _ = finished
    seeds = tmp_path / "seeds" / "tiny"
    seeds.mkdir(parents=True)
    (seeds / "0.json").write_text((folder / "seeds" / "tiny" / "0.json").read_text())
    watch = Counting()
    longer = replace(CLAIM, host=Trained("supervised-augmented", "supervised", AUGMENTED, 4, {"anything": 1}))
    measure(longer, tmp_path, watch, seeds=1, device="cpu")
    assert watch.stages == ["seed 0, supervised-augmented: train"]


def test_a_broken_seed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "seeds" / "tiny" / "0.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(InputError, match=r"0\.json holds no results"):
        measure(CLAIM, tmp_path, Watch(), seeds=1, device="cpu")


def test_hits_survive_the_file() -> None:
    done = Done(np.random.default_rng(0).random(37) < 0.5, 1.5, {"a": 2.0})
    again = Done.from_json(json.loads(json.dumps(done.to_json())))
    assert again.figures.dtype == np.bool_ and (again.figures == done.figures).all()
    assert (again.seconds, again.measures) == (1.5, {"a": 2.0})


def test_other_figures_survive_the_file_in_single_precision() -> None:
    done = Done(np.random.default_rng(0).random(37), 1.5, {})
    again = Done.from_json(json.loads(json.dumps(done.to_json())))
    assert again.figures.dtype == np.float64
    np.testing.assert_allclose(again.figures, done.figures, atol=1e-7)


def test_unknown_claims_and_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'simclr'"):
        run_claim("simclrr", tmp_path)
    for bad in (0, [1, 1], []):
        with pytest.raises(InputError, match="different seeds"):
            seed_list(bad)
    assert seed_list([3, 1]) == [3, 1]


def test_a_claim_with_unequal_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="different numbers of steps"):
        replace(CLAIM, host=Trained("supervised-augmented", "supervised", AUGMENTED, 5))
    with pytest.raises(ValueError, match="same name"):
        replace(CLAIM, host=CLAIM.system)
    with pytest.raises(ValueError, match="is no arm"):
        replace(CLAIM, peer="nobody")
    assert find_claim("simclr").id == 295
