from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tacit.errors import InputError
from tacit.report import render_report, write_report
from tacit.report.page import _asset

from .html_tree import Element, parse
from .make_run import FILES, HOSTILE, ids, make_run

SECTIONS = ["leaderboard", "notes", "doubtful", "map", "agreement", "shares", "curves", "reproduce"]


def page(folder: Path, samples: Any = None) -> Element:
    return parse(render_report(folder, samples))


def images(ids: Sequence[str]) -> list[Any]:
    return [np.full((8, 8, 1), k % 255, dtype=np.uint8) for k, _ in enumerate(ids)]


def plots(tree: Element) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = json.loads(tree.one("script", id="plots").text)
    return found


def test_verdict_comes_first_and_every_section_follows(tmp_path: Path) -> None:
    tree = page(make_run(tmp_path / "run"), images)
    assert tree.one("h1").words == "fixmatch helped: 4.3 points more than supervised (1.2 to 7.0)."
    assert tree.one("p", "word").words == "▲ Helped"
    assert [e.attributes["id"] for e in tree.all("section")] == SECTIONS
    order = [e.tag for e in tree.walk() if e.tag in ("h1", "h2")]
    assert order == ["h1"] + ["h2"] * len(SECTIONS)
    assert not tree.all("p", "absent")
    assert "+4.3 points (+1.2 to +7.0)" in tree.one("figure", "gain").words


@pytest.mark.parametrize(
    ("word", "tone", "sign"),
    [
        ("helped", "better", "▲"),
        ("hurt", "worse", "▼"),
        ("no measurable difference", "same", "≈"),
        ("no evidence of your own; expected from other data", "unknown", "?"),
    ],
)
def test_the_verdict_is_told_by_word_and_sign_and_not_by_colour_alone(
    tmp_path: Path, word: str, tone: str, sign: str
) -> None:
    said = {
        "word": word,
        "sentence": "So it is (+0.5 to 3.1). Deployed: b.",
        "gain": 0.01,
        "low": -0.02,
        "high": 0.04,
        "held_out": 0,
    }
    tree = page(make_run(tmp_path / "run", verdict=said))
    assert tree.one("p", "word").words == f"{sign} {word[0].upper()}{word[1:]}"
    assert (tree.one("h1").words, tree.one("p", "more-said").words) == ("So it is (+0.5 to 3.1).", "Deployed: b.")
    chart = tree.one("figure", "gain")
    assert tone in chart.one("svg").attributes["class"].split()
    assert ("expected from other data" in chart.words) == (tone == "unknown")
    assert bool(chart.all("path", "hole")) == (tone == "unknown")


def test_links_and_labels_point_at_something(tmp_path: Path) -> None:
    tree = page(make_run(tmp_path / "run"), images)
    ids = [e.attributes["id"] for e in tree.walk() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for link in tree.all("a"):
        assert link.attributes["href"].removeprefix("#") in ids
    for section in tree.all("section"):
        assert section.attributes["aria-labelledby"] in ids
    assert all(table.all("caption") for table in tree.all("table"))
    assert all("alt" in image.attributes for image in tree.all("img"))


@pytest.mark.parametrize("names", [HOSTILE, None], ids=["classes", "numbers"])
def test_nothing_is_loaded_from_elsewhere(tmp_path: Path, names: Sequence[str] | None) -> None:
    html = render_report(make_run(tmp_path / "run", names), images)
    tree = parse(html)
    for element in tree.walk():
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = element.attributes.get(name, "#")
            assert value.startswith(("#", "data:")), (element.tag, name, value)
    style = tree.one("style").text
    assert "url(" not in style
    assert "@import" not in style
    assert "http://" not in html
    assert "https://" not in html


def test_policy_allows_the_one_script_and_nothing_else(tmp_path: Path) -> None:
    tree = page(make_run(tmp_path / "run"))
    policy = tree.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    script = tree.all("script")[-1].text
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert not [e for e in tree.walk() for name in e.attributes if name.startswith("on")]


@pytest.mark.parametrize("kind", ["names", "everywhere"])
def test_hostile_text_stays_text(tmp_path: Path, kind: str) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"
    other: dict[str, Any] = {}
    if kind == "everywhere":
        other = {
            "notes": [evil],
            "command": evil,
            "versions": {evil: evil},
            "weights": {"name": evil, evil: evil},
            "verdict": {"word": evil, "sentence": evil, "deployed": evil, "reference": evil},
            "leaderboard": [{"candidate": evil, "status": evil, "note": evil}],
            "metric": evil,
            "data": {"description": evil, "hash": evil},
        }
    folder = make_run(tmp_path / "run", HOSTILE, **other)
    (folder / "plan.json").write_text(json.dumps({evil: evil}))
    curve = (folder / "curves" / "fixmatch.csv").read_text().replace("loss", '"<b>loss"')
    (folder / "curves" / "fixmatch.csv").write_text(curve)
    tree = page(folder, lambda ids: [evil + "\n" for _ in ids])
    assert [e.attributes.get("type", "") for e in tree.all("script")] == ["application/json", ""]
    assert tree.all("script")[1].text == _asset("page.js")
    assert not [e for e in tree.walk() if "onerror" in e.attributes or (e.tag == "b" and e.words == "bold")]
    assert "49" not in tree.one("section", id="shares").words
    assert any(evil in q.text for q in tree.all("blockquote"))
    if kind == "everywhere":
        assert tree.one("h1").words == evil
        assert tree.one("ul", "notes").words == evil


def test_line_breaks_and_overrides_in_names_are_made_visible(tmp_path: Path) -> None:
    text = page(make_run(tmp_path / "run", HOSTILE)).text
    assert "two↵lines" in text
    assert "\u202e" not in text
    assert "\ufffdgnp.exe" in text


@pytest.mark.parametrize(
    ("file", "section", "says"),
    [
        ("oof.parquet", "agreement", "no out-of-fold predictions"),
        ("curves", "curves", "No curves were logged"),
        ("predictions.parquet", "shares", "no predictions"),
        ("predictions.parquet", "doubtful", "no predictions"),
        ("map.parquet", "map", "no map"),
        ("plan.json", "reproduce", "no plan"),
    ],
)
@pytest.mark.parametrize("names", [("a", "b"), None], ids=["classes", "numbers"])
def test_absent_files_leave_a_sentence(
    tmp_path: Path, file: str, section: str, says: str, names: Sequence[str] | None
) -> None:
    tree = page(make_run(tmp_path / "run", names, omit=[file]), images)
    assert says in tree.one("section", id=section).one("p", "absent").words
    others = [s for s in SECTIONS if s != section and file != "predictions.parquet"]
    assert not [s for s in others if tree.one("section", id=s).all("p", "absent")]


def test_a_run_with_nothing_but_run_json_still_has_a_page(tmp_path: Path) -> None:
    tree = page(make_run(tmp_path / "run", omit=FILES), images)
    assert tree.one("h1").words.startswith("fixmatch helped")
    assert len(tree.all("p", "absent")) == 6


def test_a_run_json_with_almost_nothing_still_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    tree = page(tmp_path)
    assert tree.one("h1").words == "This run has no verdict."
    assert "No candidate was compared" in tree.one("section", id="leaderboard").words


def test_figures_that_are_not_finite_do_not_reach_the_page(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    run = json.loads((folder / "run.json").read_text())
    for line in run["leaderboard"]:
        line |= {"score": float("nan"), "gain": float("inf"), "seconds": float("nan")}
    run["verdict"] |= {"gain": float("nan")}
    (folder / "run.json").write_text(json.dumps(run))
    html = render_report(folder)
    assert not re.search(r"\b(nan|inf|NaN|Infinity)\b", html.split("<script")[0].split("</style>")[1])
    assert not parse(html).all("figure", "gain")


@pytest.mark.parametrize("content", ["", "[1, 2]", "{not json"])
def test_damaged_run_json_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        render_report(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a run: it has no run\.json"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["oof.parquet", "predictions.parquet", "map.parquet"])
def test_damaged_tables_are_named(tmp_path: Path, name: str) -> None:
    folder = make_run(tmp_path / "run")
    (folder / name).write_bytes((folder / name).read_bytes()[:100])
    with pytest.raises(InputError, match=f"{name} is damaged"):
        render_report(folder)


def test_a_damaged_curve_names_its_line(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "curves" / "supervised.csv").write_text("step,name,value\n1,loss,2\n2,loss\n")
    with pytest.raises(InputError, match=r"supervised\.csv, line 3"):
        render_report(folder)


def test_write_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path / "run")
    path = write_report(folder)
    assert path == folder / "report.html"
    before = path.read_bytes()
    names = sorted(p.name for p in folder.iterdir())
    assert before.decode().startswith("<!doctype html>")

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(folder, images)
    assert path.read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == names


def test_the_page_is_a_function_of_the_folder(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", records=2600, labelled=30)
    assert render_report(folder, images) == render_report(folder, images)


def test_leaderboard_marks_what_each_candidate_is(tmp_path: Path) -> None:
    rows = page(make_run(tmp_path / "run")).one("table", "board").one("tbody").all("tr")
    words = [row.words for row in rows]
    assert [row.one("span", "name").words for row in rows] == [
        *("fixmatch", "sla", "supervised", "spreading", "simclr", "uda", "masked")
    ]
    expected = [
        ("in use", "better", "96.1 %"),
        ("cut short", "no clear difference"),
        ("reference", "baseline"),
        ("worse", "−5.0 points (−8.0 to −1.0)"),
        ("expected from other data",),
        ("failed", "loss was not finite at step 12 <b>"),
        ("skipped", "the budget is too short"),
    ]
    for said, wanted in zip(words, expected, strict=True):
        assert [text for text in wanted if text not in said] == []
    assert [len(row.all("svg", role="img")) for row in rows] == [1, 1, 0, 1, 1, 0, 0]


def test_map_says_what_was_predicted_of_labelled_records_while_hidden(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", records=100, labelled=20)
    table = pq.read_table(folder / "predictions.parquet").drop_columns(["oof"])
    pq.write_table(table, folder / "predictions.parquet")
    sums: dict[str, Any] = {}
    for row in pq.read_table(folder / "oof.parquet").to_pylist():
        if row["candidate"] == "fixmatch":
            sums[row["id"]] = sums.get(row["id"], 0) + np.exp(row["log_p"])
    found = {dot[4][-1]: line for dot in plots(page(folder))["map"] for line in dot[4] if "hidden" in line}
    names = ("cat", "dog", "owl", "eel")
    assert {one: line.split(": ")[1].split(",")[0] for one, line in found.items()} == {
        one: names[int(np.argmax(p))] for one, p in sums.items()
    }


def test_map_says_what_is_known_of_each_record(tmp_path: Path) -> None:
    tree = page(make_run(tmp_path / "run", records=100, labelled=20), images)
    dots = plots(tree)["map"]
    assert len(dots) == 100
    lines = [dot[4] for dot in dots]
    assert sum(any(line.startswith("given label") for line in said) for said in lines) == 20
    assert sum("predicted while its label was hidden" in said for said in lines) == 20
    assert sum("no label given" in said for said in lines) == 80
    assert {said[-1] for said in lines} == {f"photos/{k:05d}.png" for k in range(100)}
    assert all(re.fullmatch(r"(cat|dog|owl|eel), \d+ %", dot[3]) for dot in dots)
    assert all(dot[5]["image"].startswith("data:image/png;base64,") for dot in dots)
    area = tree.one("div", "plot-area")
    drawn = "".join(p.attributes["d"] for p in area.all("path", "dots") + area.all("path", "core"))
    assert drawn.count("M") == 100
    assert sum(p.attributes["d"].count("M") for p in area.all("path", "ring")) == 20


def test_doubtful_are_the_unlabelled_records_with_most_doubt(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    open_rows = sorted((r for r in rows if r["split"] == "unlabelled"), key=lambda r: -r["doubt"])[:24]
    cards = page(folder).one("section", id="doubtful").all("p", "id")
    assert [card.all("span")[0].text for card in cards] == [row["id"] for row in open_rows]


def test_a_number_is_told_with_its_deviation_and_no_doubt_beside(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", None)
    table = pq.read_table(folder / "predictions.parquet")
    deviation = pa.array(np.linspace(0.5, 2.0, len(table)))
    shown = table.drop_columns("doubt").append_column("scale", deviation).append_column("doubt", deviation)
    pq.write_table(shown, folder / "predictions.parquet")
    section = page(folder).one("section", id="doubtful")
    assert "± 2.00" in section.words and "doubt 2" not in section.words
    assert "least sure" in section.words
    assert not any("doubt" in line for dot in plots(page(folder))["map"] for line in dot[4])
    alike = table.drop_columns("doubt").append_column("doubt", pa.array(np.full(len(table), 0.7)))
    pq.write_table(alike, folder / "predictions.parquet")
    assert "equally unsure of all" in page(folder).one("section", id="doubtful").words


def test_facts_say_on_how_many_records_it_was_tested(tmp_path: Path) -> None:
    tested = make_run(tmp_path / "tested")
    state = json.loads((tested / "run.json").read_text(encoding="utf-8"))
    assert "Tested on" not in page(tested).one("header").words
    state["data"]["test"] = 899
    (tested / "run.json").write_text(json.dumps(state), encoding="utf-8")
    assert "Tested on899 records" in page(tested).one("header").words


def test_a_verdict_without_figures_draws_none(tmp_path: Path) -> None:
    verdict = {"word": "no measurable difference", "sentence": "Only baselines were run.", "reference": "logistic"}
    tree = page(make_run(tmp_path / "run", verdict=verdict | {"gain": None, "low": None, "high": None}))
    assert "Gain over" not in tree.one("header").words
    assert not tree.one("header").all("figure")


def test_a_board_without_scores_claims_none(tmp_path: Path) -> None:
    bare = dict.fromkeys(("score", "low", "high", "gain", "gain_low", "gain_high"))
    lines = [bare | {"candidate": name, "status": "ok", "seconds": 1.0} for name in ("logistic", "fixmatch")]
    section = page(make_run(tmp_path / "run", leaderboard=lines)).one("section", id="leaderboard")
    assert "none has a score" in section.words and "Scores are" not in section.words


def test_previews_that_cannot_be_read_cost_only_themselves(tmp_path: Path) -> None:
    def moved(ids: Sequence[str]) -> list[Any]:
        raise InputError("photos/00001.png is gone. Put it back.")

    tree = page(make_run(tmp_path / "run"), moved)
    assert "Previews are missing: photos/00001.png is gone." in tree.one("section", id="doubtful").words
    assert len(plots(tree)["map"]) == 240


def test_numbers_have_a_scatter_plot_in_place_of_a_matrix(tmp_path: Path) -> None:
    tree = page(make_run(tmp_path / "run", None), lambda ids: [{"age": 3.0, "<b>": None} for _ in ids])
    agreement = tree.one("section", id="agreement")
    assert not agreement.all("table")
    assert len(plots(tree)["scatter"]) == 48
    assert plots(tree)["map"][0][5] == {"cells": [["age", "3"], ["<b>", "–"]]}
    assert "of 48 given values lie within two predicted deviations" in agreement.words


def test_curves_share_their_scale_within_a_measure(tmp_path: Path) -> None:
    section = page(make_run(tmp_path / "run")).one("section", id="curves")
    measures = section.all("div", "measure")
    assert [m.one("h3").text for m in measures] == ["loss", "kept"]
    for measure in measures:
        panels = measure.all("svg")
        assert len(panels) == 2
        assert len({p.attributes["data-x"] for p in panels}) == 1
        assert len({tuple(g.attributes["d"] for g in p.all("path", "grid")) for p in panels}) == 1
    assert len(json.loads(measures[1].all("svg")[0].attributes["data-points"])) == 11


@pytest.mark.parametrize("names", [("cat", "dog", "owl"), None])
def test_records_that_are_labelled_and_not_counted_are_explained(tmp_path: Path, names: Sequence[str] | None) -> None:
    """Of 48 labelled records 7 have tied votes: the page says why wherever it counts 41."""
    folder = make_run(tmp_path / "run", names, metric="evidence")
    for file in ("predictions.parquet", "oof.parquet"):
        table = pq.read_table(folder / file)
        tied = pc.is_in(table["id"], pa.array(ids(7)))
        given = pc.if_else(tied, pa.scalar(None, table["given"].type), table["given"])
        pq.write_table(table.set_column(table.column_names.index("given"), "given", given), folder / file)
    assert "not counted" not in render_report(folder), "of exact labels there is nothing to say"
    parts = [{"said": "votes", "naively": "majority vote, ties shared"}]
    (folder / "evidence.json").write_text(json.dumps({"parts": parts, "findings": [], "contradictions": []}))
    page = render_report(folder)
    assert page.count("41 labelled records" if names else "41 given") == 2
    what = "class" if names else "value"
    reason = f"what is known gives no single {what} when it is read naively (majority vote, ties shared)."
    assert page.count(f"Not counted here: 7 of 48 labelled records, of which {reason}") == 2
    assert "was right for" not in page, "nobody knows"
    assert "in nats an observation" in page


def test_reproduce_tells_all_it_takes(tmp_path: Path) -> None:
    section = page(make_run(tmp_path / "run", seed=7)).one("section", id="reproduce")
    assert section.one("pre", "command").text == "tacit fit photos/ --labels labels.csv --seed 0"
    facts = {d.one("dt").text: d.one("dd").text for d in section.one("dl").all("div")}
    assert facts["Seed"] == "7"
    assert facts["Data hash"] == "ab12"
    assert (facts["Weights"], facts["Licence of the weights"]) == ("from afar", "MIT")
    assert (facts["Encoder"], facts["Hash of the weights"]) == ("net", "cd34")
    assert json.loads(section.all("pre")[-1].text) == {"folds": 3, "seed": 7}
    assert section.one("table", "versions").words.endswith("torch2.15.0")


def test_the_page_of_many_photographs_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(16)]
    folder = make_run(tmp_path / "run", records=3000, labelled=100)
    html = render_report(folder, lambda ids: [noise[k % 16] for k, _ in enumerate(ids)])
    assert len(html) < 6_000_000
    assert sum(dot[5] is not None for dot in plots(parse(html))["map"]) > 1000
