"""Parts of self-training against their papers' formulas, and the engine against its limits."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, softmax

from tacit.data.batch import Batch, Columns, Features, View
from tacit.data.task import Classes, MultiLabel, Number
from tacit.engines.method import Step
from tacit.engines.selftrain import (
    AdaptiveThreshold,
    Alignment,
    Everything,
    SelfTrain,
    SignalRelease,
    SoftSelection,
    Threshold,
    hard,
    sharpened,
    soft,
)
from tacit.labels import Exact, Labels, Values
from tacit.nets.network import Network

TASK = Classes(("a", "b", "c"))


def beliefs(count: int = 6, classes: int = 3, seed: int = 0) -> Tensor:
    return softmax(2 * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed)), dim=1)


class Linear(nn.Module):
    """Features that are the input itself, so that a `Network` on it is a linear model."""

    width = 4

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, batch: Batch) -> Features:
        return Features(batch["x"] * self.scale)


def views(seed: int, *names: str, rows: int = 5) -> dict[str, View]:
    generator = torch.Generator().manual_seed(seed)
    return {n: View(Batch({"x": torch.randn(rows, 4, generator=generator)}), Columns(torch.empty(0))) for n in names}


def step(
    labelled: Mapping[str, View], unlabelled: Mapping[str, View], labels: Labels | None = None, progress: float = 0.0
) -> Step:
    none = torch.empty(0, dtype=torch.int64)
    evidence = None if labels is None else labels.model()
    return Step(labelled, unlabelled, none, none, evidence, progress, torch.Generator())


def value(loss: Tensor) -> float:
    return float(loss.detach())


def moved(method: SelfTrain) -> SelfTrain:
    """The method with a head that is not symmetric, in training mode."""
    with torch.no_grad():
        for parameter in method.network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.ndim)))
    method.train()
    return method


def test_alignment_follows_remixmatch() -> None:
    """Section 3.1: q~ = normalise(q * p(y) / p~(y)), p~ the mean of beliefs, newer batches weighing more."""
    prior = torch.tensor([0.5, 0.3, 0.2])
    alignment = Alignment(prior, momentum=0.9)
    alignment.train()
    means: list[np.ndarray] = []
    for seed in range(4):
        q = beliefs(seed=seed)
        means.append(q.double().numpy().mean(axis=0))
        age = np.arange(len(means))[::-1]
        mean = np.average(means, axis=0, weights=0.9**age)
        expected = q.double().numpy() * prior.double().numpy() / mean
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(alignment(q).numpy(), expected, rtol=1e-4)


def test_the_first_beliefs_are_aligned_already() -> None:
    """A batch all of one opinion says nothing about its members once its mean is taken out."""
    q = torch.tensor([[0.7, 0.2, 0.1]]).expand(5, 3)
    aligned = Alignment(torch.full((3,), 1 / 3)).train()(q)
    torch.testing.assert_close(aligned, torch.full((5, 3), 1 / 3))


def test_alignment_rests_outside_training_and_can_be_partial() -> None:
    alignment = Alignment(torch.tensor([0.5, 0.5]), power=0.5)
    alignment.mean.copy_(torch.tensor([0.8, 0.2]))
    alignment.weight.fill_(1.0)
    alignment.eval()
    q = torch.tensor([[0.6, 0.4]])
    expected = np.array([0.6 * math.sqrt(0.5 / 0.8), 0.4 * math.sqrt(0.5 / 0.2)])
    np.testing.assert_allclose(alignment(q)[0], expected / expected.sum(), rtol=1e-6)
    torch.testing.assert_close(alignment.mean, torch.tensor([0.8, 0.2]))
    none = Alignment(torch.tensor([0.5, 0.5]), power=0.0).eval()
    torch.testing.assert_close(none(q), q)


def test_threshold_keeps_what_reaches_it() -> None:
    p = torch.tensor([[0.95, 0.05], [0.9499, 0.0501], [0.02, 0.98]])
    assert Threshold(0.95)(p).tolist() == [1.0, 0.0, 1.0]


def test_adaptive_threshold_follows_freematch() -> None:
    """Equations 5 to 8: tau(c) = p~(c) / max p~ * tau, both running means; from 1 / C on."""
    threshold = AdaptiveThreshold(3, momentum=0.8)
    threshold.train()
    tau, shares, kept = 1 / 3, np.full(3, 1 / 3), 0.0
    for seed in range(5):
        q = beliefs(count=40, seed=seed)
        p = q.double().numpy()
        tau = 0.8 * tau + 0.2 * p.max(axis=1).mean()
        shares = 0.8 * shares + 0.2 * p.mean(axis=0)
        limits = shares / shares.max() * tau
        expected = [float(row.max() > limits[row.argmax()]) for row in p]
        assert threshold(q).tolist() == expected
        kept += sum(expected)
    assert 0 < kept < 5 * 40


def test_soft_selection_follows_softmatch() -> None:
    """A truncated Gaussian below the running mean of confidence, of twice the standard deviation's inverse width
    as in the reference code (n_sigma = 2)."""
    selection = SoftSelection(3, momentum=0.8)
    selection.train()
    mean, variance = 1 / 3, 1.0
    for seed in range(5):
        q = beliefs(count=30, seed=seed)
        confidence = q.double().numpy().max(axis=1)
        mean = 0.8 * mean + 0.2 * confidence.mean()
        variance = 0.8 * variance + 0.2 * confidence.var()
        expected = [1.0 if c >= mean else math.exp(-((c - mean) ** 2) / (2 * variance / 4)) for c in confidence]
        np.testing.assert_allclose(selection(q).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("kind", [AdaptiveThreshold, SoftSelection])
def test_running_selections_rest_outside_training(kind: type[nn.Module]) -> None:
    selection = kind(3).eval()
    before = {k: v.clone() for k, v in selection.state_dict().items()}
    selection(beliefs())
    torch.testing.assert_close(dict(selection.state_dict()), before)


def test_targets() -> None:
    p = beliefs()
    assert torch.equal(soft(p), p)
    assert torch.equal(hard(p).argmax(1), p.argmax(1))
    assert torch.equal(hard(p).sum(1), torch.ones(6))
    for temperature in (0.4, 1.0, 2.0):
        raised = p.double().numpy() ** (1 / temperature)
        expected = raised / raised.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(sharpened(temperature)(p).numpy(), expected, rtol=1e-5)
    torch.testing.assert_close(sharpened(1e-3)(p), hard(p))
    assert torch.equal(Everything()(p), torch.ones(6))


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(
    ("schedule", "alpha"),
    [
        ("linear", lambda t: t),
        ("log", lambda t: 1 - math.exp(-5 * t)),
        ("exp", lambda t: math.exp(5 * (t - 1))),
    ],
)
def test_signal_release_follows_uda(schedule: str, alpha: object, progress: float) -> None:
    """Section 2.3: eta = alpha * (1 - 1/K) + 1/K; an example counts while the model gives its label at most eta."""
    release = SignalRelease(4, schedule)  # type: ignore[arg-type]
    eta = alpha(progress) * (1 - 1 / 4) + 1 / 4  # type: ignore[operator]
    assert release.threshold(progress) == pytest.approx(eta, rel=1e-6)
    p = [0.1, 0.24, 0.3, 0.6, 0.9, 0.999]
    kept = [q for q in p if q <= eta]
    expected = -sum(math.log(q) for q in kept) / len(kept)
    assert float(release(torch.tensor(p).log(), progress)) == pytest.approx(expected, rel=1e-5)


def test_signal_release_of_nothing_is_zero() -> None:
    assert float(SignalRelease(2)(torch.tensor([0.9, 0.8]).log(), 0.0)) == 0.0


def test_fixmatch_loss_by_hand() -> None:
    """Equations 3 and 4: labelled cross-entropy, and that of confident pseudo-labels averaged over all records."""
    method = moved(SelfTrain(Linear(), TASK, selection=Threshold(0.6), target=hard))
    labels = Exact(np.array([0, 2, 1, 1, 0]), TASK.names)
    labelled, unlabelled = views(0, "weak"), views(1, "weak", "strong", rows=20)
    losses = method.loss(step(labelled, unlabelled, labels))
    network = method.network
    expected = cross_entropy(network(labelled["weak"].batch), torch.tensor([0, 2, 1, 1, 0]))
    torch.testing.assert_close(losses["supervised"], expected)
    teacher = softmax(network(unlabelled["weak"].batch), 1).detach()
    student = log_softmax(network(unlabelled["strong"].batch), 1).detach()
    terms = [-float(student[i, p.argmax()]) if float(p.max()) >= 0.6 else 0.0 for i, p in enumerate(teacher)]
    assert 0 < sum(t == 0.0 for t in terms) < 20
    assert value(losses["unlabelled"]) == pytest.approx(sum(terms) / 20, rel=1e-5)


def test_teacher_gets_no_gradient() -> None:
    method = moved(SelfTrain(Linear(), TASK, target=soft))
    unlabelled = {k: View(v.batch.replace(x=v.batch["x"].requires_grad_()), v.map) for k, v in
                  views(1, "weak", "strong").items()}  # fmt: skip
    losses = method.loss(step(views(0, "weak"), unlabelled, Exact(np.array([0, 2, 1, 1, 0]), TASK.names)))
    losses["unlabelled"].backward()
    assert unlabelled["weak"].batch["x"].grad is None
    strong = unlabelled["strong"].batch["x"].grad
    assert strong is not None and float(strong.abs().sum()) > 0


def test_a_threshold_above_one_is_supervised_training() -> None:
    method = moved(SelfTrain(Linear(), TASK, selection=Threshold(1.01)))
    labels = Exact(np.array([0, 2, 1, 1, 0]), TASK.names)
    batch = step(views(0, "weak"), views(1, "weak", "strong"), labels)
    losses = method.loss(batch)
    assert value(losses["unlabelled"]) == 0.0
    parameters = list(method.network.parameters())
    total = torch.autograd.grad(losses["supervised"] + losses["unlabelled"], parameters)
    alone = torch.autograd.grad(method.loss(batch)["supervised"], parameters)
    for mine, expected in zip(total, alone, strict=True):
        torch.testing.assert_close(mine, expected)


def test_a_frozen_teacher_never_moves_and_stays_in_evaluation() -> None:
    torch.manual_seed(0)
    frozen = nn.Sequential(Network(Linear(), 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    before = {k: v.clone() for k, v in frozen.state_dict().items()}
    method = moved(SelfTrain(Linear(), TASK, teacher="frozen", frozen=frozen, target=soft, labelled_views=()))
    assert method.frozen is not None and not method.frozen.training
    optimizer = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], lr=0.1)
    for seed in range(3):
        batch = step({}, views(seed, "weak", "strong"))
        losses = method.loss(batch)
        assert set(losses) == {"unlabelled"}
        losses["unlabelled"].backward()
        optimizer.step()
        method.after_step(batch)
    torch.testing.assert_close(dict(frozen.state_dict()), before)


def test_distillation_is_cross_entropy_to_the_teachers_soft_labels() -> None:
    teacher = moved(SelfTrain(Linear(), TASK)).network
    method = SelfTrain(Linear(), TASK, teacher="frozen", frozen=teacher, target=soft, labelled_views=()).train()
    unlabelled = views(3, "weak", "strong")
    loss = method.loss(step({}, unlabelled))["unlabelled"]
    target = softmax(teacher(unlabelled["weak"].batch), 1)
    expected = cross_entropy(method.network(unlabelled["strong"].batch), target)
    torch.testing.assert_close(loss, expected)


def test_an_average_teacher_is_read_not_the_student() -> None:
    method = moved(SelfTrain(Linear(), TASK, teacher="average", target=soft, labelled_views=()))
    unlabelled = views(3, "weak", "strong")
    loss = method.loss(step({}, unlabelled))["unlabelled"]
    target = softmax(method.average.network(unlabelled["weak"].batch), 1)  # type: ignore[operator]
    torch.testing.assert_close(loss, cross_entropy(method.network(unlabelled["strong"].batch), target))
    assert not torch.allclose(target, softmax(method.network(unlabelled["weak"].batch), 1))


def test_several_perturbations_are_averaged_and_the_weight_scales() -> None:
    unlabelled = views(3, "weak", "strong", "strong2")
    settings = {"target": soft, "labelled_views": ()}
    both = moved(SelfTrain(Linear(), TASK, perturbations=("strong", "strong2"), weight=3.0, **settings))  # type: ignore[arg-type]
    singles = [
        value(
            moved(SelfTrain(Linear(), TASK, perturbations=(name,), **settings)).loss(step({}, unlabelled))["unlabelled"]
        )  # type: ignore[arg-type]
        for name in ("strong", "strong2")
    ]
    assert value(both.loss(step({}, unlabelled))["unlabelled"]) == pytest.approx(3 * sum(singles) / 2, rel=1e-5)


def test_consistency_of_numbers_is_the_squared_difference_of_standardised_means() -> None:
    method = moved(SelfTrain(Linear(), Number(100.0, 10.0)))
    labels = Values(np.array([90.0, 110.0, np.nan, 100.0, 95.0]))
    unlabelled = views(1, "weak", "strong", rows=7)
    losses = method.loss(step(views(0, "weak"), unlabelled, labels))
    weak, strong = (method.network(unlabelled[n].batch)[:, 0].detach() for n in ("weak", "strong"))
    assert value(losses["unlabelled"]) == pytest.approx(float(((weak - strong) ** 2).mean()), rel=1e-5)
    same = {"weak": unlabelled["weak"], "strong": unlabelled["weak"]}
    assert value(method.loss(step(views(0, "weak"), same, labels))["unlabelled"]) == pytest.approx(0.0, abs=1e-10)


def test_several_labels_a_record_are_consistent_site_by_site() -> None:
    method = moved(SelfTrain(Linear(), MultiLabel(("x", "y")), target=soft, labelled_views=()))
    unlabelled = views(1, "weak", "strong", rows=7)
    loss = method.loss(step({}, unlabelled))["unlabelled"]
    weak, strong = (method.network(unlabelled[n].batch).detach().double() for n in ("weak", "strong"))
    expected = nn.functional.binary_cross_entropy_with_logits(strong, weak.sigmoid())
    assert value(loss) == pytest.approx(float(expected), rel=1e-5)


def test_released_signal_enters_the_supervised_term() -> None:
    labels = Exact(np.array([0, 2, 1, 1, 0]), TASK.names)
    method = moved(SelfTrain(Linear(), TASK, release=SignalRelease(3)))
    labelled = views(0, "weak")
    loss = method.loss(step(labelled, views(1, "weak", "strong"), labels, progress=0.1))["supervised"]
    p = softmax(method.network(labelled["weak"].batch), 1)[torch.arange(5), torch.tensor([0, 2, 1, 1, 0])].tolist()
    kept = [q for q in p if q <= 0.1 * 2 / 3 + 1 / 3]
    assert 0 < len(kept) < 5
    assert value(loss) == pytest.approx(-sum(math.log(q) for q in kept) / len(kept), rel=1e-5)


def test_misuse_is_told() -> None:
    with pytest.raises(ValueError, match="frozen teacher needs a network"):
        SelfTrain(Linear(), TASK, teacher="frozen")
    method = moved(SelfTrain(Linear(), TASK))
    with pytest.raises(ValueError, match="needs evidence"):
        method.loss(step(views(0, "weak"), views(1, "weak", "strong")))
