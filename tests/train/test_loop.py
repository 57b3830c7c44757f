"""The loop: what it optimises, exact resume, early ends, and that nothing outside it moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tacit.compare.workbench import make_fabric
from tacit.data.task import Classes
from tacit.engines.curriculum import ContrastToClasses
from tacit.engines.method import Method, Needs, Step
from tacit.engines.robust import GeneralisedCrossEntropy
from tacit.engines.selftrain import Alignment, SelfTrain, Threshold
from tacit.engines.settings import Settings
from tacit.engines.supervised import Supervised
from tacit.errors import Interrupted, TacitError
from tacit.labels import Exact, Noisy
from tacit.labels.noisy_model import NoisyModel
from tacit.modalities.table import MODALITY as TABLE
from tacit.train import loop
from tacit.train.loop import Batches, Work, make_optimizer, train
from tacit.train.pool import Pool
from tacit.train.predict import predict, record_batches
from tacit.train.predict import run as outputs
from tacit.train.watch import Deadline, Watch

TASK = Classes(("a", "b", "c"))
FAST = Settings(labelled_batch=8, unlabelled_batch=16, optimiser="adamw", rate=1e-2)


class Stopping(Watch):
    """Asks for a stop once a step is reached."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.seen: list[int] = []
        self.began: list[tuple[str, int]] = []
        self.ended: list[str] = []

    def begin(self, what: str, steps: int) -> None:
        self.began.append((what, steps))

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        self.seen.append(step)
        self.interrupted = self.at is not None and step >= self.at

    def end(self, what: str, seconds: float) -> None:
        self.ended.append(what)


@pytest.fixture(scope="module")
def problem(toy: Callable[[str], Any]) -> Callable[..., Work]:
    """Work on the toy table with its transformer, which has dropout."""
    data = toy("table")
    prepared = TABLE().fit(data.records, "transformer")
    pool = Pool(data.records, prepared)
    labels = Exact(data.some(20), TASK.names)

    def work(steps: int = 12, checkpoint: Path | None = None, **changes: Any) -> Work:
        return Work(pool, prepared, labels, FAST.but(**changes), steps, seed=5, checkpoint=checkpoint)

    return work


def selftrain(work: Work) -> SelfTrain:
    """A method with everything that has state: dropout, EMA, running alignment."""
    torch.manual_seed(0)
    alignment = Alignment(torch.full((3,), 1 / 3))
    encoder = work.prepared.encoder()
    return SelfTrain(encoder, TASK, teacher="average", alignment=alignment, selection=Threshold(0.4))


def run(method: Method, work: Work, watch: Watch | None = None, deadline: Deadline | None = None) -> loop.Trained:
    return train(method, work, make_fabric("cpu"), watch or Watch(), deadline)


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("stop", [1, 5, 11])
def test_resumed_training_ends_bit_for_bit_like_undisturbed(
    problem: Callable[..., Work], tmp_path: Path, stop: int, optimiser: str
) -> None:
    work = problem(optimiser=optimiser)
    undisturbed = selftrain(work)
    expected = run(undisturbed, work)
    path = tmp_path / "stage.safetensors"
    with pytest.raises(Interrupted, match=f"after step {stop} of 12"):
        run(selftrain(work), replace(work, checkpoint=path), Stopping(stop))
    assert path.exists()
    resumed = selftrain(work)
    with torch.no_grad():
        for parameter in resumed.parameters():
            parameter.zero_()  # whatever a fresh process starts from
    found = run(resumed, replace(work, checkpoint=path))
    assert equal(undisturbed, resumed)
    assert found.curve == expected.curve
    assert [f.name for f in tmp_path.iterdir()] == ["stage.safetensors"], "writes leave nothing behind"


def test_checkpoints_on_the_way_change_nothing(
    problem: Callable[..., Work], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = problem()
    undisturbed, disturbed = selftrain(work), selftrain(work)
    run(undisturbed, work)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    run(disturbed, replace(work, checkpoint=tmp_path / "c.safetensors"))
    assert equal(undisturbed, disturbed)


def test_training_is_a_function_of_its_seed(problem: Callable[..., Work]) -> None:
    work = problem()
    same, again, other = selftrain(work), selftrain(work), selftrain(work)
    run(same, work)
    torch.rand(17)  # the state of the global generators plays no part
    run(again, work)
    run(other, replace(work, seed=6))
    assert equal(same, again)
    assert not equal(same, other)


def test_global_generators_are_given_back(problem: Callable[..., Work], global_randomness: None) -> None:
    work = problem(steps=3)
    state = torch.random.get_rng_state()
    method = selftrain(work)
    torch.random.set_rng_state(state)
    run(method, work)


def test_global_generators_are_given_back_after_an_interruption(
    problem: Callable[..., Work], tmp_path: Path, global_randomness: None
) -> None:
    work = problem()
    state = torch.random.get_rng_state()
    method = selftrain(work)
    torch.random.set_rng_state(state)
    with pytest.raises(Interrupted):
        run(method, work, Stopping(2))


def test_a_deadline_cuts_and_says_where(problem: Callable[..., Work]) -> None:
    work = problem(steps=1000)
    watch = Stopping()
    done = run(selftrain(work), work, watch, Deadline(0.0))
    assert (done.cut, done.steps) == (True, 1)
    assert watch.began == [("train", 1000)] and watch.ended == ["train"]
    late = run(selftrain(problem(steps=2)), problem(steps=2), deadline=Deadline(1e9))
    assert (late.cut, late.steps) == (False, 2)
    assert Deadline(None).left() == float("inf") and not Deadline(None).over


def test_what_is_computed_once_before_the_steps_does_not_count_against_the_deadline(
    problem: Callable[..., Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = problem(steps=2)
    method = selftrain(work)
    monkeypatch.setattr(method, "begin", lambda start: time.sleep(2.0))
    done = run(method, work, deadline=Deadline(1.9))
    assert (done.cut, done.steps) == (False, 2)


class Diverging(Supervised):
    def loss(self, step: Step) -> dict[str, Tensor]:
        good = super().loss(step)["supervised"]
        return {"supervised": good, "bad": good * float("inf" if step.progress > 0.4 else 1)}


def test_a_loss_that_is_not_finite_is_named(problem: Callable[..., Work]) -> None:
    work = problem(steps=10)
    torch.manual_seed(0)
    with pytest.raises(TacitError, match="train diverged: the loss 'bad' is inf at step 6"):
        run(Diverging(work.prepared.encoder(), TASK), work)


class Ruler(Method):
    """One weight pulled to the right; the loss's gradient is always -1."""

    family = "test"

    def __init__(self) -> None:
        super().__init__()
        self.needs = Needs(labelled=("clean",))
        self.x = nn.Parameter(torch.zeros(2, 2, dtype=torch.float64))
        self.after = 0

    def loss(self, step: Step) -> dict[str, Tensor]:
        return {"pull": -self.x[0, 0]}

    def after_step(self, step: Step) -> None:
        self.after += 1

    def encoder(self) -> nn.Module:
        return nn.Identity()


def test_plain_sgd_moves_by_the_schedule(problem: Callable[..., Work]) -> None:
    """Nesterov momentum on a constant gradient, against torch's formula by hand."""
    work = problem(steps=6, optimiser="sgd", rate=0.1, weight_decay=0.0, schedule="cosine", warmup=0.0)
    method = Ruler()
    run(method, work)
    x, velocity = 0.0, 0.0
    for step in range(6):
        rate = 0.1 * (1 + np.cos(np.pi * step / 6)) / 2
        velocity = velocity * 0.9 - 1 if step else -1.0
        x -= rate * (-1 + 0.9 * velocity)
    assert float(method.x.detach()[0, 0]) == pytest.approx(x, rel=1e-6)
    assert method.after == 6
    assert not method.training, "a trained method is left in evaluation mode"


def test_gradients_are_clipped(problem: Callable[..., Work]) -> None:
    work = problem(steps=1, optimiser="sgd", rate=1.0, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.25)
    method = Ruler()
    run(method, work)
    assert float(method.x.detach()[0, 0]) == pytest.approx(0.25 * 1.9, rel=1e-4), "1 + momentum, Nesterov"


def test_vectors_are_not_decayed_and_the_encoder_has_its_own_rate(problem: Callable[..., Work]) -> None:
    work = problem(rate=0.1, weight_decay=0.5, encoder_rate=0.2)
    method = selftrain(work)
    optimizer = make_optimizer(method, work.settings)
    known = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    for name, parameter in method.named_parameters():
        if not parameter.requires_grad:
            assert id(parameter) not in known
            continue
        group = known[id(parameter)]
        assert group["weight_decay"] == (0.5 if parameter.ndim > 1 else 0.0), name
        assert group["lr"] == pytest.approx(0.02 if name.startswith("network.encoder.") else 0.1), name


def test_frozen_parts_and_hidden_labels_stay_so(problem: Callable[..., Work]) -> None:
    """Batches hold labelled records only where evidence is known, and all records unlabelled."""
    work = problem()
    labels = work.labels
    assert labels is not None
    hidden = replace(work, labels=labels.hide(np.arange(15)))
    batches = Batches(selftrain(work), hidden, torch.device("cpu"))
    seen_labelled, seen_unlabelled = set(), set()
    for step in range(20):
        batch = batches.at(step, 0.0)
        seen_labelled |= set(batch.labelled_index.tolist())
        seen_unlabelled |= set(batch.unlabelled_index.tolist())
        assert batch.evidence is not None
        assert len(batch.evidence.labels) == len(batch.labelled_index) == 8
        assert set(batch.unlabelled) == {"weak", "strong"} and set(batch.labelled) == {"weak"}
    assert seen_labelled == set(range(15, 20))
    assert seen_unlabelled == set(range(72)), "held-out records stay in the unlabelled stream"
    assert batches.per_step == 8 + 16


def test_steps_are_the_same_however_they_are_reached(problem: Callable[..., Work]) -> None:
    work = problem()
    first, second = (Batches(selftrain(work), work, torch.device("cpu")) for _ in range(2))
    for step in range(4):
        first.at(step, 0.0)
    ours, theirs = first.at(4, 0.0), second.at(4, 0.0)
    for name in ("weak", "strong"):
        assert torch.equal(ours.unlabelled[name].batch["numeric"], theirs.unlabelled[name].batch["numeric"])
    assert not torch.equal(ours.unlabelled["weak"].batch["numeric"], ours.unlabelled["strong"].batch["numeric"])


def test_labelled_methods_need_labels(problem: Callable[..., Work]) -> None:
    with pytest.raises(ValueError, match="needs labels"):
        run(selftrain(problem()), replace(problem(), labels=None))


def test_predictions_leave_the_module_as_it_was_and_give_gradients_to_posteriors(
    problem: Callable[..., Work], toy: Callable[[str], Any]
) -> None:
    work, data = problem(), toy("table")
    method = selftrain(work).train()
    for _ in outputs(method.network, record_batches(data.records, work.prepared, 30), work.prepared):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled(), "no mode leaks out"
    first = predict(method.network, record_batches(data.records, work.prepared, 30), work.prepared, TASK)
    again = predict(method.network, record_batches(data.records, work.prepared, 7), work.prepared, TASK)
    torch.testing.assert_close(first.log_p, again.log_p)  # type: ignore[union-attr]
    assert not first.log_p.requires_grad  # type: ignore[union-attr]
    assert method.network.training, "dropout was off for the predictions alone"
    assert work.labels is not None
    work.labels.posterior(first)
    assert len(predict(method.network, iter(()), work.prepared, TASK)) == 0


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_resumed_convolutions_end_bit_for_bit_like_undisturbed(
    toy: Callable[[str], Any], tmp_path: Path, optimiser: str
) -> None:
    """Weights may lie channels last in memory, and the optimiser's moments beside them: sums round differently."""
    data = toy("image")
    settings = FAST.but(optimiser=optimiser, rate=0.03)
    labels = Exact(data.some(20), TASK.names)
    work = Work(Pool(data.records, data.prepared), data.prepared, labels, settings, 30, seed=5)
    undisturbed = selftrain(work)
    run(undisturbed, work)
    path = tmp_path / "stage.safetensors"
    for stop in (2, 11, 20):
        with pytest.raises(Interrupted):
            run(selftrain(work), replace(work, checkpoint=path), Stopping(stop))
    resumed = selftrain(work)
    run(resumed, replace(work, checkpoint=path))
    assert equal(undisturbed, resumed)


def test_resumed_training_on_bags_ends_bit_for_bit_like_undisturbed(toy: Callable[[str], Any], tmp_path: Path) -> None:
    """A projector's batch statistics are state, and every view of ragged bags is drawn anew."""
    data = toy("set")
    labels = Exact(data.some(20), TASK.names)
    work = Work(Pool(data.records, data.prepared), data.prepared, labels, FAST, 12, seed=5)

    def method() -> ContrastToClasses:
        torch.manual_seed(0)
        return ContrastToClasses(data.prepared.encoder(), TASK, ("weak", "strong"))

    undisturbed, resumed = method(), method()
    expected = run(undisturbed, work)
    path = tmp_path / "stage.safetensors"
    with pytest.raises(Interrupted):
        run(method(), replace(work, checkpoint=path), Stopping(7))
    assert run(resumed, replace(work, checkpoint=path)).curve == expected.curve
    assert equal(undisturbed, resumed)


@pytest.mark.parametrize("how", ["estimate", "learn"])
def test_what_is_learned_of_the_evidence_moves_with_the_network(problem: Callable[..., Work], how: Any) -> None:
    """The method holds the model; it is refitted, or trained, and the batches are read with it as it stands."""
    work = problem(steps=20)
    assert isinstance(work.labels, Exact)
    known, wrong = work.labels.y >= 0, np.arange(len(work.labels)) % 4 == 0
    flipped = np.where(known & wrong, (work.labels.y + 1) % 3, work.labels.y)
    work = replace(work, labels=Noisy(flipped, how, TASK.names))
    assert work.labels is not None
    before = work.labels.model().state_dict()
    torch.manual_seed(0)
    method = Supervised(work.prepared.encoder(), TASK, views=("clean",))
    assert method.evidence is None
    batches: list[Any] = []

    class Kept(Watch):
        def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
            assert method.evidence is not None
            batches.append({k: v.clone() for k, v in method.evidence.state_dict().items()})

    run(method, work, Kept())
    assert isinstance(method.evidence, NoisyModel)
    after = method.evidence.state_dict()
    assert not all(torch.equal(after[name], value) for name, value in before.items()), "it has learned"
    step = Batches(method, work, torch.device("cpu")).at(0, 0.0)
    assert isinstance(step.evidence, NoisyModel)
    assert step.evidence.channel is method.evidence.channel, "batches are read with what was learned"
    assert {f"evidence.{name}" for name in after} <= set(method.state_dict()), "a checkpoint has it"
    trainable = {id(p) for group in make_optimizer(method, FAST).param_groups for p in group["params"]}
    assert {id(p) for p in method.evidence.parameters()} <= trainable
    assert any(not torch.equal(batches[0][n], batches[-1][n]) for n in after)


@pytest.mark.parametrize("how", ["estimate", "learn"])
def test_what_is_learned_of_the_evidence_is_resumed(problem: Callable[..., Work], tmp_path: Path, how: Any) -> None:
    work = problem(steps=20)
    assert isinstance(work.labels, Exact)
    work = replace(work, labels=Noisy(np.where(work.labels.y >= 0, 0, -1), how, TASK.names))

    def fresh() -> Supervised:
        torch.manual_seed(0)
        return Supervised(work.prepared.encoder(), TASK, views=("weak",))

    undisturbed, resumed = fresh(), fresh()
    run(undisturbed, work)
    path = tmp_path / "stage.safetensors"
    with pytest.raises(Interrupted):
        run(fresh(), replace(work, checkpoint=path), Stopping(9))
    run(resumed, replace(work, checkpoint=path))
    assert any(name.startswith("evidence.") for name in resumed.state_dict())
    assert equal(undisturbed, resumed)


def test_a_method_that_takes_evidence_naively_is_spared_the_refits(
    problem: Callable[..., Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    refitted: list[Method] = []
    monkeypatch.setattr(loop, "refit", lambda method, work: refitted.append(method))
    work = problem(steps=20)
    assert isinstance(work.labels, Exact)
    work = replace(work, labels=Noisy(work.labels.y, "estimate", TASK.names))
    naive = Supervised(work.prepared.encoder(), TASK, objective=GeneralisedCrossEntropy(TASK))
    run(naive, work)
    assert naive.naive and not refitted
    reading = Supervised(work.prepared.encoder(), TASK)
    run(reading, work)
    assert not reading.naive and refitted == [reading] * 8, "every tenth from the second to the ninth"
    run(reading, problem(steps=20))
    assert len(refitted) == 8, "of exact labels nothing is estimated"
