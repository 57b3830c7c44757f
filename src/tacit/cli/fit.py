"""``tacit fit``: from a folder, table or text file to a trained model, a leaderboard and a page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tacit.cli import options
from tacit.cli.interrupt import NOTHING, interruptible
from tacit.cli.known import known, separated
from tacit.cli.progress import Lines, watch
from tacit.cli.show import console, print_json, print_run
from tacit.cli.source import Columns, group_values, has_class_folders, read_alike, read_source, test_values
from tacit.compare.budget import Budget
from tacit.errors import InputError, Interrupted
from tacit.workplace import partial_folder, require_place

if TYPE_CHECKING:
    from tacit.data.records import Records
    from tacit.labels.given import Kind
    from tacit.run import Run

LOADING = "loading the learning libraries"


def fit(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A folder, a table, a text file or an array file.", show_default=False)],
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="A file of id,label, or of votes, candidates, bags, ...; may be repeated to mix them."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="The format or kind of evidence of the label file, where it is not recognised.")
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(help="The file beside the labels: of bags, or of a class tree.")
    ] = None,
    votes: options.Votes = None,
    noisy: Annotated[
        bool, typer.Option("--noisy", help="Some labels are wrong: estimate how many, and which.")
    ] = False,
    target: Annotated[str | None, typer.Option(help="Column of labels, of the source or of the label file.")] = None,
    id: options.Id = None,
    drop: Annotated[list[str] | None, typer.Option(help="A column that is no feature; may be repeated.")] = None,
    group: Annotated[str | None, typer.Option(help="Column of groups that folds must not part.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="Column of texts; may be repeated.")] = None,
    path: Annotated[str | None, typer.Option(help="Column of image paths.")] = None,
    bag: options.Bag = None,
    metric: Annotated[str | None, typer.Option(help="What is compared (default: accuracy, or r2).")] = None,
    unlabelled: Annotated[str | None, typer.Option(help="Further data of the same kind, without labels.")] = None,
    test: Annotated[str | None, typer.Option(help="Labelled data that is looked at once, at the very end.")] = None,
    test_labels: Annotated[Path | None, typer.Option(help="Labels of the test data, as id,label.")] = None,
    encoder: options.Encoder = "auto",
    method: Annotated[
        list[str] | None, typer.Option(help="A system to try; may be repeated (see tacit methods).")
    ] = None,
    budget: options.Budget = "2m",
    plan: Annotated[Path | None, typer.Option(help="The plan.json of an earlier run, to follow again.")] = None,
    seed: options.Seed = 0,
    out: Annotated[Path | None, typer.Option(help="The run's folder (default: SOURCE-run, here).")] = None,
    resume: options.Resume = False,
    modality: options.Modality = None,
    task: Annotated[
        str | None, typer.Option(help="classes, or regression for numbers, where the labels do not tell.")
    ] = None,
    device: options.Device = "auto",
    flip: Annotated[bool, typer.Option("--flip", help="Mirrored images mean the same.")] = False,
    track: Annotated[
        bool, typer.Option("--track", help="Write learning curves for TensorBoard while they are made.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Train on few labels and the rest of the data, and judge honestly what the rest was worth."""
    teller = watch(json)
    place = out or default_out(source)
    voters = separated(votes or (), id)
    if not labels and (kind is not None or beside is not None):
        raise InputError("--kind and --beside speak of a label file; name it with --labels")
    columns = Columns(target, id, group, tuple(drop or ()), tuple(text or ()), path, bag, voters)
    asked = _checked(teller, source, place, resume, budget, task, method)
    files = tuple(labels or ())
    records, column = read_source(source, columns, modality, bool(files))
    teller.say(records.description)
    if column is not None and target is None:
        teller.say(f"labels are taken from the column {column!r}; --target names another")
    if column is None and not files and not voters and has_class_folders(records):
        teller.say("labels are the names of the folders that the files are in; --labels gives others")
    more, tests = (
        None if more is None else read_alike(more, records.schema, records.modality, f"{source} holds")
        for more in (unlabelled, test)
    )
    teller.say(LOADING)
    run = train(
        teller,
        place,
        context.obj,
        records=records,
        labels=known(records, files, column, columns, asked, kind, beside, noisy),
        budget=budget,
        seed=seed,
        metric=metric,
        methods=method or None,
        encoder=encoder,
        groups=group_values(records, group),
        unlabelled=more,
        test=tests,
        test_labels=None if tests is None else _test_labels(tests, test_labels, column, test or "", asked),
        plan=plan,
        resume=resume,
        task=asked,
        device=device,
        views={"flip": True} if flip else None,
        track=track,
    )
    finish(run, place, json)


def train(teller: Lines, place: Path, words: Sequence[str], **arguments: Any) -> Run:
    """`tacit.fit` into ``place``, where Ctrl-C keeps what is done and says how to go on.

    ``words``: the command line after ``tacit``, for the page and for going on.
    """
    from tacit.api import fit as api_fit

    try:
        with interruptible(teller):
            return api_fit(out=place, watch=teller, command=_command(words), **arguments)
    except (Interrupted, KeyboardInterrupt) as error:
        if not partial_folder(place).is_dir():
            raise Interrupted(NOTHING) from None
        raise Interrupted(f"{str(error) or 'left at once'}\n{_how_to_resume(words)}") from None
    finally:
        teller.close()


def finish(run: Run, place: Path, json: bool) -> None:
    """What was found, where the page is, and what to run next."""
    if json:
        print_json({**run.info, "run": str(place), "report": str(place / "report.html")})
        return
    print_run(run.info)
    out = console()
    out.print(f"\nreport: {place / 'report.html'}", soft_wrap=True, markup=False)
    out.print(f"next:   tacit predict {shlex.quote(str(place))} NEW_FILES", soft_wrap=True, markup=False)


def default_out(source: str) -> Path:
    """``photos/`` and ``photos.csv.gz`` give ``photos-run``, in the current folder."""
    name = Path(source).expanduser().resolve().name
    stem = name.removesuffix(".gz")
    return Path((Path(stem).stem if Path(source).is_file() else stem) + "-run")


def _checked(
    teller: Lines, source: str, place: Path, resume: bool, budget: str, task: str | None, methods: list[str] | None
) -> Kind | None:
    """What costs nothing to find out is found out before any data is read; the kind that ``task`` names."""
    from tacit.data.sources.files import existing

    existing(source)
    Budget.parse(budget)
    require_place(place, resume)
    if task is None and methods is None:
        return None
    teller.say(LOADING)
    from tacit.api import require_methods
    from tacit.labels.given import require_kind

    require_methods(methods)
    return require_kind(task)


def _test_labels(tests: Records, file: Path | None, column: str | None, path: str, kind: Kind | None) -> Any:
    if file is not None:
        from tacit.labels.read import read_labels

        return read_labels(file, tests)
    return test_values(tests, column, path)


def _command(words: Sequence[str]) -> str:
    return shlex.join(["tacit", *words])


def _how_to_resume(words: Sequence[str]) -> str:
    return "go on with: " + _command(words if "--resume" in words else [*words, "--resume"])
