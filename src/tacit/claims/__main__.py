"""``python -m tacit.claims NAME|all --out FOLDER``: measures claims without the rest of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from tacit.claims.base import RESULTS, find_claim, list_claims
from tacit.claims.runner import run_claim
from tacit.claims.table import claims_table
from tacit.errors import TacitError
from tacit.train.watch import Watch


class Lines(Watch):
    """Says what happens on standard error."""

    def say(self, message: str) -> None:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named claims; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tacit.claims", description=__doc__)
    parser.add_argument("name", nargs="+", help="claims by name, 'all', or 'table' for the page of results")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--seeds", type=int, default=None, help="how many; default as the claim asks for")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args(arguments)
    if chosen.threads is not None:
        torch.set_num_threads(chosen.threads)
    try:
        if chosen.name == ["table"]:
            sys.stdout.write(claims_table(chosen.out))
            return 0
        names = [c.name for c in list_claims()] if chosen.name == ["all"] else chosen.name
        for name in names:
            find_claim(name)
        for name in names:
            run_claim(name, chosen.out, Lines(), chosen.seeds, chosen.device)
    except TacitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
