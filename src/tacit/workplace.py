"""Where a run folder is built: ``OUT.partial``, moved to its place whole, so that ``OUT`` is either a run or absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit.data.atomic import atomic_folder, atomic_write
from tacit.errors import InputError, Interrupted, TacitError

if TYPE_CHECKING:
    from tacit.compare.plan import Plan
    from tacit.run import Run

MARKER = "identity.json"
LEFTOVERS = ("units", "checkpoints")
"""What only a resume needs."""


class Workplace:
    """``OUT.partial`` while a run is under way. ``finished`` is the run where a resume finds it done already."""

    def __init__(self, out: Path, plan: Plan | None = None, finished: Run | None = None) -> None:
        self.out, self.plan, self.finished = out, plan, finished
        self.folder = partial_folder(out)
        self._begun_here = False

    @staticmethod
    def open(out: str | Path | None, resume: bool, identity: dict[str, Any]) -> Workplace | None:
        """The place for a run, fresh or to be resumed; None where nothing is kept.

        Raises `InputError` as `require_place` does, and where the data, labels or seed are not those of the run that
        was begun.
        """
        require_place(out, resume)
        if out is None:
            return None
        place = Workplace(Path(out))
        if place.out.exists():
            from tacit.run import Run

            place._drop_leftovers(place.out)
            return Workplace(place.out, None, Run.load(place.out))
        if resume:
            return place._resumed(identity)
        if place.folder.exists():
            shutil.rmtree(place.folder)
        with atomic_folder(place.folder) as folder:
            atomic_write(folder / MARKER, json.dumps(identity))
        place._begun_here = True
        return place

    def _resumed(self, identity: dict[str, Any]) -> Workplace:
        from tacit.compare.plan import Plan

        begun = json.loads((self.folder / MARKER).read_text())
        changed = [name for name, value in identity.items() if begun.get(name) != value]
        if changed:
            which = " and the ".join(changed)
            differ = "differs" if changed in (["seed"], ["data"]) else "differ"
            raise InputError(
                f"the {which} {differ} from what the run at {self.folder} was begun with; resume with the same, or "
                "start another run"
            )
        plan = self.folder / "plan.json"
        self.plan = Plan.read(plan) if plan.is_file() else None
        return self

    def keep_plan(self, plan: Plan) -> None:
        """Write the plan that a resume will follow."""
        atomic_write(self.folder / "plan.json", json.dumps(plan.to_json(), indent=1))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Only an interrupted run stays behind to be resumed: after any other error nothing is left."""
        try:
            yield
        except Interrupted:
            raise
        except TacitError:
            if self._begun_here:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def publish(self) -> None:
        """Move the folder to its place in one step, then drop what only a resume needed."""
        os.replace(self.folder, self.out)
        self._drop_leftovers(self.out)

    def _drop_leftovers(self, folder: Path) -> None:
        for name in LEFTOVERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / MARKER).unlink(missing_ok=True)
        for unfinished in folder.rglob(".*.partial"):  # writes that a kill cut short
            unfinished.unlink(missing_ok=True)


def partial_folder(out: Path) -> Path:
    """Where the run that is to become ``out`` is built."""
    return out.parent / f"{out.name}.partial"


def require_place(out: str | Path | None, resume: bool) -> None:
    """Raise `InputError` where no run can be begun at ``out``, or none resumed; nothing of a user's is replaced."""
    if out is None:
        if resume:
            raise InputError("there is nothing to resume without an output folder (--out)")
        return
    path, folder = Path(out), partial_folder(Path(out))
    if path.exists():
        done = (path / "run.json").is_file()
        if resume and done:
            return
        what = "holds a run already" if done else "exists and is no run of tacit"
        raise InputError(f"{path} {what}; name another --out, or remove it")
    begun = (folder / MARKER).is_file()
    if folder.exists() and not begun:
        raise InputError(f"{folder} exists and is no unfinished run of tacit; name another --out")
    if resume and not begun:
        raise InputError(f"there is no unfinished run at {folder}; leave out --resume to start one")
    if begun and not resume and any(p.is_file() for name in LEFTOVERS for p in (folder / name).rglob("*")):
        raise InputError(
            f"{folder} holds an unfinished run; go on with it (--resume), name another --out, or remove the folder"
        )
