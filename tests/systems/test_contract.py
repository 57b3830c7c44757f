"""One contract for every system that listing finds, on each modality and kind of task that it says it suits."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tacit.systems
from tacit.compare.candidate import FitPlan
from tacit.compare.model import Model
from tacit.compare.plan import Budget, allot
from tacit.compare.recipe import NetworkPredictor, Recipe, blank_predictor, built
from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.task import Classes, MultiLabel
from tacit.engines.method import Context
from tacit.errors import InputError
from tacit.labels import Exact, Labels, Noisy, Values, Votes
from tacit.systems.base import System, systems

MODALITIES = ("image", "set", "table", "text")
LABELLED = 18
NAMES = ("a", "b", "c")


def module_of(system: System) -> Any:
    names = [info.name for info in pkgutil.iter_modules(tacit.systems.__path__)]
    found = [m for m in (importlib.import_module(f"tacit.systems.{n}") for n in names)
             if getattr(m, "SYSTEM", None) is system]  # fmt: skip
    assert len(found) == 1
    return found[0]


def labels_for(kind: str, y: np.ndarray) -> Labels:
    """Evidence on the first records for each kind of task."""
    known = np.arange(len(y)) < LABELLED
    if kind == "classes":
        return Exact(np.where(known, y, -1), NAMES)
    if kind == "multilabel":
        both = np.stack([y == 0, y != 1], axis=1).astype(int)
        return Exact(np.where(known[:, None], both, -1), ["first", "not second"])
    return Values(np.where(known, 10.0 * y, np.nan))


CASES = [
    pytest.param(system, modality, kind, id=f"{name}-{modality}-{kind}")
    for name, system in systems().items()
    for modality in MODALITIES
    for kind in system.tasks
    if system.suits(modality, kind)
]


def tensors(prediction: Prediction) -> torch.Tensor:
    return (
        prediction.log_p
        if isinstance(prediction, Categorical)
        else torch.stack([prediction.mean, prediction.log_scale])
    )


@pytest.fixture(scope="module")
def fitted(toy: Callable[[str], Any]) -> Callable[[System, str, str], tuple[Any, Labels, Recipe, NetworkPredictor]]:
    """Every case trained for a few steps, once for all tests of this file."""
    made: dict[tuple[str, str, str], Any] = {}

    def get(system: System, modality: str, kind: str) -> Any:
        key = (system.name, modality, kind)
        if key not in made:
            data = toy(modality)
            labels = labels_for(kind, data.y)
            recipe = Recipe(system, data.bench(labels.task))
            plan = allot([recipe], Budget(steps=3), 0, lambda recipe: [])[system.name]
            rng = np.random.default_rng(3)
            shared = recipe.prepare(data.records, FitPlan(plan.prepare), rng)
            final = FitPlan(plan.final)
            predictor = recipe.fit(data.records, labels, shared, final, rng)
            assert final.curve or plan.prepare
            assert all(np.isfinite(value) for _, _, value in final.curve)
            made[key] = (data, labels, recipe, predictor)
        return made[key]

    return get


@pytest.mark.parametrize(("system", "modality", "kind"), CASES)
def test_predicts_one_distribution_a_site(fitted: Any, system: System, modality: str, kind: str) -> None:
    data, labels, _, predictor = fitted(system, modality, kind)
    prediction = predictor(data.records)
    sites = len(data.records) * labels.task.sites_per_record
    if kind == "number":
        assert isinstance(prediction, Normal)
        assert prediction.mean.shape == prediction.log_scale.shape == (sites,)
    else:
        assert isinstance(prediction, Categorical)
        assert prediction.log_p.shape == (sites, 3 if kind == "classes" else 2)
        torch.testing.assert_close(prediction.p.sum(1), torch.ones(sites))
    assert bool(torch.isfinite(tensors(prediction)).all())
    assert float(tensors(prediction).std(dim=0 if kind != "number" else 1).max()) > 0, "it reads the record"
    assert np.isfinite(float(labels.log_likelihood(prediction).sum()))


@pytest.mark.parametrize(("system", "modality", "kind"), CASES)
def test_a_record_is_judged_alone(fitted: Any, system: System, modality: str, kind: str) -> None:
    """Permuting and splitting the records permutes the predictions, and changes none."""
    data, labels, _, predictor = fitted(system, modality, kind)
    order = np.random.default_rng(0).permutation(len(data.records))
    per = labels.task.sites_per_record
    sites = torch.from_numpy((order[:, None] * per + np.arange(per)).reshape(-1))
    moved = predictor(data.records.take(order))
    torch.testing.assert_close(tensors(moved), tensors(predictor(data.records).take(sites)), atol=2e-5, rtol=1e-4)
    few = predictor(data.records.take(order[:5]))
    torch.testing.assert_close(tensors(few), tensors(moved.take(slice(0, 5 * per))), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(("system", "modality", "kind"), CASES)
def test_saved_and_loaded_it_predicts_the_same_on_new_records(
    fitted: Any, fresh: Any, tmp_path: Path, system: System, modality: str, kind: str
) -> None:
    data, labels, _, predictor = fitted(system, modality, kind)
    model = Model(system.name, predictor, data.prepared, labels.task, data.records.schema)
    model.save(tmp_path)
    new = tacit.read(fresh(modality, 10, 9)[0], modality=modality)
    loaded = Model.load(tmp_path)
    torch.testing.assert_close(tensors(loaded.predict(new)), tensors(model.predict(new)), atol=1e-6, rtol=1e-6)
    assert loaded.task == labels.task
    np.testing.assert_allclose(loaded.embed(new), model.embed(new), atol=1e-6)
    other = next(m for m in MODALITIES if m != modality)
    with pytest.raises(InputError, match=f"trained on {modality} records"):
        loaded.predict(tacit.read(fresh(other, 6)[0], modality=other))


@pytest.mark.parametrize(("system", "modality", "kind"), CASES)
def test_its_state_dict_is_all_its_state(fitted: Any, system: System, modality: str, kind: str) -> None:
    """Built anew from other random weights and given the state, the method is the same."""
    data, labels, _, predictor = fitted(system, modality, kind)
    context = Context(data.prepared, labels.task, len(data.records), LABELLED)
    method = None
    for stage in system.stages:
        before = method
        method = built(stage, context, before, seed=1)
        torch.rand(3)  # the state of the global generator plays no part
        again = built(stage, context, before, seed=1)
        assert all(
            torch.equal(a, b) for a, b in zip(method.state_dict().values(), again.state_dict().values(), strict=True)
        ), "initial weights are a function of the seed"
        again.load_state_dict(method.state_dict())
    module = blank_predictor(system, context)
    module.load_state_dict(predictor.module.state_dict())
    twin = NetworkPredictor(data.prepared, labels.task, system.name, {}, module)
    torch.testing.assert_close(tensors(twin(data.records)), tensors(predictor(data.records)), atol=1e-6, rtol=1e-6)


ESTIMATING = [s for s in systems().values() if not s.baseline and "classes" in s.tasks]


@pytest.mark.parametrize("system", ESTIMATING, ids=lambda s: s.name)
def test_it_trains_on_evidence_of_which_something_is_estimated(toy: Callable[[str], Any], system: System) -> None:
    """So many steps that what is estimated is refitted on the way."""
    data = toy(next(m for m in MODALITIES if m in system.modalities))
    known = np.arange(len(data.y)) < LABELLED
    crowd = np.where(known[:, None], np.stack([data.y, data.y, (data.y + 1) % 3], axis=1), -1)
    votes = Votes.from_wide(crowd, NAMES, abstain="ignored")
    labels = Labels.combine(votes, Noisy(np.where(known, data.y, -1), "estimate", NAMES))
    recipe = Recipe(system, data.bench(labels.task))
    plan = allot([recipe], Budget(steps=10), 0, lambda recipe: [])[system.name]
    rng = np.random.default_rng(3)
    shared = recipe.prepare(data.records, FitPlan(plan.prepare), rng)
    prediction = recipe.fit(data.records, labels, shared, FitPlan(plan.final), rng)(data.records)
    assert bool(torch.isfinite(tensors(prediction)).all())


@pytest.mark.parametrize("modality", MODALITIES)
def test_training_learns_the_classes(toy: Callable[[str], Any], modality: str) -> None:
    """A sanity floor for the loop as a whole: three classes that lie well apart, 18 labels, a few dozen steps."""
    data = toy(modality)
    labels = labels_for("classes", data.y)
    recipe = Recipe(systems()["supervised"], data.bench(labels.task))
    plan = allot([recipe], Budget(steps=60), 0, lambda recipe: [])["supervised"]
    rng = np.random.default_rng(0)
    shared = recipe.prepare(data.records, FitPlan(), rng)
    prediction = recipe.fit(data.records, labels, shared, FitPlan(plan.final), rng)(data.records)
    assert isinstance(prediction, Categorical)
    unseen = (prediction.log_p.argmax(1).numpy() == data.y)[LABELLED:].mean()
    assert unseen > 0.8, "chance is 0.33"


@pytest.mark.parametrize("system", systems().values(), ids=lambda s: s.name)
def test_a_system_is_documented(system: System) -> None:
    doc = module_of(system).__doc__ or ""
    assert system.title and system.family
    if not system.baseline:
        assert system.paper
        assert re.search(r"\bet al\.|\bSource:", doc), "whose idea it is"
        assert re.search(r"\b(19|20)\d\d\b|arXiv", doc + system.paper), "and when"
    assert len(Path(module_of(system).__file__).read_text().splitlines()) <= 120


@pytest.mark.parametrize("system", systems().values(), ids=lambda s: s.name)
def test_stages_share_the_whole_budget_and_labels_come_last(system: System) -> None:
    assert sum(stage.share for stage in system.stages) == pytest.approx(1.0)
    needs = [stage.needs_labels for stage in system.stages]
    assert needs == sorted(needs), "label-free stages lead"
    assert needs[-1], "it predicts"
    assert len({stage.name for stage in system.stages}) == len(needs), "checkpoints are named by stage"
    assert set(system.tasks) <= {"classes", "multilabel", "number"}


def test_names_are_unique_and_typeable() -> None:
    modules = [importlib.import_module(f"tacit.systems.{i.name}") for i in pkgutil.iter_modules(tacit.systems.__path__)]
    names = [m.SYSTEM.name for m in modules if hasattr(m, "SYSTEM")]
    assert sorted(names) == list(systems())
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_a_table_of_one_column_has_nothing_to_hide_and_says_so(toy: Callable[[str], Any]) -> None:
    from tacit.modalities.table import MODALITY

    records = tacit.read([{"x": float(i % 7)} for i in range(20)])
    prepared = MODALITY().fit(records)
    with pytest.raises(InputError, match="t-jepa needs a table of two columns"):
        built(systems()["t-jepa"].stages[0], Context(prepared, Classes(NAMES), 20, 5), None, 0)


def test_tasks_without_classes_have_no_alignment() -> None:
    from tacit.systems.parts import uniform_alignment

    context: Any = Context(None, MultiLabel(("a",)), 1, 1)  # type: ignore[arg-type]
    assert uniform_alignment(context) is None
    aligned = uniform_alignment(Context(None, Classes(NAMES), 1, 1))  # type: ignore[arg-type]
    assert aligned is not None and aligned.prior.tolist() == pytest.approx([1 / 3] * 3)
