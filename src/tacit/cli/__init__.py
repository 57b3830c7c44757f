"""The command line: ``tacit fit | predict | embed | methods | claims | report | demo``.

Nothing heavy is imported here or in the command modules until a command needs it, so that ``tacit --help`` is instant.
"""

from __future__ import annotations

from tacit.cli.app import app, main

__all__ = ["app", "main"]
