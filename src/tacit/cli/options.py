"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else.")]
Seed = Annotated[int, typer.Option(min=0, help="Equal seed, data and plan give equal results.")]
Budget = Annotated[str, typer.Option(help="Time to plan for (90s, 2m, 1h30m), or steps (300steps).")]
Encoder = Annotated[str, typer.Option(help="A timm name, a model folder, a kind of network, or auto.")]
Modality = Annotated[
    str | None,
    typer.Option(help="image, set, table or text, where looking at the data does not tell.", show_default=False),
]
Bag = Annotated[
    str | None, typer.Option(help="Column of bags: rows that share one are one record (a set).", show_default=False)
]
Device = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
Id = Annotated[str | None, typer.Option("--id", help="Column of ids in a table.", show_default=False)]
Votes = Annotated[
    list[str] | None,
    typer.Option(
        "--votes", help="Columns of annotators or rules that vote: a,b,c; may be repeated.", show_default=False
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.", show_default=False)]
