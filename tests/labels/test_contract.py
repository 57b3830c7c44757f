"""One contract for every kind of evidence that listing finds.

A kind in ``tacit/labels/<module>.py`` has ``example(rng)`` in ``tests/labels/test_<module>.py``: a small instance of
it, parameters given where it has any, with a record or two that nothing is known of. Where its class names are kept
elsewhere than in ``task``, ``renamed(labels, names)`` beside it gives the same evidence under other names.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from torch import Tensor

import tacit.labels
from tacit.data.prediction import Categorical, Normal, Prediction
from tacit.data.task import Classes, MultiLabel, Number
from tacit.errors import InputError
from tacit.labels.base import Labels, Units
from tacit.labels.coupled import Coupled
from tacit.labels.exact import Exact
from tacit.labels.local import Local
from tacit.labels.soft import Soft
from tacit.labels.values import Values
from tacit.listing import subclasses

MIXED = ("Mixture", "NumberMixture")
"""Made of kinds, and no kind themselves."""

KINDS = {name: kind for name, kind in subclasses("tacit.labels", Labels).items() if name not in MIXED}
SEEDS = range(3)
STRANGE = ('a,"b"\n', "ß — ø", "\u2028", "it's; a|tab\t", "日本語", "NA", "-1", "🦉", "id", "  spaced ")
"""Names that spoil careless files; none is like another."""


def file_of(name: str) -> Path:
    """The tests of a kind."""
    return Path(__file__).with_name(f"test_{KINDS[name].__module__.rsplit('.', 1)[1]}.py")


def cases(base: type[Labels]) -> pytest.MarkDecorator:
    names = [name for name, kind in KINDS.items() if issubclass(kind, base) and file_of(name).exists()]
    params = [pytest.param(name, seed, id=f"{name}-{seed}") for name in names for seed in SEEDS]
    return pytest.mark.parametrize(("name", "seed"), params)


every = cases(Labels)


def beside(name: str) -> Any:
    """The module of the tests of a kind."""
    return importlib.import_module(f".{file_of(name).stem}", __package__)


def example(name: str, seed: int) -> Labels:
    labels = beside(name).example(np.random.default_rng(seed))
    assert type(labels) is KINDS[name], "the example is of the kind itself"
    assert len(labels.units()), "an example without evidence tests nothing"
    return cast(Labels, labels)


def sites(labels: Labels) -> int:
    return len(labels) * labels.task.sites_per_record


def prediction_for(labels: Labels, seed: int = 0, dtype: torch.dtype = torch.float64) -> Prediction:
    """Random beliefs of the right type, other ones at every site."""
    draws = torch.Generator().manual_seed(seed)
    n = sites(labels)
    if isinstance(labels.task, Number):
        mean, log_scale = torch.randn(2, n, generator=draws, dtype=torch.float64)
        return Normal((labels.task.centre + labels.task.scale * mean).to(dtype), (log_scale / 4).to(dtype))
    outcomes = 2 if isinstance(labels.task, MultiLabel) else labels.task.outputs
    logits = 2 * torch.randn(n, outcomes, generator=draws, dtype=torch.float64)
    return Categorical(torch.log_softmax(logits, dim=1).to(dtype))


def tensors(prediction: Prediction) -> list[Tensor]:
    """What a prediction consists of; probabilities, because log-probabilities may be infinite."""
    if isinstance(prediction, Categorical):
        return [prediction.p]
    return [prediction.mean, prediction.log_scale]


def at_sites(labels: Labels, records: NDArray[np.int64]) -> Tensor:
    """The sites of these records, in their order."""
    width = labels.task.sites_per_record
    return torch.from_numpy((records[:, None] * width + np.arange(width)).reshape(-1))


def sites_of(units: Units) -> list[tuple[int, ...]]:
    cuts = zip(units.offsets[:-1], units.offsets[1:], strict=True)
    return [tuple(units.sites[start:stop].tolist()) for start, stop in cuts]


def keyed(labels: Labels, prediction: Prediction, sites: Tensor) -> list[tuple[tuple[int, ...], float]]:
    """Every unit's sites, as numbers in ``sites``, and its likelihood, in an order that is the units' own."""
    likelihood = labels.log_likelihood(prediction).tolist()
    spoken = [tuple(sorted(int(sites[s]) for s in unit)) for unit in sites_of(labels.units())]
    return sorted(zip(spoken, likelihood, strict=True))


def assert_same_units(
    found: list[tuple[tuple[int, ...], float]], expected: list[tuple[tuple[int, ...], float]]
) -> None:
    assert [unit for unit, _ in found] == [unit for unit, _ in expected]
    assert_allclose([value for _, value in found], [value for _, value in expected], rtol=1e-9, atol=1e-12)


def renamed(name: str, labels: Labels, names: Sequence[str]) -> Labels:
    """The same evidence about classes of other names."""
    own = getattr(beside(name), "renamed", None)
    if own is not None:
        return cast(Labels, own(labels, names))
    other = copy.copy(labels)
    other.task = dataclasses.replace(cast(Classes, labels.task), names=tuple(names))
    return other


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_exported_has_an_example_and_says_what_it_is(name: str) -> None:
    assert file_of(name).exists(), f"{name} needs tests/labels/{file_of(name).name} with example(rng)"
    assert getattr(tacit.labels, name, None) is KINDS[name], f"import {name} in tacit/labels/__init__.py"
    assert name in tacit.labels.__all__
    said = example(name, 0).describe()
    assert said
    assert len(said.splitlines()) == 1


def test_the_known_kinds_are_found() -> None:
    assert {"Exact", "Values", "Soft", "Candidates", "Complementary", "Levels", "Noisy"} <= set(KINDS)
    assert not set(MIXED) & set(KINDS)


@every
def test_units_are_those_of_the_likelihood(name: str, seed: int) -> None:
    labels = example(name, seed)
    units, likelihood = labels.units(), labels.log_likelihood(prediction_for(labels))
    assert likelihood.shape == (len(units),)
    assert bool(torch.isfinite(likelihood).all())
    assert units.offsets[0] == 0 and units.offsets[-1] == len(units.sites)
    assert (np.diff(units.offsets) > 0).all(), "a unit speaks of something"
    assert ((units.sites >= 0) & (units.sites < sites(labels))).all()
    assert len(labels.components()) == len(units)
    assert_array_equal(labels.labelled(), np.unique(units.sites // labels.task.sites_per_record))
    assert labels.dropped == 0


def extreme(labels: Labels, seed: int) -> tuple[Prediction, Tensor]:
    """Beliefs of almost 0 and almost 1, or numbers that are far off and sure of it; and what to differentiate by."""
    draws, n = torch.Generator().manual_seed(seed), sites(labels)
    if isinstance(labels.task, Number):
        off = 100 * labels.task.scale * torch.randn(n, generator=draws, dtype=torch.float64)
        mean = (labels.task.centre + off).requires_grad_()
        return Normal(mean, torch.full_like(off, -5.0)), mean
    outcomes = 2 if isinstance(labels.task, MultiLabel) else labels.task.outputs
    log_p = torch.full((n, outcomes), float(np.log(1e-30)), dtype=torch.float64)
    log_p = log_p.scatter(1, torch.randint(outcomes, (n, 1), generator=draws), float(np.log1p(-1e-16))).requires_grad_()
    return Categorical(log_p), log_p


@every
def test_extreme_beliefs_have_a_finite_likelihood_and_gradient(name: str, seed: int) -> None:
    labels = example(name, seed)
    prediction, leaf = extreme(labels, seed)
    likelihood = labels.log_likelihood(prediction)
    (gradient,) = torch.autograd.grad(likelihood.sum(), leaf)
    assert bool(torch.isfinite(likelihood).all()) and bool(torch.isfinite(gradient).all())


@every
def test_hiding_everything_leaves_nothing(name: str, seed: int) -> None:
    labels = example(name, seed)
    hidden = labels.hide(np.arange(len(labels.units())))
    prediction = prediction_for(labels)
    assert type(hidden) is type(labels)
    assert len(hidden) == len(labels) and hidden.task == labels.task
    assert len(hidden.units()) == 0 and len(hidden.labelled()) == 0 and len(hidden.components()) == 0
    assert hidden.log_likelihood(prediction).shape == (0,)
    for found, belief in zip(tensors(hidden.posterior(prediction)), tensors(prediction), strict=True):
        torch.testing.assert_close(found, belief)
    assert hidden.describe()
    assert list(hidden.rows(strange_ids(labels))) == []


@every
def test_hiding_some_leaves_exactly_the_others(name: str, seed: int) -> None:
    labels = example(name, seed)
    prediction = prediction_for(labels)
    before = labels.log_likelihood(prediction)
    hide = np.random.default_rng(seed).random(len(before)) < 0.5
    left = labels.hide(np.flatnonzero(hide))
    torch.testing.assert_close(left.log_likelihood(prediction), before[torch.from_numpy(~hide)])
    spoken = sites_of(labels.units())
    assert sites_of(left.units()) == [unit for unit, gone in zip(spoken, hide, strict=True) if not gone]
    torch.testing.assert_close(labels.log_likelihood(prediction), before, msg="labels are immutable")


@every
def test_permuting_records_permutes_evidence_and_posterior(name: str, seed: int) -> None:
    labels = example(name, seed)
    prediction = prediction_for(labels)
    order = np.random.default_rng(seed).permutation(len(labels))
    moved = at_sites(labels, order)
    taken = labels.take(order)
    assert len(taken) == len(labels) and taken.dropped == 0 and taken.task == labels.task
    found = keyed(taken, prediction.take(moved), moved)
    assert_same_units(found, keyed(labels, prediction, torch.arange(len(moved))))
    posterior, permuted = labels.posterior(prediction), taken.posterior(prediction.take(moved))
    for before, after in zip(tensors(posterior), tensors(permuted), strict=True):
        torch.testing.assert_close(after, before[moved])


@every
def test_taking_some_records_keeps_whole_units_and_counts_the_others(name: str, seed: int) -> None:
    labels = example(name, seed)
    prediction = prediction_for(labels)
    index = np.random.default_rng(seed).permutation(len(labels))[: max(1, 2 * len(labels) // 3)]
    kept = at_sites(labels, index)
    taken, inside = labels.take(index), set(kept.tolist())
    expected = [(unit, v) for unit, v in keyed(labels, prediction, torch.arange(sites(labels))) if set(unit) <= inside]
    assert_same_units(keyed(taken, prediction.take(kept), kept), expected)
    assert taken.dropped == sum(0 < len(set(unit) & inside) < len(set(unit)) for unit in sites_of(labels.units()))
    nothing = labels.take(np.zeros(0, dtype=np.int64))
    assert len(nothing) == 0 and len(nothing.units()) == 0


@every
def test_a_record_taken_twice_speaks_twice_unless_it_is_coupled(name: str, seed: int) -> None:
    labels = example(name, seed)
    width = labels.task.sites_per_record
    for unit in sites_of(labels.units()):
        records = sorted({site // width for site in unit})
        twice = np.array([*records, records[0]])
        if len(records) > 1 or isinstance(labels, Coupled):
            with pytest.raises(InputError):
                labels.take(twice)
        else:
            at = at_sites(labels, twice)
            once = labels.take(np.array(records))
            both = labels.take(twice)
            assert len(both.units()) == 2 * len(once.units())
            one = once.log_likelihood(prediction_for(labels).take(at_sites(labels, np.array(records)))).sum()
            torch.testing.assert_close(both.log_likelihood(prediction_for(labels).take(at)).sum(), 2 * one)


@every
def test_padding_adds_records_and_no_evidence(name: str, seed: int) -> None:
    labels = example(name, seed)
    longer = labels.padded(2)
    assert len(longer) == len(labels) + 2 and longer.task == labels.task
    assert sites_of(longer.units()) == sites_of(labels.units())
    prediction = prediction_for(longer)
    first = prediction.take(torch.arange(sites(labels)))
    torch.testing.assert_close(longer.log_likelihood(prediction), labels.log_likelihood(first))
    assert len(labels.padded(0)) == len(labels)


def strange_ids(labels: Labels) -> list[str]:
    """An id a record that spoils careless files."""
    return [f"{STRANGE[i % len(STRANGE)]}{i // len(STRANGE) or ''}" for i in range(len(labels))]


def through_json(labels: Labels, ids: Sequence[str]) -> Labels:
    """Written as lines of strict JSON and read again."""
    lines = [json.dumps(line, ensure_ascii=False, allow_nan=False) for line in (labels.header(), *labels.rows(ids))]
    assert not any("\n" in line for line in lines)
    header, *rows = [json.loads(line) for line in "\n".join(lines).encode().decode().split("\n")]
    return type(labels).from_rows(header, rows, ids)


@every
def test_lines_of_json_lose_nothing(name: str, seed: int) -> None:
    labels = example(name, seed)
    variants = [labels]
    if not isinstance(labels.task, Number):
        variants.append(renamed(name, labels, STRANGE[: len(labels.task.names)]))
    for known in variants:
        ids = strange_ids(known)
        again = through_json(known, ids)
        assert len(again) == len(known)
        assert again.task == known.task or isinstance(known.task, Number)
        prediction = prediction_for(known)
        assert sites_of(again.units()) == sites_of(known.units())
        torch.testing.assert_close(again.log_likelihood(prediction), known.log_likelihood(prediction))
        assert again.header() == known.header()
        assert list(again.rows(ids)) == list(known.rows(ids)), "what was read is written as it was"
        assert len(known.describe().splitlines()) == 1


@every
def test_lines_of_json_are_matched_by_id(name: str, seed: int) -> None:
    labels = example(name, seed)
    ids = strange_ids(labels)
    order = np.random.default_rng(seed).permutation(len(labels))
    again = type(labels).from_rows(labels.header(), list(labels.rows(ids)), [ids[i] for i in order])
    moved = at_sites(labels, order)
    prediction = prediction_for(labels)
    expected = keyed(labels, prediction, torch.arange(len(moved)))
    assert_same_units(keyed(again, prediction.take(moved), moved), expected)


@every
def test_a_file_is_written_whole_or_refused_with_words(name: str, seed: int, tmp_path: Path) -> None:
    labels = example(name, seed)
    path = tmp_path / "labels.csv"
    try:
        labels.to_file(path, [f"record {i}" for i in range(len(labels))])
    except InputError:
        assert list(tmp_path.iterdir()) == []
    else:
        assert [file.name for file in tmp_path.iterdir()] == ["labels.csv"]
        assert "record " in path.read_text(encoding="utf-8")


@every
def test_the_posterior_is_a_belief_and_untouched_sites_keep_theirs(name: str, seed: int) -> None:
    labels = example(name, seed)
    prediction = prediction_for(labels)
    posterior = labels.posterior(prediction)
    assert type(posterior) is type(prediction) and len(posterior) == len(prediction)
    untouched = torch.ones(len(prediction), dtype=torch.bool)
    untouched[torch.from_numpy(labels.units().sites.copy())] = False
    for found, belief in zip(tensors(posterior), tensors(prediction), strict=True):
        assert not found.requires_grad
        assert not bool(found.isnan().any())
        torch.testing.assert_close(found[untouched], belief[untouched])
    if isinstance(posterior, Categorical):
        assert bool((posterior.p >= 0).all())
        torch.testing.assert_close(posterior.p.sum(dim=1), torch.ones(len(posterior), dtype=torch.float64))


@every
def test_single_precision_is_enough_to_train(name: str, seed: int) -> None:
    labels = example(name, seed)
    fine, coarse = prediction_for(labels), prediction_for(labels, dtype=torch.float32)
    leaf = coarse.log_p if isinstance(coarse, Categorical) else coarse.mean
    likelihood = labels.log_likelihood(with_leaf(coarse, leaf.requires_grad_()))
    assert likelihood.dtype == torch.float32
    assert_allclose(likelihood.detach(), labels.log_likelihood(fine), rtol=1e-3, atol=1e-4)
    likelihood.mean().backward()
    assert leaf.grad is not None
    assert bool(torch.isfinite(leaf.grad).all())


def with_leaf(prediction: Prediction, leaf: Tensor) -> Prediction:
    return Categorical(leaf) if isinstance(prediction, Categorical) else Normal(leaf, prediction.log_scale)


@every
def test_a_prediction_of_another_type_is_refused(name: str, seed: int) -> None:
    labels = example(name, seed)
    n = sites(labels)
    wrong: Prediction = Normal(torch.zeros(n), torch.zeros(n))
    if isinstance(labels.task, Number):
        wrong = Categorical(torch.full((n, 2), 0.5).log())
    with pytest.raises((TypeError, InputError)):
        labels.log_likelihood(wrong)


@every
def test_the_model_without_anything_to_learn_is_the_labels(name: str, seed: int) -> None:
    labels = example(name, seed)
    prediction = prediction_for(labels)
    model = labels.model()
    torch.testing.assert_close(model.log_likelihood(prediction), labels.log_likelihood(prediction))
    for found, expected in zip(
        tensors(model.posterior(prediction)), tensors(labels.posterior(prediction)), strict=True
    ):
        torch.testing.assert_close(found, expected)
    order = np.random.default_rng(seed).permutation(len(labels))
    part, moved = model.take(order), prediction.take(at_sites(labels, order))
    torch.testing.assert_close(part.log_likelihood(moved), labels.take(order).log_likelihood(moved))
    model.fit(prediction)


@cases(Local)
def test_emissions_are_of_every_site_and_say_nothing_of_the_unobserved(name: str, seed: int) -> None:
    labels = cast(Local, example(name, seed))
    observed, emission, everywhere = labels.observed(), labels.emission(), labels.log_emission()
    assert (np.diff(observed) > 0).all(), "observed sites ascend"
    assert emission.shape == (len(observed), labels.outcomes) and emission.dtype == torch.float64
    assert everywhere.shape == (sites(labels), labels.outcomes)
    assert_array_equal(everywhere[torch.from_numpy(observed)], emission)
    assert not np.delete(everywhere.numpy(), observed, axis=0).any()
    torch.testing.assert_close(labels.model().log_emission(), everywhere)


def arrays(value: Any, seen: set[int]) -> Iterator[NDArray[Any]]:
    """Every numpy array that can be reached through the attributes of an object of ours."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from arrays(inner, seen)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from arrays(inner, seen)
    elif type(value).__module__.startswith("tacit."):
        yield from arrays(vars(value), seen)


@every
def test_labels_cannot_be_written_to_at_any_stage(name: str, seed: int) -> None:
    labels = example(name, seed)
    stages = {
        "as given": labels,
        "hidden": labels.hide(np.array([0])),
        "taken": labels.take(np.arange(len(labels))),
        "padded": labels.padded(1),
        "read": through_json(labels, strange_ids(labels)),
    }
    for stage, made in stages.items():
        found = list(arrays(made, set()))
        assert found, "evidence is held in arrays"
        assert not any(array.flags.writeable for array in found), f"an array can be written to when {stage}"


@every
def test_naively_it_is_exact_soft_or_values_on_records_that_are_spoken_of(name: str, seed: int) -> None:
    labels = example(name, seed)
    naive = labels.naive()
    assert isinstance(naive, Exact | Soft | Values)
    assert len(naive) == len(labels)
    assert set(naive.labelled()) <= set(labels.labelled())
    assert type(naive.task) is type(labels.task)
    if not isinstance(labels.task, Number):
        assert naive.task == labels.task
    again = naive.naive()
    assert type(again) is type(naive)
    assert again.describe() == naive.describe()


@every
def test_naively_nothing_is_known_where_all_is_hidden(name: str, seed: int) -> None:
    labels = example(name, seed)
    hidden = labels.hide(np.arange(len(labels.units())))
    assert len(hidden.naive().labelled()) == 0


@every
def test_only_what_says_the_truth_is_exact(name: str, seed: int) -> None:
    labels = example(name, seed)
    exact = labels.exact()
    assert exact is (labels if name in ("Exact", "Values") else None)
