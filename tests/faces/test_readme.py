"""The README's and CONTRIBUTING's snippets run, and the README's commands do what they say on small data."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
FEW = "8steps"


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/labels.md", "docs/bags.md"])
def test_python_snippets_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks(name, "python")
    assert found
    for snippet in found:
        exec(compile(snippet, name, "exec"), {"__name__": "snippet"})


def test_run_it_and_test_it_are_one_line_each() -> None:
    first, second = blocks("README.md", "bash")[:2]
    assert len(first.strip().splitlines()) == 1
    assert len(second.strip().splitlines()) == 1
    assert "tacit demo" in first
    assert "pytest" in second


def commands() -> list[str]:
    found = [line for block in blocks("README.md", "bash")[2:] for line in block.strip().splitlines()]
    assert len(found) >= 6
    return found


def make_data(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("photos", "new-photos"):
        (folder / name).mkdir()
        for i in range(24):
            value = 60 + 120 * (i % 2)
            pixels = (value + rng.normal(0, 20, (8, 8, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    rows = {
        "labels.csv": [["id", "label"]] + [[f"{i}.png", "dark" if i % 2 == 0 else "bright"] for i in range(12)],
        "customers.csv": [["customer", "age", "plan", "churned"]]
        + [[f"c{i}", 20 + i % 40, "ab"[i % 2], ["yes", "no"][i % 2] if i < 16 else ""] for i in range(40)],
        "questions.csv": [["id", "text", "topic"]]
        + [[i, f"{['where is the city of', 'how many people are'][i % 2]} number {i} in the old country",
            ["place", "count"][i % 2] if i < 16 else ""] for i in range(40)],
    }  # fmt: skip
    voters = [["good", "bad", ""][(i + k) % 3 if (i + k) % 7 == 0 else i % 2] for i in range(30) for k in range(3)]
    rows["reviews.csv"] = [["id", "stars", "words", "anna", "ben", "cem"]] + [
        [f"r{i}", 5 - 3 * (i % 2) + i % 3, 10 + i % 5, *voters[3 * i : 3 * i + 3]] for i in range(30)
    ]
    tasks = [
        {
            "id": i,
            "data": {"image": f"/data/upload/1/0a1b2c3d-{i}.png"},
            "annotations": [
                {
                    "completed_by": who,
                    "result": [{"type": "choices", "from_name": "light", "value": {"choices": [said]}}],
                }
                for who, said in enumerate([["dark", "bright"][i % 2], ["dark", "bright"][(i + (i % 5 == 0)) % 2]])
            ],
        }
        for i in range(20)
    ]
    (folder / "export.json").write_text(json.dumps(tasks))
    rows["molecules.csv"] = [["molecule", "x", "y", "active"]] + [
        [f"m{i}", rng.normal(), rng.normal() + 3 * (i % 2), ["no", "yes"][i % 2] if i < 20 else ""]
        for i in range(30)
        for _ in range(2 + i % 4)
    ]
    rows["new-molecules.csv"] = [row[:3] for row in rows["molecules.csv"]]
    rows["new-customers.csv"] = [row[:3] for row in rows["customers.csv"]]
    rows["more-questions.csv"] = [row[:2] for row in rows["questions.csv"]]
    for name, lines in rows.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)


def test_commands_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tacit.cli.app import app

    monkeypatch.chdir(tmp_path)
    make_data(tmp_path)
    for command in commands():
        words = shlex.split(command)
        assert words[0] == "tacit"
        if words[1] == "fit":
            if "--budget" in words:
                at = words.index("--budget")
                del words[at : at + 2]
            words += ["--budget", FEW, "--encoder", "small"] if "questions.csv" in words else ["--budget", FEW]
        result = CliRunner().invoke(app, words[1:], obj=words[1:])
        assert result.exit_code == 0, f"{command}\n{result.output}\n{result.exception!r}"
        if "--out" not in words:
            assert len(result.output) > 100, command
            continue
        out = Path(words[words.index("--out") + 1])
        written = out / "report.html" if words[1] == "fit" else out
        assert written.stat().st_size > 100, command


def test_the_guide_names_kinds_that_there_are() -> None:
    from tacit.labels.formats.base import formats

    text = (ROOT / "docs/labels.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    named = {kind for row in rows for kind in re.findall(r"`([a-z-]+)`", row[-2])} - {"--kind"}
    known = {name for name, found in formats().items()} | {found.kind for found in formats().values()}
    assert len(named) > 15
    assert named <= known
