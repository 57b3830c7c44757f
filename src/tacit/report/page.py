"""The page put together: sections from a run folder, one template, no file or network beside it."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tacit.errors import InputError
from tacit.report.confusion import Confusion, confusion
from tacit.report.curves import curves
from tacit.report.doubtful import doubtful
from tacit.report.embedding import Map, embedding_map
from tacit.report.evidence import evidence
from tacit.report.folder import Absent, RunFolder, read_folder
from tacit.report.leaderboard import leaderboard
from tacit.report.outoffold import HeldOut, HeldOutClasses, HeldOutNumbers, held_out
from tacit.report.previews import Album, Samples
from tacit.report.reproduce import reproduce
from tacit.report.scatter import Scatter, scatter
from tacit.report.shares import Shares, shares
from tacit.report.text import visible
from tacit.report.verdict import verdict


def render_report(run_folder: Path, samples: Samples | None = None) -> str:
    """The page of a run as HTML text.

    ``samples(ids)`` returns the decoded samples of some records, one per id: image arrays (H, W, C),
    strings, or table rows as mappings; None for a record that is not at hand. Without it, or where it raises
    `TacitError` or `OSError`, the page has no previews. Raises `InputError` where the folder is no run or one of
    its files is damaged.
    """
    folder = read_folder(Path(run_folder))
    album = Album(samples)
    script = _asset("page.js")
    # The map comes last: its many previews must not leave the others without room.
    first = doubtful(folder, album)
    told = evidence(folder, album)
    held = held_out(folder)
    agreement = _agreement(folder, held, album)
    drawn = embedding_map(folder, album, _hidden(folder, held))
    plots = {"map": drawn, "scatter": agreement}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=visible((folder.run.get("data") or {}).get("description", "a run"), 80),
            created=visible(folder.run.get("created", ""))[:10],
            notes=[visible(note, 600) for note in folder.run.get("notes") or ()],
            verdict=verdict(folder),
            leaderboard=leaderboard(folder),
            evidence=told,
            curves=curves(folder),
            shares=shares(folder),
            reproduce=reproduce(folder),
            kind=folder.kind,
            uncounted=folder.uncounted,
            by_evidence=folder.measure.metric == "evidence",
            trouble=album.trouble,
            style=Markup(_asset("page.css")),
            plots={k: v.plot.to_json() for k, v in plots.items() if isinstance(v, Map | Scatter)},
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
            doubtful=first,
            agreement=agreement,
            map=drawn,
        )
    )


def write_report(run_folder: Path, samples: Samples | None = None) -> Path:
    """Write `render_report` to ``report.html`` in the run folder, whole or not at all; returns its path."""
    folder = Path(run_folder)
    content = render_report(folder, samples).encode("utf-8", errors="replace")
    target = folder / "report.html"
    try:
        handle, name = tempfile.mkstemp(prefix=".report-", suffix=".html", dir=folder)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}. Make the folder writable.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def _hidden(folder: RunFolder, held: HeldOut) -> dict[str, str]:
    """By id, what was predicted while the label was hidden, in words."""
    if isinstance(held, HeldOutClasses):
        return held.say(folder.names) if held.p.shape[1] == len(folder.names) else {}
    return held.say() if isinstance(held, HeldOutNumbers) else {}


def _agreement(folder: RunFolder, held: HeldOut, album: Album) -> Confusion | Scatter | Absent:
    """How held-out labels and predictions agree: a matrix for classes, a scatter plot for numbers."""
    if isinstance(held, Absent):
        return held
    return confusion(folder, held) if isinstance(held, HeldOutClasses) else scatter(folder, held, album)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tacit.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    kinds: dict[str, type] = {"absent": Absent, "scatter": Scatter, "shares": Shares, "map": Map}
    for name, kind in kinds.items():
        environment.tests[name] = lambda value, kind=kind: isinstance(value, kind)
    return environment


def _asset(name: str) -> str:
    return resources.files("tacit.report").joinpath(name).read_text("utf-8")
