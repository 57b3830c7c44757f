"""A finished run: what was found, the model, and the folder that holds both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tacit.compare.model import Model
from tacit.compare.plan import Plan
from tacit.errors import InputError


@dataclass
class Run:
    """``info`` is the content of ``run.json``; ``folder`` is None for a run that was kept in memory."""

    info: dict[str, Any]
    plan: Plan
    folder: Path | None = None
    _model: Model | None = field(default=None, repr=False)

    @cached_property
    def model(self) -> Model:
        """The deployed model."""
        if self._model is not None:
            return self._model
        assert self.folder is not None
        return Model.load(self.folder / "model")

    @property
    def verdict(self) -> dict[str, Any]:
        """Word, sentence, candidate, reference, deployed, gain and its interval, held-out records."""
        verdict: dict[str, Any] = self.info["verdict"]
        return verdict

    @property
    def leaderboard(self) -> list[dict[str, Any]]:
        """One dictionary a candidate, the best score first."""
        board: list[dict[str, Any]] = self.info["leaderboard"]
        return board

    @staticmethod
    def load(folder: str | Path) -> Run:
        """A finished run from its folder; anything else is an `InputError`."""
        path = Path(folder)
        if not path.exists():
            raise InputError(f"there is no run at {path}")
        if not (path / "run.json").is_file():
            raise InputError(f"{path} is no run of tacit: it holds no run.json")
        try:
            info = json.loads((path / "run.json").read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path / 'run.json'} cannot be read: {error}") from None
        return Run(info, Plan.read(path / "plan.json"), path)
