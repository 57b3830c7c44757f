"""The leaderboard on terminals of all widths: nothing wraps, and what goes first is what matters least."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tacit.cli.board import print_board


def line(name: str, score: float | None, gain: tuple[float, ...] | None = None, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("low", "high", "gain", "gain_low", "gain_high", "expected_gain", "expected_low", "expected_high")
    )
    state = empty | {"candidate": name, "score": score, "seconds": 185.0, "status": "ok", "note": "", "test": None}
    if score is not None:
        state |= {"low": score - 0.08, "high": score + 0.02}
    if gain is not None:
        state |= dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True))
    return state | {"deployed": False} | more


@pytest.fixture
def info() -> dict[str, Any]:
    expected = {"expected_gain": 0.03, "expected_low": -0.014, "expected_high": 0.086}
    lines = [
        line("pseudo-label-pretraining", 0.98, (0.02, -0.04, 0.08), deployed=True, **expected),
        line("supervised-augmented", 0.96, (0.0, 0.0, 0.0)),
        line(
            "tfidf-logistic",
            0.467,
            (-0.467, -0.644, -0.289),
            status="cut",
            note="fold 1: train stopped after step 9 of 40",
        ),
        line("uda", None, status="skipped", note="the budget leaves fewer than 20 steps of 1.4 s each"),
    ]
    verdict = {"reference": "supervised-augmented", "held_out": 50, "sentence": ""}
    return {"metric": "accuracy", "higher_is_better": True, "verdict": verdict, "leaderboard": lines}


def shown(info: dict[str, Any], width: int) -> list[str]:
    out = Console(file=io.StringIO(), width=width, highlight=False, no_color=True, force_terminal=False)
    print_board(info, out)
    return out.file.getvalue().splitlines()  # type: ignore[attr-defined]


def rows(info: dict[str, Any], width: int) -> list[str]:
    """Heading and rows of the table alone."""
    found = shown(info, width)
    start = next(i for i, text in enumerate(found) if text.startswith("candidate"))
    return found[start : start + 4]


@pytest.mark.parametrize("tested", [False, True])
@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 160])
def test_no_cell_wraps_or_is_cut(info: dict[str, Any], width: int, tested: bool) -> None:
    if tested:
        info["leaderboard"][0]["test"] = 0.914
    found = rows(info, width)
    assert [text.split()[0] for text in found] == [
        *("candidate", "pseudo-label-pretraining", "supervised-augmented", "tfidf-logistic")
    ]
    assert max(map(len, found)) <= width
    assert not any("…" in text for text in found)
    assert "98.0 %" in found[1] and "deployed" in found[1] and "reference" in found[2] and "cut short" in found[3]


def test_a_narrow_terminal_loses_the_expectation_before_intervals_of_gains(info: dict[str, Any]) -> None:
    wide, narrow = rows(info, 160), rows(info, 80)
    assert "+3.0 (−1.4 to +8.6)" in wide[1] and "98.0 % (90.0 to 100.0)" in wide[1] and "3.1 min" in wide[1]
    assert "expected" not in narrow[0] and "(90.0 to 100.0)" not in narrow[1]
    assert "+2.0 (−4.0 to +8.0)" in narrow[1]


def test_a_wide_one_tells_the_test_score_and_what_all_of_it_means(info: dict[str, Any]) -> None:
    info["leaderboard"][0]["test"] = 0.914
    found = shown(info, 160)
    assert found[0] == (
        "held-out accuracy and gain in points over supervised-augmented, on 50 records with 95 % intervals:"
    )
    assert "91.4 %" in found[2]


def test_candidates_without_figures_have_a_line_with_the_reason(info: dict[str, Any]) -> None:
    found = shown(info, 80)
    assert "uda was skipped: the budget leaves fewer than 20 steps of 1.4 s each" in found
    assert "tfidf-logistic was cut short: fold 1: train stopped after step 9 of 40" in found


def test_metrics_without_percent_and_lower_is_better(info: dict[str, Any]) -> None:
    info |= {"metric": "mae", "higher_is_better": False}
    found = shown(info, 160)
    assert found[0].startswith("held-out mae (lower is better) and gain over supervised-augmented")
    found = shown(info | {"metric": "evidence"}, 120)
    assert "gain in nats over supervised-augmented, on 50 observations" in found[0]
    assert "+0.02 (−0.04 to +0.08)" in found[2]


def test_without_held_out_records_only_expectations_stand(info: dict[str, Any]) -> None:
    info["verdict"] |= {"held_out": 0, "gain": 0.03}
    expected = {"expected_gain": 0.03, "expected_low": -0.014, "expected_high": 0.086}
    info["leaderboard"] = [line("fixmatch", None, deployed=True, **expected), line("logistic", None)]
    found = shown(info, 160)
    assert found[0] == "Nothing was held out; gains in points over supervised-augmented are expected from other data:"
    assert found[1].split() == ["candidate", "expected", "gain", "time"]
    assert "reference" not in " ".join(found)
    info["verdict"]["gain"] = None
    info["leaderboard"] = [line("logistic", None)]
    assert shown(info, 160)[0] == "Nothing was held out, so no candidate has a score:"
    assert "+3.0 (−1.4 to +8.6)" in found[2]
