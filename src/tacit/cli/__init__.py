"""The command line: ``tacit fit | predict | embed | methods | labels | claims | report | demo``.

Nothing heavy is imported here or in the command modules until a command needs it, so that ``tacit --help`` is instant.
"""

from __future__ import annotations

from collections.abc import Sequence

from tacit.cli.interrupt import stoppable

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 a fault of tacit, 2 input to be mended, 130 interrupted."""
    with stoppable():
        from tacit.cli.app import run

        run(arguments)
