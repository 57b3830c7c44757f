"""``tacit report``: the page of a finished run, rendered anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.cli import options
from tacit.cli.show import console, print_json
from tacit.errors import InputError


def report(
    run: options.RunFolder,
    data: Annotated[
        str | None, typer.Option(help="The run's data, for previews; without it the page has none.")
    ] = None,
    id: options.Id = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: options.Json = False,
) -> None:
    """Render the page of a run again, by this version of tacit."""
    from tacit.report import write_report
    from tacit.run import Run

    Run.load(run)
    page = write_report(run, None if data is None else _samples(run, data, id))
    if show:
        typer.launch(str(page))
    if json:
        print_json({"run": str(run), "report": str(page)})
    else:
        console().print(f"report: {page}", soft_wrap=True, markup=False)


def _samples(run: Path, data: str, id: str | None) -> Callable[[Sequence[str]], list[Any]]:
    from tacit.cli.predict import model_records
    from tacit.compare.model import Model
    from tacit.report.folder import read_folder
    from tacit.runfolder import page_samples

    records = model_records(Model.load(run / "model"), run, data, id)
    predictions = read_folder(run).predictions
    if predictions is not None and not {*predictions["id"].to_pylist()} & {*records.ids}:
        raise InputError(f"{data} holds none of the records of {run}; give the data that it was trained on")
    return page_samples(records)
