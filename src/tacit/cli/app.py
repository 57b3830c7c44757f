"""The application: its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from tacit.cli import claims, demo, embed, fit, labels, methods, predict, report
from tacit.cli.interrupt import STATUS
from tacit.errors import Interrupted, TacitError

app = typer.Typer(
    name="tacit",
    help="Train on what you know, learn from the rest, and hear honestly what the unlabelled data was worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (fit.fit, predict.predict, embed.embed, methods.methods, report.report, demo.demo):
    app.command()(_command)
app.add_typer(labels.app, name="labels")
app.add_typer(claims.app, name="claims")


def run(arguments: Sequence[str] | None = None) -> None:
    """See `tacit.cli.main`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(words, prog_name="tacit", obj=words)
    except Interrupted as error:
        _leave(str(error), STATUS)
    except TacitError as error:
        _leave(f"error: {error}", 2)
    except Exception as error:
        if os.environ.get("TACIT_DEBUG") == "1":
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _leave(f"error: {what} (a fault of tacit; TACIT_DEBUG=1 shows where)", 1)


def _leave(message: str, status: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(status)
