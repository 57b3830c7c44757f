"""What is estimated of evidence: out of sample, once for all who ask, and told to networks that read it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import tacit
from tacit.claims.arms import shared_out
from tacit.compare import estimate as module
from tacit.compare import recipe as recipes
from tacit.compare.candidate import FitPlan
from tacit.compare.estimate import estimated
from tacit.compare.model import modalities
from tacit.compare.protocol import told
from tacit.compare.recipe import Recipe
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.records import Records
from tacit.labels import Exact, Noisy
from tacit.labels.noisy_model import NoisyModel
from tacit.systems.base import systems
from tacit.train.loop import Trained, Work
from tacit.train.watch import Watch

N, AB = 600, ["a", "b"]
NOISE = np.array([[0.95, 0.05], [0.35, 0.65]])


@pytest.fixture(scope="module")
def noisy() -> tuple[Records, Noisy]:
    rng = np.random.default_rng(3)
    y = rng.integers(2, size=N)
    x = (rng.normal(size=(N, 4)) + 1.6 * y[:, None]).astype(np.float32)
    given = (rng.random(N) < NOISE[y, 1]).astype(np.int64)
    return tacit.read(x, modality="table"), Noisy(given, "estimate", AB)


def bench_of(records: Records, labels: Noisy) -> Workbench:
    prepared = modalities()["table"]().fit(records, "auto")
    return Workbench(records, prepared, labels.task, make_fabric("cpu"), Watch())


def transition(model: Any) -> np.ndarray:
    assert isinstance(model, NoisyModel)
    return model.channel.log_transition().detach().exp().numpy()


def test_it_is_worked_out_once_and_every_copy_is_its_own(
    noisy: tuple[Records, Noisy], monkeypatch: pytest.MonkeyPatch
) -> None:
    records, labels = noisy
    bench, fits = bench_of(records, labels), []
    monkeypatch.setattr(module, "cross_fitted", lambda *given: fits.append(1) or of_nothing(labels))
    first = estimated(bench, records, labels)
    second = estimated(bench, records, labels)
    assert len(fits) == module.ROUNDS
    assert isinstance(first, NoisyModel)
    with torch.no_grad():
        first.channel.transition.fill_(0.5)
    assert not np.allclose(transition(second), 0.5)
    hidden = labels.hide(np.arange(10))
    estimated(bench, records, hidden)
    assert len(fits) == 2 * module.ROUNDS, "other labels, another estimate"


def test_a_few_right_labels_are_not_turned_around() -> None:
    """A held-out record whose class its head hardly knows says nothing of how labels err."""
    for seed, (classes, each) in enumerate([(4, 3), (4, 2), (4, 1), (2, 1), (2, 2)]):
        rng = np.random.default_rng(seed)
        y = np.arange(300) % classes
        x = rng.normal(size=(300, 6)).astype(np.float32)
        x[:, :classes] += 4 * np.eye(classes, dtype=np.float32)[y]
        given = np.full(300, -1)
        first = np.concatenate([np.flatnonzero(y == c)[:each] for c in range(classes)])
        given[first] = y[first]
        records, labels = tacit.read(x, modality="table"), Noisy(given, "estimate", list("abcd")[:classes])
        found = transition(estimated(bench_of(records, labels), records, labels))
        assert (np.diag(found) > 0.5).all()


def test_groups_are_held_out_together(noisy: tuple[Records, Noisy]) -> None:
    """Of copies with the same label each is predicted by the others, and no label seems wrong."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(60, 40)).astype(np.float32), 6, axis=0)
    x += 0.001 * rng.normal(size=x.shape).astype(np.float32)
    given = np.repeat(rng.integers(2, size=60), 6)
    records, labels = tacit.read(x, modality="table"), Noisy(given, "estimate", AB)
    together, apart = bench_of(records, labels), bench_of(records, labels)
    together.groups = np.repeat(np.arange(60), 6).astype(str).astype(object)
    right = [np.diag(transition(estimated(bench, records, labels))).mean() for bench in (together, apart)]
    assert right[1] > 0.9
    assert right[0] < right[1] - 0.1


def of_nothing(labels: Noisy) -> Any:
    return labels.task.prediction(torch.linspace(-1, 1, 2 * N).reshape(N, 2))


def test_of_labels_that_are_known_as_they_are_nothing_is_estimated(noisy: tuple[Records, Noisy]) -> None:
    records, labels = noisy
    bench = bench_of(records, labels)
    for known in (Exact(labels.y, AB), Noisy(labels.y, NOISE, AB)):
        assert estimated(bench, records, known).labels is known
    assert not bench.estimates


def test_networks_that_read_the_evidence_are_told_and_naive_ones_spared(
    noisy: tuple[Records, Noisy], monkeypatch: pytest.MonkeyPatch
) -> None:
    records, labels = noisy
    bench, seen = bench_of(records, labels), {}

    def spy(method: Any, work: Work, *rest: Any) -> Trained:
        seen[name] = work.evidence
        return Trained()

    monkeypatch.setattr(recipes, "train", spy)
    for name in ("evidence", "gce", "supervised"):
        recipe = Recipe(systems()[name], bench)
        plan = FitPlan(shared_out(recipe, 20))
        recipe.fit(records, told(recipe, labels), recipe.prepare(records, FitPlan(), rng()), plan, rng())
    assert_allclose(transition(seen["evidence"]), NOISE, atol=0.12)
    assert seen["gce"] is None
    assert not seen["supervised"].refits


def rng() -> np.random.Generator:
    return np.random.default_rng(0)
