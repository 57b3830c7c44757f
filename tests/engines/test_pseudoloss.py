"""Pseudo-loss selection against a literal transcription, and its detectors on records whose kind is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor

from tacit.data.batch import Batch, Columns, View
from tacit.data.task import Classes, MultiLabel
from tacit.engines.method import Context, Start, Step
from tacit.engines.pseudoloss import UNSEEN, PseudoLossSelection, foreign, high_loss, upper_mode
from tacit.labels import Exact, Noisy
from tacit.systems.lsa import detected_by, select
from tacit.systems.simclr import pretrain

from .encoders import Plain

TASK = Classes(("a", "b", "c"))
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
Y = np.array([0, 1, 2, 0, -1, 2])


def method(records: int = 8, labelled: int = 5, **settings: object) -> PseudoLossSelection:
    torch.manual_seed(0)
    return PseudoLossSelection(Plain(), TASK, records, labelled, **settings)  # type: ignore[arg-type]


def step_at(progress: float, index: Tensor | None = None, y: np.ndarray = Y) -> Step:
    views = {n: View(Batch({"x": X * s}), Columns(torch.empty(0))) for n, s in
             (("weak", 1.0), ("weak2", 0.5), ("strong", 2.0))}  # fmt: skip
    index = torch.arange(1, 7) if index is None else index
    evidence = Noisy(y, "estimate", TASK.names).model()
    return Step(views, {}, index, torch.empty(0, dtype=torch.int64), evidence, progress, torch.Generator())


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def test_the_loss_is_that_of_the_paper_record_by_record() -> None:
    taught = method()
    last = softmax(np.random.default_rng(0).normal(size=(8, 3)))
    taught.guesses.values.copy_(torch.from_numpy(last))
    taught.guesses.values[2] = UNSEEN
    taught.disbelieved.write(torch.tensor([2, 6]), torch.ones(2))
    taught.weights.write(torch.tensor([2, 6]), torch.tensor([0.25, 0.5]))
    w, b = (t.detach().double().numpy() for t in (taught.network.head.weight, taught.network.head.bias))

    def logits(scale: float, i: int) -> np.ndarray:
        return np.asarray(scale * X[i].double().numpy() @ w.T + b)

    losses = {name: value.detach() for name, value in taught.loss(step_at(0.5)).items()}
    above, below, beliefs = 0.0, 0.0, []
    for i, y in enumerate(Y):
        if y < 0:
            assert taught.losses.values[i + 1] == UNSEEN
            continue
        p = (softmax(logits(1.0, i)) + softmax(logits(0.5, i))) / 2
        guess = p**2 / (p**2).sum()
        doubted = i + 1 in (2, 6)
        target = guess if doubted else np.eye(3)[y]
        weight = {2: 0.25, 6: 0.5}.get(i + 1, 1.0)
        q = softmax(logits(2.0 if doubted else 1.0, i))
        above, below = above - weight * float(target @ np.log(q)), below + weight
        beliefs.append(q)
        before = np.eye(3)[y] if i + 1 == 2 else last[i + 1]
        assert float(taught.losses.values[i + 1]) == pytest.approx(-np.log(p[y]), rel=1e-5)
        assert float(taught.pseudo_losses.values[i + 1]) == pytest.approx(-before @ np.log(p), rel=1e-5)
        np.testing.assert_allclose(taught.guesses.values[i + 1].numpy(), guess, rtol=1e-5)
    assert float(losses["classes"]) == pytest.approx(above / below, rel=1e-5)
    mean = np.mean(beliefs, axis=0)
    assert float(losses["balance"]) == pytest.approx(float((np.log(1 / 3) - np.log(mean)).mean()), rel=1e-4)
    assert (taught.losses.values[[0, 7]] == UNSEEN).all(), "records of other batches are left alone"


def test_a_batch_without_labels_costs_nothing_and_several_labels_a_record_are_refused() -> None:
    losses = method().loss(step_at(0.5, y=np.full(6, -1)))
    sum(losses.values()).backward()
    assert float(losses["classes"].detach()) == 0
    with pytest.raises(TypeError, match="one class a record"):
        PseudoLossSelection(Plain(), MultiLabel(("a", "b")), 3, 3)


def test_the_upper_of_two_normal_modes_is_found_with_its_probability() -> None:
    rng = np.random.default_rng(0)
    upper = np.arange(4000) < 1000
    x = np.where(upper, rng.normal(5.0, 0.6, 4000), rng.normal(2.0, 0.5, 4000))
    density = 0.25 * norm.pdf(x, 5.0, 0.6), 0.75 * norm.pdf(x, 2.0, 0.5)
    found = upper_mode(x)
    between = (x > 0.5) & (x < 7)  # far out, the tails of the wider mode win whatever was fitted
    off = np.abs(found - density[0] / (density[0] + density[1]))[between]
    assert off.mean() < 0.005 and off.max() < 0.2, "fitted to 4,000 values, and steep between the modes"
    assert upper_mode(np.ones(5)).tolist() == [0.0] * 5
    assert upper_mode(np.array([0.0, 9.0])).tolist() == [0.0, 0.0], "two values have no modes"
    assert len(upper_mode(np.zeros(0))) == 0


def test_labels_that_are_surely_wrong_do_not_hide_those_that_are_probably_wrong() -> None:
    """Clean at 0.1, foreign about log 10, flipped at 9: capped, the last two are found; in full, the last alone."""
    rng = np.random.default_rng(0)
    losses = np.concatenate([rng.gamma(2.0, 0.05, 400), rng.normal(2.6, 0.4, 400), rng.normal(9.0, 0.7, 200)])
    kind = np.repeat(["clean", "foreign", "flipped"], [400, 400, 200])
    capped, full = high_loss(losses, np.log(10)), high_loss(losses, np.inf)
    assert capped[kind == "clean"].mean() < 0.02
    assert capped[kind == "flipped"].all() and full[kind == "flipped"].all()
    assert capped[kind == "foreign"].mean() > 0.8
    assert full[kind == "foreign"].mean() < 0.05


def test_the_hyperplane_corrects_what_taught_it() -> None:
    rng = np.random.default_rng(0)
    strange = np.arange(600) % 3 == 0
    features = rng.normal(size=(600, 5)).astype(np.float32)
    features[:, 2] = np.where(strange, 40.0, 10.0) + rng.normal(0, 5.0, 600)
    taught = strange ^ (rng.random(600) < 0.2)
    found = foreign(features, taught)
    assert (taught == strange).mean() < 0.85
    assert ((found > 0.5) == strange).mean() > 0.97
    assert foreign(features, np.ones(600, dtype=bool)).tolist() == [1.0] * 600, "nothing to separate"
    assert foreign(features, np.zeros(600, dtype=bool)).tolist() == [0.0] * 600


def prepared_state(taught: PseudoLossSelection) -> tuple[np.ndarray, np.ndarray]:
    """Of 300 records, 0 to 99 are foreign by their features, and 80 to 179 have high losses; 290 on are unseen."""
    records = np.arange(300)
    strange, high = records < 100, (records >= 80) & (records < 180)
    rng = np.random.default_rng(0)
    taught.features.values[:, 0] = torch.from_numpy(np.where(strange, 4.0, 0.0) + rng.normal(0, 0.3, 300))
    taught.losses.values.copy_(torch.from_numpy(np.where(high, 1.0, 0.05) + rng.normal(0, 0.01, 300)))
    taught.losses.values[290:] = UNSEEN
    taught.pseudo_losses.values.copy_(torch.from_numpy(np.where(records % 2, 3.0, 0.1) + rng.normal(0, 0.01, 300)))
    return strange, high


def doubted(taught: PseudoLossSelection) -> np.ndarray:
    return np.asarray(taught.disbelieved.values.numpy() > 0)


def test_detectors_take_turns_epoch_by_epoch_after_the_warm_up() -> None:
    taught = method(300, labelled=12, detectors=("loss", "linear"), warm_up=0.5)
    strange, high = prepared_state(taught)
    strange[:] &= np.arange(300) < 290
    for _ in range(4):
        taught.after_step(step_at(0.4))
    assert not doubted(taught).any(), "every label is believed at first"
    assert int(taught.visited) == 0 and int(taught.epoch) == 0
    taught.after_step(step_at(0.6))
    assert not doubted(taught).any(), "an epoch is 12 records, and 6 were visited"
    taught.after_step(step_at(0.6))
    np.testing.assert_array_equal(doubted(taught), high)
    trust = taught.weights.values.numpy()
    assert (trust[~high] == 1).all()
    np.testing.assert_allclose(trust[high], 1.0 - np.arange(300)[high] % 2, atol=0.01)
    # one in five of the foreign is taught as such, against 80 of 190 others: the plane lies the other way round
    taught.after_step(step_at(0.6))
    taught.after_step(step_at(0.6))
    assert int(taught.epoch) == 2
    np.testing.assert_array_equal(doubted(taught), ~strange & (np.arange(300) < 290))


def test_at_random_both_detectors_have_their_turns() -> None:
    taught = method(300, labelled=6, detectors=("loss", "linear"), shuffled=True, warm_up=0.0)
    _, high = prepared_state(taught)
    step, seen = step_at(0.6), []
    step.generator.manual_seed(0)
    for _ in range(12):
        taught.after_step(step)
        seen.append(bool((doubted(taught) == high).all()))
    assert 2 < sum(seen) < 10
    assert seen != [bool(k % 2) for k in range(12)] and seen != [not k % 2 for k in range(12)]


def test_features_are_read_before_training_and_all_state_is_in_the_state_dict(toy: object) -> None:
    data = toy("image")  # type: ignore[operator]
    context = Context(data.prepared, TASK, len(data.records), 18)
    torch.manual_seed(0)
    before = pretrain(context, None)
    taught = select(context, before)
    assert isinstance(taught, PseudoLossSelection)
    taught.train()
    labels = Exact(np.where(np.arange(len(data.y)) < 18, data.y, -1), TASK.names)
    taught.begin(Start(data.bench(TASK).pool, data.prepared, labels.model()))
    assert taught.network.encoder.training, "as it was"
    batch = data.prepared.clean(data.prepared.collate(data.records.gather()))
    torch.testing.assert_close(taught.features.values, before.encoder().eval()(batch).pooled.detach())
    again = select(context, pretrain(context, None))
    again.load_state_dict(taught.state_dict())
    torch.testing.assert_close(again.features.values, taught.features.values)  # type: ignore[union-attr]
    assert detected_by("loss").name == "lsa-loss" and detected_by("loss", capped=False).name == "lsa-loss-uncapped"


def test_a_detector_by_loss_alone_reads_no_features(toy: object) -> None:
    data = toy("image")  # type: ignore[operator]
    context = Context(data.prepared, TASK, len(data.records), 18, {"detection": "loss"})
    taught = select(context, pretrain(context, None))
    taught.begin(Start(data.bench(TASK).pool, data.prepared, Exact(data.y, TASK.names).model()))
    assert not taught.features.values.any()  # type: ignore[union-attr]
