"""How to get the same run again: command, plan, seed, versions, data and weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tacit.report.folder import RunFolder
from tacit.report.text import visible

_COMMAND = 2000
_WEIGHTS = {
    "spec": "Encoder",
    "note": "Weights",
    "licence": "Licence of the weights",
    "sha256": "Hash of the weights",
}


@dataclass(frozen=True)
class Reproduce:
    """``facts``: term and value; values of one word that are copied whole, such as hashes, are ``code``."""

    command: str
    facts: list[tuple[str, str, bool]]
    versions: list[tuple[str, str]]
    plan: str


def reproduce(folder: RunFolder) -> Reproduce:
    """Everything the run folder says on its own making."""
    run = folder.run
    data: Mapping[str, Any] = run.get("data") or {}
    facts = [
        ("Created", visible(run.get("created", "not recorded")), False),
        ("Seed", visible(run.get("seed", "not recorded")), True),
        ("Modality", visible(run.get("modality", "not recorded")), False),
        ("Data hash", visible(data.get("hash", "not recorded")), True),
        *_weights(run.get("weights")),
    ]
    versions = [("tacit", visible(run["tacit"]))] if "tacit" in run else []
    versions += [(visible(k), visible(v)) for k, v in (run.get("versions") or {}).items()]
    plan = "" if folder.plan is None else json.dumps(folder.plan, indent=2, ensure_ascii=True)
    return Reproduce(visible(run.get("command") or "", _COMMAND), facts, versions, plan)


def _weights(weights: object) -> list[tuple[str, str, bool]]:
    if not isinstance(weights, Mapping) or not weights:
        return [("Weights", "none: everything was trained from scratch", False)]
    said = [(term, weights[key], key == "sha256") for key, term in _WEIGHTS.items() if weights.get(key)]
    # Whether they were pretrained is in the note already.
    rest = {k: v for k, v in weights.items() if k not in _WEIGHTS and k != "pretrained" and v is not None}
    said += [(f"Weights, {key}", value, False) for key, value in rest.items()]
    return [(visible(term, 60), visible(value, 300), code) for term, value, code in said]
