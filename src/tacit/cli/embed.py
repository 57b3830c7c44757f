"""``tacit embed``: what data says without labels, one vector a record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tacit.cli import options
from tacit.cli.interrupt import interruptible
from tacit.cli.predict import model_records
from tacit.cli.progress import Lines, watch
from tacit.cli.show import console, print_json
from tacit.compare.budget import Budget
from tacit.errors import InputError
from tacit.figures import plural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tacit.compare.workbench import Workbench
    from tacit.data.records import Records
    from tacit.systems.base import System


def embed(
    source: Annotated[str, typer.Argument(help="A folder, a table, a text file or an array file.", show_default=False)],
    run: Annotated[Path | None, typer.Option(help="Embed with the model of this finished run.")] = None,
    encoder: options.Encoder = "auto",
    method: Annotated[str | None, typer.Option(help="Train a system that needs no labels (simclr, ...) first.")] = None,
    budget: options.Budget = "2m",
    seed: options.Seed = 0,
    out: Annotated[Path, typer.Option(help="A Parquet file of id and embedding.")] = Path("embeddings.parquet"),
    id: options.Id = None,
    drop: Annotated[list[str] | None, typer.Option(help="A column that is no feature; may be repeated.")] = None,
    bag: options.Bag = None,
    modality: options.Modality = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Embed records without labels: by pretrained weights, by plain features, or by training without labels."""
    if out.suffix.lower() != ".parquet":
        raise InputError(f"cannot write {out}: embeddings are written as .parquet.")
    if run is not None and method is not None:
        raise InputError("--run and --method exclude each other: a run's model is trained already.")
    _check(source, budget)
    teller = watch(json)
    try:
        if run is not None:
            records, values, how = _by_run(run, source, id)
        else:
            from tacit.data.read import read

            records = read(source, modality, id=id, exclude=tuple(drop or ()), bag=bag)
            teller.say(records.description)
            bench = _bench(records, encoder, device, teller)
            with interruptible(teller):
                values, how = _by_method(bench, method, budget, seed) if method else _as_is(bench, encoder)
    finally:
        teller.close()
    _write(out, records.ids, values)
    if json:
        print_json({"records": len(records), "width": values.shape[1], "by": how, "out": str(out)})
    else:
        line = f"{plural(len(records), 'embedding')} of {plural(values.shape[1], 'number')}, by {how}, in {out}"
        console().print(line, soft_wrap=True, markup=False)


def _check(source: str, budget: str) -> None:
    """What costs nothing to find out, before anything is read."""
    from tacit.data.sources.files import existing

    existing(source)
    Budget.parse(budget)


def _by_run(run: Path, source: str, id: str | None) -> tuple[Records, NDArray[np.float32], str]:
    from tacit.run import Run

    model = Run.load(run).model
    records = model_records(model, run, source, id)
    weights = model.prepared.weights
    features = weights.spec if weights.pretrained else "plain features"
    network = model.predictor.kind == "network"
    how = f"the network of {model.candidate}" if network else f"{features}, which {model.candidate} reads"
    return records, model.embed(records), f"{how} in {run}"


def _bench(records: Records, encoder: str, device: str, teller: Lines) -> Workbench:
    from tacit.compare.model import modalities
    from tacit.compare.workbench import Workbench, cache_folder, make_fabric
    from tacit.data.task import Classes

    prepared = modalities()[records.modality]().fit(records, encoder)
    return Workbench(records, prepared, Classes(("unknown",)), make_fabric(device), teller, cache_folder())


def _as_is(bench: Workbench, encoder: str) -> tuple[NDArray[np.float32], str]:
    """Embeddings of pretrained weights, or, said so, features that need no network."""
    weights = bench.prepared.weights
    if weights.pretrained:
        bench.watch.say(weights.note)
        return bench.features(bench.records), weights.spec
    missing = "no pretrained weights are at hand" + ("" if encoder == "auto" else f" for {encoder}")
    names = [name for name, system in _offered().items() if bench.records.modality in system.modalities]
    hint = f"; to train a network first: --method {' or '.join(names)}" if names else ""
    bench.watch.say(f"{missing}, so plain features are written, made without a network{hint}")
    return bench.features(bench.records), "plain features"


def _by_method(bench: Workbench, name: str, budget: str, seed: int) -> tuple[NDArray[np.float32], str]:
    """Train the label-free stages of the system for the whole budget, and embed with what they leave."""
    import numpy as np

    from tacit.compare.candidate import FitPlan
    from tacit.compare.plan import allot
    from tacit.compare.recipe import Recipe, built
    from tacit.compare.speed import measured
    from tacit.labels.exact import Exact
    from tacit.train.predict import embed as embedded

    recipe = Recipe(_label_free(name, bench.records.modality), bench)
    bench.watch.say(bench.prepared.weights.note)
    nothing = Exact(np.full(len(bench.records), -1), ("unknown",))
    plan = allot([recipe], Budget.parse(budget), 0, lambda r: measured(r, nothing, seed))[recipe.name]
    if plan.skipped:
        raise InputError(f"the budget {budget!r} is too short for {name}: {plan.skipped}")
    shared = recipe.prepare(bench.records, FitPlan(plan.prepare, name=name), np.random.default_rng(seed))
    method: Any = None
    for stage in recipe.label_free:
        method = built(stage, recipe.context(0), method, 0)
    method.load_state_dict(shared.weights)
    encoder = method.encoder().to(bench.fabric.device)
    return embedded(encoder, bench.batches(bench.records), bench.prepared), name


def _without_labels() -> dict[str, System]:
    """Systems that begin with a stage that needs no labels."""
    from tacit.systems.base import systems

    return {name: system for name, system in systems().items() if not system.stages[0].needs_labels}


def _offered() -> dict[str, System]:
    """Of these one for each network that they leave."""
    return {name: system for name, system in _without_labels().items() if system.own_pretraining}


def _label_free(name: str, modality: str) -> System:
    """The system's stages that need no labels, sharing all of the budget."""
    from tacit.listing import pick
    from tacit.systems.base import systems

    usable = _without_labels()
    if name in systems() and name not in usable:
        raise InputError(f"{name} learns from labels; without labels there are: {', '.join(_offered()) or 'none'}.")
    system: System = pick(name, usable, "method without labels")
    if modality not in system.modalities:
        raise InputError(f"{name} works on {', '.join(system.modalities)}, not on {modality}.")
    count = next((i for i, s in enumerate(system.stages) if s.needs_labels), len(system.stages))
    total = sum(stage.share for stage in system.stages[:count])
    return replace(system, stages=tuple(replace(s, share=s.share / total) for s in system.stages[:count]))


def _write(out: Path, ids: tuple[str, ...], values: NDArray[np.float32]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tacit.data.atomic import atomic_write

    rows = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": list(ids), "embedding": rows}), sink)
    atomic_write(out, sink.getvalue().to_pybytes())
