"""The page of claims, generated from their results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tacit.claims.base import RESULTS, Claim, list_claims
from tacit.errors import InputError

HEAD = """# Claims

What each system is said to be good for, measured here against the method it builds on (its host): the same data,
labels, network, seeds and number of steps, the library's own defaults on both sides, and test records that nothing
was chosen on. The interval of the difference is paired, over seeds × test records, at 95 %.
*Reproduced*: it lies above 0. *Not reproduced*: it ends below half of the claimed gain, or below one point where the
source names no gain over this host. *Undecided*: anything else, fewer than five seeds, or a host that is not sound
(more than five points below a simple peer on the same labels).

Written by `tacit claims table` from `benchmarks/results/claims/`. Every figure comes from `tacit claims run NAME`;
`python -m tacit.claims all --out benchmarks/results/claims --threads 1` measures everything, and goes on where it was
stopped.

| claim | data | host | system | difference in points | status |
|---|---|---|---|---|---|
"""
FIELDS = (
    "name",
    "title",
    "id",
    "status",
    "sentence",
    "metric",
    "system",
    "host",
    "others",
    "difference",
    "says",
    "source",
    "chosen",
    "data",
    "seeds",
    "command",
)


def claims_table(results_folder: str | Path | None = None) -> str:
    """Markdown: one row a claim, then what was measured of each. Claims without a result are listed as not run.

    A file in the folder that is no result is an `InputError`.
    """
    folder = Path(results_folder or RESULTS)
    results = {p.stem: read_result(p) for p in sorted(folder.glob("*.json"))} if folder.is_dir() else {}
    claims = {claim.name: claim for claim in list_claims()}
    names = sorted({*results, *claims})
    rows = [_row(results[n]) if n in results else _not_run(claims[n]) for n in names]
    sections = [_section(results[n]) for n in names if n in results]
    return HEAD + "\n".join(rows) + "\n" + "".join(f"\n{s}" for s in sections)


def read_result(path: Path) -> dict[str, Any]:
    """One result; `InputError` where the file is none."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no JSON: {error}. Remove it, or run the claim again.") from None
    missing = [f for f in FIELDS if f not in state] if isinstance(state, dict) else list(FIELDS)
    if missing:
        raise InputError(f"{path} is no result of a claim: {missing[0]!r} is missing. Remove it, or run it again.")
    result: dict[str, Any] = state
    return result


def _row(result: dict[str, Any]) -> str:
    cells = (
        f"[{_named(result['name'], result['id'])}](#{result['name']})",
        f"{result['data']['name']}, {result['data']['labels']}{_judged(result)}",
        _share(result["host"]),
        _share(result["system"]),
        _gain(result["difference"]),
        f"**{result['status']}**",
    )
    return "| " + " | ".join(_cell(c) for c in cells) + " |"


def _not_run(claim: Claim) -> str:
    return f"| {_named(claim.name, claim.id)} | | | | | not run |"


def _section(result: dict[str, Any]) -> str:
    """The sentence, all arms, and what the measurement chose."""
    arms = [result["system"], result["host"], *result["others"]]
    lines = [
        f"## {result['name']}",
        "",
        result["sentence"],
        "",
        f"*Claimed*: {result['says']} ({result['source']})",
        "",
        f"| arm | steps | {result['metric']} | system minus this, points | seconds |",
        "|---|---|---|---|---|",
    ]
    for arm in arms:
        gain = _gain(arm["system_minus_this"]) if "system_minus_this" in arm else ""
        cells = (arm["title"], str(arm["steps"]), _share(arm), gain, f"{arm['seconds']:.0f}")
        lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    for arm in arms:
        if arm["measures"]:
            listed = ", ".join(f"{name} {value:.3g}" for name, value in arm["measures"].items())
            lines += ["", f"{arm['title']}: {listed}."]
    data = result["data"]
    lines += [
        "",
        f"*Chosen here*: {result['chosen']}",
        "",
        f"{data['pool']:,} records in the pool, {data['test']:,} test records, {len(result['seeds'])} seeds; "
        f"`{result['command']}`.",
    ]
    return "\n".join(lines) + "\n"


def _judged(result: dict[str, Any]) -> str:
    """By what, where it is not accuracy."""
    return "" if result["metric"] == "accuracy" else f"; {result['metric']}"


def _named(name: str, number: int | None) -> str:
    return name if number is None else f"{name} ({number})"


def _share(figure: dict[str, Any]) -> str:
    return f"{100 * figure['mean']:.1f} % ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"


def _gain(figure: dict[str, Any]) -> str:
    return f"{100 * figure['mean']:+.1f} ({100 * figure['low']:+.1f} to {100 * figure['high']:+.1f})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
