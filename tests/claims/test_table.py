"""The page made from results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tacit.claims import claims_table, list_claims
from tacit.claims.__main__ import main
from tacit.errors import InputError


def figure(mean: float) -> dict[str, Any]:
    return {"mean": mean, "low": mean - 0.01, "high": mean + 0.02}


def arm(name: str, mean: float, gain: float | None) -> dict[str, Any]:
    state = {"arm": name, "title": f"{name} | arm", "steps": 200, "per_seed": [mean], "seconds": 12.4}
    minus = {} if gain is None else {"system_minus_this": figure(gain)}
    return {**state, **figure(mean), "measures": {"rank": 3.14159} if gain is None else {}, **minus}


RESULT = {
    "id": 5,
    "name": "sla",
    "title": "SLA",
    "status": "not reproduced",
    "sentence": "It did not.",
    "metric": "accuracy",
    "system": arm("system", 0.9, None),
    "host": arm("host", 0.895, 0.005),
    "others": [arm("other", 0.95, -0.05)],
    "difference": figure(0.005),
    "says": "gains",
    "source": "somebody 2020",
    "chosen": "this and that",
    "data": {"name": "MNIST", "labels": "500 labels", "pool": 10000, "test": 5000},
    "seeds": [0, 1, 2, 3, 4],
    "command": "tacit claims run sla",
}


def test_a_result_is_a_row_and_a_section(tmp_path: Path) -> None:
    (tmp_path / "sla.json").write_text(json.dumps(RESULT))
    page = claims_table(tmp_path)
    row = next(line for line in page.splitlines() if line.startswith("| [sla (5)](#sla)"))
    assert row.endswith(
        "| MNIST, 500 labels | 89.5 % (88.5 to 91.5) | 90.0 % (89.0 to 92.0) | +0.5 (-0.5 to +2.5) "
        "| **not reproduced** |"
    )
    section = page[page.index("## sla") :]
    assert "It did not." in section and "system | arm: rank 3.14." in section
    assert "| other \\| arm | 200 | 95.0 % (94.0 to 97.0) | -5.0 (-6.0 to -3.0) | 12 |" in section
    assert "10,000 records in the pool, 5,000 test records, 5 seeds; `tacit claims run sla`." in section


def test_every_table_row_has_as_many_cells_as_its_head(tmp_path: Path) -> None:
    (tmp_path / "sla.json").write_text(json.dumps(RESULT))
    width = 0
    for line in claims_table(tmp_path).splitlines():
        cells = line.replace("\\|", "").count("|")
        if cells and not width:
            width = cells
        assert cells in (0, width)
        width = width if cells else 0


def test_claims_without_a_result_are_not_run(tmp_path: Path) -> None:
    page = claims_table(tmp_path / "absent")
    assert page.count("| not run |") == len(list_claims())
    assert "## " not in page


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is no JSON"), ("[1]", "no result of a claim"), ('{"name": 1}', "'title' is missing")],
)
def test_a_file_that_is_no_result_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "sla.json").write_text(content)
    with pytest.raises(InputError, match=message):
        claims_table(tmp_path)


def test_the_module_prints_the_page_and_refuses_unknown_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sla.json").write_text(json.dumps(RESULT))
    assert main(["table", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == claims_table(tmp_path)
    assert main(["slaa", "--out", str(tmp_path)]) == 2
    assert "Did you mean 'sla'?" in capsys.readouterr().err
