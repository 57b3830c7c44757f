"""Learning curves for TensorBoard, while they are made: an extra, for those who watch a run from elsewhere."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tacit.errors import InputError
from tacit.train.watch import Aside, Watch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Scalars(Aside):
    """Hands everything on, and writes the losses of each piece of training to a folder of its own in ``folder``.

    Written at the steps at which the loop logs; a run that was resumed has one file of events more.
    """

    def __init__(self, watch: Watch, folder: Path) -> None:
        super().__init__(watch)
        self._folder = folder
        self._what = ""
        self._writer: SummaryWriter | None = None

    def begin(self, what: str, steps: int) -> None:
        self._close()
        self._what = what
        self._watch.begin(what, steps)

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        self._watch.advance(step, records, losses)
        if losses:
            writer = self._open()
            for name, value in losses.items():
                writer.add_scalar(name, value, step)
            writer.flush()

    def end(self, what: str, seconds: float) -> None:
        self._close()
        self._watch.end(what, seconds)

    def compared(self, candidate: str, score: float, metric: str, seconds: float) -> None:
        self._watch.compared(candidate, score, metric, seconds)

    def _open(self) -> SummaryWriter:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder / _folder_name(self._what)))
        return self._writer

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _folder_name(what: str) -> str:
    """ "fixmatch, fold 1: train" as "fixmatch-fold-1-train"."""
    return re.sub(r"[^\w.]+", "-", what).strip("-.")


def require_tensorboard(out: str | Path | None) -> None:
    """Raise `InputError` where there is no folder to write to, or nothing to write with."""
    if out is None:
        raise InputError("tracking writes into the run folder; name one with out= (--out)")
    if find_spec("tensorboard") is None:
        raise InputError("tracking writes for TensorBoard, which is not installed: pip install 'tacit[track]'")
