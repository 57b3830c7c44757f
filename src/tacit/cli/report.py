"""``tacit report``: the page of a finished run, rendered anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from tacit.cli import options
from tacit.cli.show import console, print_json


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
    page = write_report(run, None if data is None else _samples(run / "model", data, id))
    if show:
        typer.launch(str(page))
    if json:
        print_json({"run": str(run), "report": str(page)})
    else:
        console().print(f"report: {page}", soft_wrap=True, markup=False)


def _samples(folder: Any, data: str, id: str | None) -> Callable[[Sequence[str]], list[Any]]:
    import numpy as np

    from tacit.cli.predict import model_records
    from tacit.compare.model import Model
    from tacit.errors import InputError

    records = model_records(Model.load(folder), data, id)
    position = {name: i for i, name in enumerate(records.ids)}

    def samples(ids: Sequence[str]) -> list[Any]:
        missing = [name for name in ids if name not in position]
        if missing:
            raise InputError(f"{data} has no record {missing[0]!r}: it is not the run's data")
        found = records.gather(np.array([position[name] for name in ids], dtype=np.int64))
        return list(found) if isinstance(found, list) else list(found.to_pylist())

    return samples
