"""``tacit labels``: what a file of labels was understood to say, and what its votes add up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tacit.cli import options
from tacit.cli.known import separated, votes_in
from tacit.cli.predict import check_format, write_columns
from tacit.cli.show import console, print_json
from tacit.errors import InputError
from tacit.figures import plural, share

if TYPE_CHECKING:
    from tacit.data.records import Records
    from tacit.labels.base import Labels

MOST = 20
"""Sources, pairs or classes that are printed; ``--json`` always has all."""

METHODS = ("tacit", "majority", "one-coin", "dawid-skene")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file or folder of labels.", show_default=False)]
Data = Annotated[
    str | None, typer.Option("--data", help="The data that the labels speak of (default: the ids in the file).")
]
Kind = Annotated[str | None, typer.Option(help="The format or kind of evidence, where it is not recognised.")]
Beside = Annotated[Path | None, typer.Option(help="The file beside it: of bags, or of a class tree.")]

app = typer.Typer(help="Look at labels: describe what was understood, or aggregate votes.", no_args_is_help=True)


@app.command()
def describe(
    file: File,
    data: Data = None,
    kind: Kind = None,
    beside: Beside = None,
    votes: options.Votes = None,
    id: options.Id = None,
    bag: options.Bag = None,
    modality: options.Modality = None,
    json: options.Json = False,
) -> None:
    """Say what was understood, how annotators agree, how often each is right, and what will be done with it."""
    labels, _ = _read(file, data, kind, beside, votes, id, bag, modality)
    from tacit.labels.overview import overview

    found = overview(labels)
    if json:
        print_json({"file": str(file), **found})
        return
    out = console()
    for line in told(found):
        out.print(escape(line), soft_wrap=True)
    for entry in found["findings"]:
        _SHOWN[entry["about"]](out, entry, found)
    for line in plans(found):
        out.print(escape(line), soft_wrap=True)


@app.command()
def aggregate(
    file: File,
    out: Annotated[Path, typer.Option(help="The file to write: .csv, .tsv, .parquet or .jsonl.")] = Path(
        "aggregated.csv"
    ),
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}.")] = "tacit",
    data: Data = None,
    kind: Kind = None,
    beside: Beside = None,
    votes: options.Votes = None,
    id: options.Id = None,
    bag: options.Bag = None,
    modality: options.Modality = None,
    json: options.Json = False,
) -> None:
    """Write for every record the class that the votes add up to, with the probability of each class."""
    check_format(out, str(file))
    labels, records = _read(file, data, kind, beside, votes, id, bag, modality)
    from tacit.labels import aggregation
    from tacit.labels.votes import Votes
    from tacit.listing import pick

    if not isinstance(labels, Votes):
        raise InputError(
            f"{file.name} holds {labels.describe()}, and no votes to aggregate; see `tacit labels describe`"
        )
    methods = {
        "tacit": aggregation.aggregate,
        "majority": aggregation.majority,
        "one-coin": aggregation.one_coin,
        "dawid-skene": aggregation.dawid_skene,
    }
    p = pick(method, methods, "method of aggregation")(labels).p
    voted = labels.naive().labelled()
    names = labels.task.names
    columns: dict[str, list[Any]] = {
        "id": [records.ids[i] for i in voted.tolist()],
        "label": [names[c] for c in p[voted].argmax(axis=1)],
        "p": p[voted].max(axis=1).tolist(),
    }
    write_columns(out, columns | {f"p_{name}": p[voted, c].tolist() for c, name in enumerate(names)})
    left = len(labels) - len(voted)
    summary = {"file": str(file), "method": method, "records": len(voted), "without_votes": left, "out": str(out)}
    if json:
        print_json(summary)
        return
    without = f"; {plural(left, 'record')} without a vote left out" if left else ""
    named = "" if data is not None else f"; {_named(file.name, records, bool(votes) and id is None)}"
    console().print(f"{plural(len(voted), 'label')} by {method} in {out}{without}{named}", soft_wrap=True, markup=False)


def _named(file: str, records: Records, searched: bool) -> str:
    """What records are called; ``searched``: by a column of ids only where one was found."""
    if searched and records.ids == tuple(map(str, range(len(records)))):
        return "named by position, 0, 1 and so on; another column is named with --id"
    # Numbers of a file's own would else be taken for positions by whoever trains on them.
    return f"named as in {file}, with --data as a fit names them"


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """What was understood, a line a part."""
    for part in found["parts"]:
        yield f"{part['kind']}: {part['said']}"
    if counts := found["classes"]:
        ranked = sorted(counts, key=lambda name: -counts[name])
        shown = [f"{name} {counts[name]:,.0f}" for name in (ranked if len(ranked) <= MOST else ranked[:MOST])]
        left = f", and {len(ranked) - MOST:,} more" if len(ranked) > MOST else ""
        yield f"classes, as they are naively read: {', '.join(shown)}{left}"


def plans(found: Mapping[str, Any]) -> Iterator[str]:
    """What a fit will do with it, and what it cannot see."""
    naive = [f"{part['kind']} {part['naively']}" for part in found["parts"] if "naively" in part]
    if not naive:
        yield "in a fit: exact labels, on which all methods train and by which they are judged"
        return
    yield f"in a fit: baselines take it naively ({'; '.join(naive)}), other methods as it is"
    if found["judged_by"] == "truth":
        yield f"in a fit: methods are judged by the {found['exact']:,} exact labels"
    else:
        yield "in a fit: methods are judged by how probable they make evidence that was held out"
        for caveat in dict.fromkeys(part["caveat"] for part in found["parts"] if part.get("caveat")):
            yield f"what that cannot see: {caveat}"


def _read(
    file: Path,
    data: str | None,
    kind: str | None,
    beside: Path | None,
    votes: list[str] | None,
    id: str | None,
    bag: str | None,
    modality: str | None,
) -> tuple[Labels, Records]:
    """The labels, and the records that they are aligned to: the data, what the file mentions, or the file's rows."""
    from tacit.data.read import read
    from tacit.data.sources.files import existing
    from tacit.labels.formats import read_labels_file
    from tacit.labels.formats.look import Look
    from tacit.labels.formats.mentioned import mentioned, rows

    if voters := separated(votes or (), id):
        others = {"--data": data, "--kind": kind, "--beside": beside, "--bag": bag, "--modality": modality}
        if said := [name for name, given in others.items() if given is not None]:
            raise InputError(
                f"--votes says that {file.name} is a table with a column for each annotator, of which {said[0]} says "
                "nothing; leave one of them out"
            )
        records = rows(Look(existing(file)), id)
        return votes_in(records, voters, None), records
    if data is None and bag is not None:
        raise InputError("--bag names a column of the data; name the data with --data")
    if data is None and id is not None:
        raise InputError(
            "--id names a column of the data (--data), or of a table with annotators' columns (--votes); name one of "
            "them"
        )
    records = mentioned(Look(existing(file))) if data is None else read(data, modality, id=id, bag=bag)
    return read_labels_file(file, records, kind=kind, beside=beside), records


def _sources(out: Console, entry: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    from tacit.labels.overview import agreement

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("source", "votes", "estimated right"):
        table.add_column(name, justify="left" if name == "source" else "right")
    sources = sorted(entry["sources"], key=lambda s: -s["right"])
    for source in sources[:MOST]:
        span = f"{share(source['right'])} ({share(source['low'])} to {share(source['high'])})"
        table.add_row(escape(source["name"]), f"{source['votes']:,}", span)
    out.print(table)
    if len(sources) > MOST:
        out.print(f"and {len(sources) - MOST:,} more")
    kappa = agreement(entry["pairs"])
    if kappa is not None:
        pairs = entry["pairs"]
        out.print(f"agreement beyond chance (mean kappa of {plural(len(pairs), 'pair')}): {kappa:.2f}")
        worst = pairs[0]
        out.print(
            escape(
                f"least: {worst['first']} and {worst['second']}, {worst['kappa']:.2f} on {worst['common']:,} records"
            ),
            soft_wrap=True,
        )


def _transition(out: Console, entry: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    out.print(f"estimated noise: {share(entry['right'])} of the labels are right (a fit estimates it from the data)")


def _prior(out: Console, entry: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for line in entry["labels"][:MOST]:
        out.print(
            escape(f"{line['label']}: {share(line['share'])} labelled; its class prior is estimated in a fit"),
            soft_wrap=True,
        )


def _alike(out: Console, entry: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    pairs = entry["alike"]
    shown = [f"{pair['name']!r} ({pair['count']:,.0f}) like {pair['like']!r} ({pair['of']:,.0f})" for pair in pairs]
    left = f", and {len(pairs) - MOST:,} more" if len(pairs) > MOST else ""
    line = f"classes that look like others: {', '.join(shown[:MOST])}{left}; {entry['hint']}"
    out.print(escape(line), soft_wrap=True)


_SHOWN = {"sources": _sources, "transition": _transition, "prior": _prior, "classes": _alike}
