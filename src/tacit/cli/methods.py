"""``tacit methods``: the systems and baselines that can be compared."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rich.markup import escape
from rich.table import Table

from tacit.cli import options
from tacit.cli.show import console, print_json
from tacit.listing import pick

COLUMNS = ("name", "what it is", "for", "family", "tasks", "paper")
KEPT = ("name", "title", "family", "baseline")
WIDE = 120
"""Terminal columns below which only the first three are shown; ``--json`` always has all."""


def methods(modality: options.Modality = None, json: options.Json = False) -> None:
    """List the systems, with the paper each is from, and the baselines that they have to beat."""
    found = [*_systems(), *_features()]
    if modality is not None:
        pick(modality, dict.fromkeys(sorted({m for line in found for m in line["modalities"]})), "modality")
        found = [line for line in found if modality in line["modalities"]]
    if json:
        print_json({"methods": found})
        return
    out = console()
    columns = COLUMNS if out.width >= WIDE else COLUMNS[:3]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=name in ("name", "for"))
    for line in sorted(found, key=lambda line: line["baseline"]):
        table.add_row(*_cells(line)[: len(columns)])
    out.print(table)
    baselines = ", ".join(line["name"] for line in found if line["baseline"])
    out.print(f"baselines, which every run compares with where they suit: {baselines}", soft_wrap=True, markup=False)


def _cells(line: dict[str, Any]) -> list[str]:
    from tacit.data.read import MODALITIES

    everything = len(line["modalities"]) == len(MODALITIES)
    names = ("name", "title", "modalities", "family", "tasks", "paper")
    return ["all" if k == "modalities" and everything else escape(_text(line[k])) for k in names]


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def _systems() -> list[dict[str, Any]]:
    from tacit.systems.base import systems

    return [
        {
            "name": system.name,
            "title": system.title,
            "family": system.family,
            "baseline": system.baseline,
            "modalities": list(system.modalities),
            "tasks": list(system.tasks),
            "catalogue": system.catalogue,
            "paper": system.paper,
        }
        for system in sorted(systems().values(), key=lambda s: (s.baseline, s.name))
    ]


def _features() -> list[dict[str, Any]]:
    """Candidates on features; which modality and task each suits is asked of the library itself."""
    from tacit.api import on_features
    from tacit.compare.model import modalities
    from tacit.data.task import Classes, Number

    tasks = {"classes": Classes(("a", "b")), "number": Number()}
    lines: dict[str, dict[str, Any]] = {}
    for modality, kinds in modalities().items():
        for kind, task in tasks.items():
            # what suits is told by types alone, so nothing has to be fitted
            bench: Any = SimpleNamespace(task=task, prepared=object.__new__(kinds.prepared))
            for candidate in on_features(bench):
                line: dict[str, Any] = {name: getattr(candidate, name) for name in KEPT}
                empty: dict[str, Any] = {"modalities": [], "tasks": [], "catalogue": None, "paper": ""}
                known = lines.setdefault(candidate.name, line | empty)
                known["modalities"] = sorted({*known["modalities"], modality})
                known["tasks"] = sorted({*known["tasks"], kind})
    return list(lines.values())
