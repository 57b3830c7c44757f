"""``tacit.fit``: records and labels in, a `Run` out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tacit.compare.baselines import FeatureCandidate, feature_candidates
from tacit.compare.belonging import belonging_hints
from tacit.compare.budget import Budget
from tacit.compare.candidate import Candidate
from tacit.compare.cotraining import cotraining_candidates
from tacit.compare.evidence import evidence_candidates
from tacit.compare.judges import folds_for, judge_for, judged
from tacit.compare.model import Model, modalities
from tacit.compare.plan import PAGE_SECONDS, CandidatePlan, Plan, allot
from tacit.compare.protocol import Comparison, Outcome
from tacit.compare.readings import reading_candidates
from tacit.compare.recipe import Recipe
from tacit.compare.scores import metric_for
from tacit.compare.speed import estimated, measured, prediction
from tacit.compare.user import UserCandidate
from tacit.compare.workbench import Workbench, cache_folder, make_fabric
from tacit.data.read import read
from tacit.data.records import Records, concatenate
from tacit.data.task import Classes, Number
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.given import Kind, labels_of, require_kind, require_usable
from tacit.labels.parts import Parts
from tacit.labels.soft import Soft
from tacit.labels.values import Values
from tacit.listing import nearest, pick
from tacit.run import Run
from tacit.runfolder import MAPPED, describe_run, write_run
from tacit.systems.base import systems
from tacit.train.scalars import Scalars, require_tensorboard
from tacit.train.watch import Watch
from tacit.workplace import Workplace, require_place

AUTO = {
    "image": ("supervised", "supervised-augmented", "consistency"),
    "text": ("supervised", "supervised-augmented", "uda"),
    "table": ("supervised", "supervised-augmented", "fixmatch"),
    "set": ("supervised", "supervised-augmented", "fixmatch"),
}
"""What ``methods=None`` trains beside the baselines on features: what the prior expects most of."""

WEAK = ("supervised", "supervised-augmented", "evidence")
"""The same where labels are no exact ones: a network that takes them naively, and one that takes them as they are."""


@dataclass(frozen=True)
class Test:
    """Records with known labels that are looked at once, after everything is decided."""

    records: Records
    labels: Labels


def fit(
    records: Any,
    labels: Any = None,
    *,
    budget: str | float = "2m",
    seed: int = 0,
    out: str | Path | None = None,
    metric: str | None = None,
    methods: Sequence[str | Callable[..., Any]] | None = None,
    encoder: str = "auto",
    groups: Sequence[Any] | None = None,
    test: Any = None,
    test_labels: Any = None,
    unlabelled: Any = None,
    plan: str | Path | Plan | None = None,
    resume: bool = False,
    modality: str | None = None,
    task: Kind | None = None,
    device: str = "auto",
    options: Mapping[str, Any] | None = None,
    views: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    command: str | None = None,
    clock: bool = True,
    track: bool = False,
) -> Run:
    """Train on what is known, learn from the rest, and judge honestly.

    ``records``: `Records` or whatever `tacit.read` takes. ``labels``: `Labels`, a path to ``id,label``, values
    aligned to the records (None, NaN unknown), or None for class folders. ``budget``: "2m", "90s", "300steps".
    ``options`` are settings of the systems, ``views`` of the modality ({"flip": True}).
    ``methods``: names of systems (default: what is expected to work best), or callables and scikit-learn
    estimators of your own. ``out``: the run folder; None keeps the run in memory. ``clock`` False plans from
    shapes alone, so that the result depends on nothing but data and seed. ``track`` writes learning curves for
    TensorBoard into the run folder while they are made (the extra ``track``).

    Raises `InputError` for input that cannot be used, before any training.
    """
    begun = time.monotonic()
    watch = watch or Watch()
    spent = Budget.parse(budget)
    seed = int(seed)
    if seed < 0:
        raise InputError(f"the seed is {seed}; give 0 or more")
    require_kind(task)
    require_methods(methods)
    require_place(out, resume)
    if track:
        require_tensorboard(out)
    data = _records(records, modality)
    known = labels_of(labels, data, task)
    require_usable(known)
    if groups is not None and (isinstance(groups, str) or not hasattr(groups, "__len__")):
        raise InputError(f"groups is {groups!r}; give a list with the name of a group for every record")
    if groups is not None and len(groups) != len(data):
        raise InputError(f"there are {len(groups)} groups for {len(data)} records; give one a record")
    if unlabelled is not None:
        data, known, groups = _extended(data, known, groups, _records(unlabelled, data.modality))
    tested = _test(test, test_labels, data, known, task)
    workplace = Workplace.open(out, resume, {"data": data.hash, "labels": _digest(known), "seed": seed})
    if workplace is not None and workplace.finished is not None:
        return workplace.finished
    with nullcontext() if workplace is None else workplace.guarded():
        if track and workplace is not None:
            watch = Scalars(watch, workplace.folder / "tensorboard")
        watch.say(data.description)
        watch.say(known.describe())
        followed = plan if isinstance(plan, Plan) else Plan.read(Path(plan)) if plan is not None else None
        if workplace is not None and workplace.plan is not None:
            followed = workplace.plan
        if followed is not None:
            encoder, metric = followed.encoder, followed.metric
            options, views = followed.options, followed.views
            spent, seed = Budget.parse(followed.budget), followed.seed
            methods = methods if methods is not None else _planned(followed)
        bench = _bench(data, known, encoder, device, watch, dict(views or {}))
        candidates = _candidates(bench, known, methods, dict(options or {}))
        fresh = followed is None
        if followed is None:
            name = metric_for(bench.task, metric).name
            folds = folds_for(judge_for(known, name), spent.seconds)
            followed = Plan(seed, str(spent), name, folds, encoder, {}, data.hash)
            followed.options, followed.views = dict(options or {}), dict(views or {})
        elif followed.data and followed.data != data.hash:
            watch.say("the plan was made for other data; it is followed all the same")
        comparison = Comparison(
            bench,
            known,
            candidates,
            followed,
            None if workplace is None else workplace.folder,
            None if groups is None else np.asarray(groups, dtype=object),
            clock and spent.seconds is not None,
        )
        if comparison.held_out == 0:
            watch.say(comparison.judge.alone)
        elif comparison.judge.remark:
            watch.say(comparison.judge.remark)
        hints = belonging_hints(data, known) if groups is None else []
        for hint in hints:
            watch.say(hint)
        if fresh:
            followed.candidates = _steps(comparison, spent, begun if clock else None, _count(tested))
        if workplace is not None:
            workplace.keep_plan(followed)
        outcome = comparison.run()
        watch.say(f"fitting {outcome.verdict.deployed} on all labels")
        predictor = comparison.final(outcome.verdict.deployed)
        model = Model(outcome.verdict.deployed, predictor, bench.prepared, bench.task, data.schema)
        tests = _test_scores(comparison, outcome, model, tested)
        followed.cuts = [*followed.cuts, *outcome.cuts]
        info = describe_run(bench, known, comparison, outcome, followed, tests, command, _count(tested), hints)
        if workplace is None:
            return Run(info, followed, None, model)
        return write_run(workplace, bench, known, model, comparison, outcome, followed, info)


def require_methods(methods: Sequence[str | Callable[..., Any]] | None) -> None:
    """Raise `InputError` for a name that no method has, whatever the data."""
    known = {*systems(), *(kind.name for kind in FeatureCandidate.__subclasses__())}
    for method in methods or ():
        if isinstance(method, str) and method not in known:
            raise InputError(f"unknown method {method!r}. {nearest(method, known)}")


def _records(source: Any, modality: str | None) -> Records:
    if isinstance(source, Records):
        if modality is not None and modality != source.modality:
            raise InputError(f"the records are {source.modality}, not {modality}")
        return source
    return read(source, modality=modality)


def _extended(
    data: Records, labels: Labels, groups: Sequence[Any] | None, more: Records
) -> tuple[Records, Labels, Sequence[Any] | None]:
    """The records followed by unlabelled ones; each of these is a group of its own."""
    both = concatenate(data, more)
    padded = labels.padded(len(more))
    if groups is None:
        return both, padded, None
    return both, padded, [*groups, *(f"unlabelled {i}" for i in range(len(more)))]


def _test(test: Any, test_labels: Any, data: Records, labels: Labels, task: Kind | None) -> Test | None:
    if test is None:
        return None
    records = _records(test, data.modality).conform(data.schema)
    numbers = isinstance(labels.task, Number)
    kind: Kind | None = "classes" if isinstance(labels.task, Classes) else "regression" if numbers else task
    raw = labels_of(test_labels, records, kind)
    if not isinstance(raw, Exact | Values) or type(raw.task) is not type(labels.task):
        raise InputError(
            f"test labels have to say the truth as the task has it, but there are {raw.describe()}; give exact ones"
        )
    if len(raw.labelled()) == 0:
        raise InputError("no test record has a label, so there is nothing to test on; give labels, or leave it out")
    return Test(records, raw if isinstance(raw, Values) else _in_order(raw, labels.task))


def _in_order(raw: Exact, task: Any) -> Exact:
    """Test labels under the classes of the run, in their order; a name that it does not have is an `InputError`."""
    names = raw.task.names
    if raw.y.ndim == 1:
        return Exact.from_values([None if v < 0 else names[v] for v in raw.y], task.names)
    if set(names) != set(task.names):
        other = sorted(set(names) ^ set(task.names))[0]
        raise InputError(f"the test labels and the labels do not name the same columns: {other!r} is in one only")
    return Exact(raw.y[:, [names.index(name) for name in task.names]], task.names)


def _bench(data: Records, labels: Labels, encoder: str, device: str, watch: Watch, views: dict[str, Any]) -> Workbench:
    modality = pick(data.modality, modalities(), "modality")
    prepared = modality().fit(data, encoder, options=views)
    watch.say(prepared.weights.note)
    return Workbench(data, prepared, labels.task, make_fabric(device), watch, cache_folder())


def task_kind(bench: Workbench) -> str:
    """The kind of task as systems name it."""
    return str(bench.task.to_json()["kind"])


def on_features(bench: Workbench) -> list[FeatureCandidate]:
    """Candidates on fixed features that suit the run's modality and task: they are always compared."""
    return [*feature_candidates(bench), *reading_candidates(bench), *cotraining_candidates(bench)]


def _candidates(
    bench: Workbench, labels: Labels, methods: Sequence[str | Callable[..., Any]] | None, options: dict[str, Any]
) -> list[Candidate]:
    """Baselines on features always; then what was asked for, trained baselines included, or the default."""
    weak = labels.exact() is not labels
    default = WEAK if weak else AUTO.get(bench.records.modality, ())
    named: Sequence[Any] = methods if methods is not None else default
    soft = isinstance(labels.naive(), Soft)
    offered = [c for c in on_features(bench) if c.soft or not soft]
    heads = {c.name: c for c in [*offered, *(evidence_candidates(bench) if weak else [])]}
    known = systems()
    result: list[Candidate] = list(heads.values())
    for baseline in ("supervised", "supervised-augmented"):
        if methods is not None and baseline not in named and not any(_trained(m, known) for m in named):
            continue
        if known[baseline].suits(bench.records.modality, task_kind(bench)):
            result.append(Recipe(known[baseline], bench, options))
    for method in named:
        if not isinstance(method, str):
            result.append(UserCandidate(method, bench, {*known, *heads, *(c.name for c in result)}))
        elif method in heads or method in ("supervised", "supervised-augmented"):
            continue
        elif method not in known:
            raise InputError(
                f"{method} does not work on {bench.records.modality} for {task_kind(bench)}; `tacit methods` lists "
                "what each works on"
            )
        elif not known[method].suits(bench.records.modality, task_kind(bench)):
            if methods is None:
                continue
            system = known[method]
            raise InputError(
                f"{method} works on {', '.join(system.modalities)} for {', '.join(system.tasks)}, "
                f"not on {bench.records.modality} for {task_kind(bench)}"
            )
        else:
            result.append(Recipe(known[method], bench, options))
    return result


def _trained(method: Any, known: Mapping[str, Any]) -> bool:
    return isinstance(method, str) and method in known


def _planned(plan: Plan) -> list[str]:
    return [name for name in plan.candidates if name in systems()]


def _steps(comparison: Comparison, budget: Budget, begun: float | None, tested: int) -> dict[str, CandidatePlan]:
    """What each recipe is trained for: by shapes alone, or for what a clock that runs since ``begun`` leaves.

    With a clock all other candidates are compared first, so that what embeddings and heads take is known and not
    guessed: their results are a function of data and seed. What follows the final fit is taken off too: predictions of
    all records and of ``tested`` more, the map and the page.
    """
    bench, labels, plan = comparison.bench, comparison.labels, comparison.plan
    recipes = comparison.recipes
    if budget.seconds is None or begun is None or not recipes:
        seconds = {} if budget.seconds is None else {r.name: estimated(r, labels, plan.seed) for r in recipes}
        return allot(recipes, budget, plan.folds, lambda recipe: seconds[recipe.name])
    for name, candidate in comparison.candidates.items():
        if not isinstance(candidate, Recipe):
            comparison.compare(name)
    bench.watch.say("measuring how long a step takes")
    seconds = {r.name: measured(r, labels, plan.seed) for r in recipes}
    written = comparison.folder is not None
    after = tested + (len(bench.records) + min(MAPPED, len(bench.records)) if written else 0)
    end = after * prediction(recipes[0]) + (PAGE_SECONDS if written else 0.0)
    return allot(recipes, budget.without(time.monotonic() - begun + end), plan.folds, lambda r: seconds[r.name])


def _test_scores(
    comparison: Comparison, outcome: Outcome, model: Model, test: Test | None
) -> dict[str, dict[str, float]]:
    """The metric of the deployed model and of the refit reference on the test records, looked at once."""
    if test is None:
        return {}
    predictors = {model.candidate: model.predictor}
    if outcome.reference not in predictors:
        predictors[outcome.reference] = comparison.final(outcome.reference)
    known = test.labels.labelled()
    records, evidence = test.records.take(known), test.labels.take(known)
    metric = metric_for(comparison.bench.task, comparison.plan.metric)
    return {
        name: {"score": metric.score(*judged(evidence, predictor(records)))} for name, predictor in predictors.items()
    }


def _count(test: Test | None) -> int:
    """How many test records have a label to judge by."""
    return 0 if test is None else len(test.labels.labelled())


def _digest(labels: Labels) -> str:
    """A hash of the evidence, so that a resume is of the same labels."""
    import hashlib

    parts, trust = (labels.parts, labels.trust) if isinstance(labels, Parts) else ((labels,), (1.0,))
    names = [str(i) for i in range(len(labels))]
    digest = hashlib.sha256(str(len(labels)).encode())
    for part, t in zip(parts, trust, strict=True):
        digest.update(json.dumps([type(part).__name__, t, part.header()]).encode())
        for row in part.rows(names):
            digest.update(json.dumps(row).encode())
    return digest.hexdigest()
