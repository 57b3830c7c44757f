"""``tacit predict``: a label, a probability for each class and the doubt of every record of new data."""

from __future__ import annotations

import csv
import io
import json as jsonlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tacit.cli import options
from tacit.cli.progress import watch
from tacit.cli.show import console, print_json
from tacit.cli.source import read_alike
from tacit.errors import InputError
from tacit.figures import plural

if TYPE_CHECKING:
    from tacit.compare.model import Model
    from tacit.data.records import Records

FORMATS = (".csv", ".tsv", ".parquet", ".jsonl")


def predict(
    run: options.RunFolder,
    source: Annotated[str, typer.Argument(help="New data in the form of the old.", show_default=False)],
    out: Annotated[Path, typer.Option(help=f"The file to write: {', '.join(FORMATS)}.")] = Path("predictions.csv"),
    id: options.Id = None,
    json: options.Json = False,
) -> None:
    """Predict on new data. Columns that the model does not know, its target among them, may be there or not."""
    check_format(out, source)
    from tacit.data.sources.files import existing

    existing(source)
    from tacit.run import Run

    teller = watch(json)
    found = Run.load(run)
    model = found.model
    records = model_records(model, run, source, id)
    teller.say(records.description)
    from tacit.data.sources.files import listed
    from tacit.runfolder import prediction_table

    columns = prediction_table(records.ids, model.predict(records), model)
    write_columns(out, columns)
    summary = {"run": str(run), "model": model.candidate, "records": len(records), "out": str(out)}
    labels = dict(Counter(columns["label"]).most_common()) if "label" in columns else None
    if json:
        print_json(summary | ({"labels": labels} if labels is not None else {}))
        return
    line = f"{plural(len(records), 'prediction')} by {model.candidate} in {out}"
    if labels is not None:
        line += ": " + listed([f"{count:,} {name!r}" for name, count in labels.items()], 8)
    console().print(line, soft_wrap=True, markup=False)


def model_records(model: Model, run: Path, source: str, id: str | None = None) -> Records:
    """New data read as the data of the run was; data of another modality is an `InputError` that says both."""
    owner = f"the model in {run} was trained on"
    return model.fitting(read_alike(source, model.schema, model.prepared.name, owner, id))


def check_format(out: Path, source: str) -> None:
    """An `InputError` for a format that is not written, or an output that would replace what is read."""
    if out.suffix.lower() not in FORMATS:
        raise InputError(f"cannot write {out}: known formats are {', '.join(FORMATS)}.")
    if out.resolve() == Path(source).expanduser().resolve():
        raise InputError(f"{out} is the data itself; name another --out.")


def write_columns(out: Path, columns: dict[str, list[Any]]) -> None:
    """Columns as a file of the format that its name asks for, written atomically."""
    from tacit.data.atomic import atomic_write

    if out.suffix.lower() == ".parquet":
        from tacit.runfolder import write_parquet

        write_parquet(out, columns)
        return
    text = io.StringIO()
    rows = zip(*columns.values(), strict=True)
    if out.suffix.lower() == ".jsonl":
        for row in rows:
            text.write(jsonlib.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")
    else:
        writer = csv.writer(text, delimiter="\t" if out.suffix.lower() == ".tsv" else ",", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    atomic_write(out, text.getvalue())
