"""``tacit claims``: what published systems claim, run on real data, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tacit.cli import options
from tacit.cli.interrupt import interruptible
from tacit.cli.progress import watch
from tacit.cli.show import console, print_json
from tacit.errors import Interrupted

NARROW, WIDE = ("name", "claim"), 120
"""Columns shown on terminals narrower than so many characters; ``--json`` always has all."""

app = typer.Typer(help="List the claims of published systems, run one, or make the table.", no_args_is_help=True)


@app.command("list")
def list_claims(json: options.Json = False) -> None:
    """The claims that can be run."""
    from tacit.claims import list_claims as listed

    found = [claim.summary() for claim in listed()]
    if json:
        print_json({"claims": found})
        return
    out = console()
    columns = [n for n in (found[0] if found else ()) if out.width >= WIDE or n in NARROW]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, no_wrap=name != "claim")
    for line in found:
        table.add_row(*(escape("" if line[n] is None else str(line[n])) for n in columns))
    out.print(table)


@app.command("run")
def run_claim(
    name: Annotated[str, typer.Argument(help="The system (see tacit claims list).", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Where results go (default: benchmarks/results/claims).")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds (default: the claim's own).")] = None,
    json: options.Json = False,
) -> None:
    """Run the claim of one system against its host, over several seeds, and write the figures."""
    from tacit.claims import run_claim as measured

    teller = watch(json)
    try:
        with interruptible(teller):
            result = measured(name, out, teller, seeds)
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted("interrupted; arms that are done are kept, and the same command goes on from there") from None
    finally:
        teller.close()
    if json:
        print_json(result)
        return
    console().print(f"{result['name']}: {result['status']}", soft_wrap=True, markup=False)


@app.command("table")
def claims_table(json: options.Json = False) -> None:
    """The table of all results so far, as it stands in the documentation."""
    from tacit.claims import claims_table as tabulated

    table = tabulated()
    if json:
        print_json({"table": table})
        return
    print(table)
