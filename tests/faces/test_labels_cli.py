"""Weak labels on the command line: a fit from annotators' columns and exports, and ``tacit labels``."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Told = Callable[..., tuple[int, str, str]]
N = 60
VOTERS = ("anna", "ben", "cem")
HEADS = ("--method", "logistic", "--budget", "5steps")


pytestmark = pytest.mark.usefixtures("in_own_folder")


@pytest.fixture
def wine(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A table of two numbers, with three annotators' columns, some cells empty, and its true classes."""
    rng = np.random.default_rng(0)
    y = np.arange(N) % 2
    names = np.array(["red", "white"])
    path = tmp_path / "wine.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "sugar", "acid", *VOTERS])
        for i, c in enumerate(y):
            numbers = rng.normal(2 * c, 1, 2)
            said = [names[c if rng.random() < rate else 1 - c] for rate in (0.95, 0.8, 0.6)]
            writer.writerow([f"w{i}", *numbers, *["" if rng.random() < 0.1 else s for s in said]])
    return path, y


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "votes.csv"
    lines = ["task,worker,label", "a,anna,x", "a,ben,x", "a,cem,y", "b,anna,y", "b,ben,y", "b,cem,"]
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_with_three_annotators_columns(tacit: Told, wine: tuple[Path, np.ndarray]) -> None:
    path, y = wine
    status, out, err = tacit("fit", path, "--id", "id", "--votes", "anna,ben", "--votes", "cem", *HEADS, "--out", "r")
    assert status == 0, err
    assert "of 3 sources" in err
    assert "majority vote" in out
    assert "evidence-linear" in out
    found = json.loads(Path("r/evidence.json").read_text())
    assert [s["name"] for s in found["findings"][0]["sources"]] == list(VOTERS)
    page = Path("r/report.html").read_text()
    assert "How often each source is right" in page
    status, _, err = tacit("predict", "r", path, "--out", "p.csv")
    assert status == 0, err
    predicted = [row["label"] for row in rows(Path("p.csv"))]
    assert np.mean(np.array(predicted) == np.array(["red", "white"])[y]) > 0.85


def test_a_label_studio_export_beside_a_folder_of_images(tacit: Told, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    tasks = []
    for i in range(24):
        bright = i % 2
        pixels = rng.integers(0, 100, (8, 8, 3)) + 120 * bright
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / f"{i}.png")
        said = [["night", "day"][bright if rng.random() < 0.9 else 1 - bright] for _ in range(3)]
        annotations = [
            {
                "completed_by": who,
                "was_cancelled": who == 2 and i < 3,
                "result": [
                    {"type": "choices", "from_name": "when", "to_name": "image", "value": {"choices": [choice]}}
                ],
            }
            for who, choice in enumerate(said)
        ]
        url = f"/data/upload/1/{i:08x}-{i}.png"
        tasks.append({"id": i + 1, "data": {"image": url}, "annotations": annotations, "predictions": []})
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    status, out, err = tacit("labels", "describe", "export.json", "--data", "photos")
    assert status == 0, err
    assert "3 sources" in out
    status, out, err = tacit("fit", "photos", "--labels", "export.json", *HEADS, "--out", "r", "--json")
    assert status == 0, err
    assert json.loads(out)["metric"] == "evidence"


def test_exact_labels_and_votes_together(tacit: Told, wine: tuple[Path, np.ndarray]) -> None:
    path, y = wine
    known = [f"w{i},{'red' if y[i] == 0 else 'white'}" for i in range(24)]
    Path("gold.csv").write_text("\n".join(["id,label", *known]) + "\n")
    words = ("fit", path, "--id", "id", "--labels", "gold.csv", "--votes", "anna,ben,cem", *HEADS, "--out", "r")
    status, out, err = tacit(*words, "--json")
    assert status == 0, err
    info = json.loads(out)
    assert info["metric"] == "accuracy"
    assert info["verdict"]["held_out"] == 24


def test_label_files_that_name_different_classes_are_read_with_the_classes_of_all(tacit: Told) -> None:
    Path("x.csv").write_text("id,size,name\n" + "".join(f"r{i},{i % 3},n\n" for i in range(12)))
    Path("gold.csv").write_text("id,label\nr0,a\nr1,b\nr3,a\nr4,b\n")
    lists = ['{"id": "r2", "candidates": ["c", "b"]}', '{"id": "r5", "candidates": ["c", "a"]}']
    Path("some.jsonl").write_text("\n".join(lists) + "\n")
    words = ("fit", "x.csv", "--id", "id", "--labels", "gold.csv", "--labels", "some.jsonl", *HEADS, "--out", "r")
    status, out, err = tacit(*words, "--json")
    assert status == 0, err
    assert json.loads(out)["task"]["names"] == ["a", "b", "c"]


def test_pairs_take_the_classes_of_a_file_beside_them(tacit: Told, wine: tuple[Path, np.ndarray]) -> None:
    path, y = wine
    known = [f"w{i},{'red' if y[i] == 0 else 'white'}" for i in range(24)]
    Path("gold.csv").write_text("\n".join(["id,label", *known]) + "\n")
    Path("pairs.csv").write_text("first,second,same\n" + "".join(f"w{i},w{i + 2},1\n" for i in range(24, 40, 4)))
    drop = [word for name in VOTERS for word in ("--drop", name)]
    for first, second in (("gold.csv", "pairs.csv"), ("pairs.csv", "gold.csv")):
        words = ("fit", path, "--id", "id", "--labels", first, "--labels", second, *drop, *HEADS)
        status, out, err = tacit(*words, "--out", first[:4], "--json")
        assert status == 0, err
        assert json.loads(out)["task"]["names"] == ["red", "white"]
        assert "pairs" in json.loads(out)["data"]["labels"]


def test_a_voter_may_know_a_class_that_no_target_has(tacit: Told) -> None:
    lines = [f"r{i},{i % 5},{'ab'[i % 2] if i < 8 else ''},{'abc'[i % 3]}" for i in range(24)]
    Path("x.csv").write_text("\n".join(["id,size,label,anna", *lines]) + "\n")
    words = ("fit", "x.csv", "--id", "id", "--target", "label", "--votes", "anna", *HEADS, "--out", "r", "--json")
    status, out, err = tacit(*words)
    assert status == 0, err
    assert json.loads(out)["task"]["names"] == ["a", "b", "c"]


def test_a_column_of_labels_is_no_feature_where_votes_are_the_labels(tacit: Told) -> None:
    lines = [f"r{i},{i % 5},{'ab'[i % 2]},{'ab'[i % 2]},{'ab'[(i + i % 7 // 6) % 2]}" for i in range(40)]
    Path("x.csv").write_text("\n".join(["id,size,label,anna,ben", *lines]) + "\n")
    status, out, err = tacit("fit", "x.csv", "--id", "id", "--votes", "anna,ben", *HEADS, "--out", "r", "--json")
    assert status == 0, err
    assert "1 column" in json.loads(out)["data"]["description"]


def test_noisy_labels(tacit: Told, wine: tuple[Path, np.ndarray]) -> None:
    path, _ = wine
    drop = ("--drop", "ben", "--drop", "cem")
    words = ("fit", path, "--id", "id", "--target", "anna", "--noisy", *drop, *HEADS, "--out", "r", "--json")
    status, out, err = tacit(*words)
    assert status == 0, err
    assert "noisy labels" in json.loads(out)["data"]["labels"]


def test_describe(tacit: Told, votes: Path) -> None:
    status, out, err = tacit("labels", "describe", votes)
    assert status == 0, err
    assert "5 votes of 3 sources" in out
    assert "on 2 of 2 records" in out
    for word in ("anna", "ben", "cem", "kappa", "majority vote", "held out"):
        assert word in out
    status, out, _ = tacit("labels", "describe", votes, "--json")
    assert status == 0
    found = json.loads(out)
    assert found["judged_by"] == "evidence"
    assert [s["votes"] for s in found["findings"][0]["sources"]] == [2, 2, 1]
    assert sum(found["classes"].values()) == 2, "one for each record, ties shared"


def test_describe_exact_labels(tacit: Told) -> None:
    Path("gold.csv").write_text("id,label\na,x\nb,y\n")
    status, out, _ = tacit("labels", "describe", "gold.csv")
    assert status == 0
    assert "exact labels on 2 of 2 records" in out
    assert "naively read: x 1, y 1" in out
    assert "judged" in out


def test_describe_names_a_class_that_looks_like_a_slip_of_another(tacit: Told) -> None:
    lines = [f"r{i},{'cat' if i % 2 else 'dog'}" for i in range(60)]
    Path("gold.csv").write_text("\n".join(["id,label", *lines, "s,catt", "t,Dog"]) + "\n")
    status, out, err = tacit("labels", "describe", "gold.csv")
    assert status == 0, err
    assert "'Dog' (1) like 'dog' (30), 'catt' (1) like 'cat' (30)" in out
    assert "rename" in out
    status, out, _ = tacit("labels", "describe", "gold.csv", "--json")
    assert [pair["name"] for pair in json.loads(out)["findings"][0]["alike"]] == ["Dog", "catt"]


def test_the_labels_of_an_export_of_texts_are_written_under_the_numbers_of_their_tasks(tacit: Told) -> None:
    def says(who: int, what: str) -> dict[str, object]:
        value = {"type": "choices", "from_name": "mood", "to_name": "text", "value": {"choices": [what]}}
        return {"completed_by": who, "result": [value]}

    moods = {41: ("glad", "glad"), 42: ("sad", "sad"), 43: ("glad", "glad")}
    tasks = [
        {"id": number, "data": {"text": "well, well"}, "annotations": [says(k, mood) for k, mood in enumerate(both)]}
        for number, both in moods.items()
    ]
    Path("export.json").write_text(json.dumps(tasks))
    status, _, err = tacit("labels", "aggregate", "export.json", "--method", "majority", "--out", "all.csv")
    assert status == 0, err
    found = [(row["id"], row["label"]) for row in rows(Path("all.csv"))]
    assert found == [("41", "glad"), ("42", "sad"), ("43", "glad")]


def as_lines(path: Path, id: str) -> None:
    """The annotators' columns of a table as ``long.csv``, a line a vote."""
    table = rows(path)
    lines = [f"{row[id]},{name},{row[name]}" for name in VOTERS for row in table]
    Path("long.csv").write_text("\n".join(["task,worker,label", *lines]) + "\n")


def test_annotators_columns_of_a_wide_table_are_described_as_the_same_votes_in_lines(
    tacit: Told, wine: tuple[Path, np.ndarray]
) -> None:
    as_lines(wine[0], "id")
    found = []
    for words in (("wine.csv", "--votes", "anna,ben", "--votes", "cem", "--id", "id"), ("long.csv",)):
        status, out, err = tacit("labels", "describe", *words, "--json")
        assert status == 0, err
        found.append(json.loads(out))
    assert found[0] | {"file": ""} == found[1] | {"file": ""}


def test_annotators_columns_of_a_wide_table_are_aggregated_under_the_ids_of_their_column(
    tacit: Told, wine: tuple[Path, np.ndarray]
) -> None:
    table = wine[0].read_text().replace("id,sugar", "bottle,sugar", 1)
    Path("cellar.csv").write_text(table)
    as_lines(Path("cellar.csv"), "bottle")
    words = ("labels", "aggregate", "cellar.csv", "--votes", ",".join(VOTERS))
    for more, out, said in (
        (("--id", "bottle"), "named.csv", "named as in cellar.csv"),
        ((), "rows.csv", "named by position"),
    ):
        status, told, err = tacit(*words, *more, "--out", out)
        assert status == 0, err
        assert said in told
    status, _, err = tacit("labels", "aggregate", "long.csv", "--out", "lines.csv")
    assert status == 0, err
    named, counted = rows(Path("named.csv")), rows(Path("rows.csv"))
    assert named == rows(Path("lines.csv"))
    place = {row["bottle"]: str(i) for i, row in enumerate(rows(Path("cellar.csv")))}
    assert [row["id"] for row in counted] == [place[row["id"]] for row in named], "row numbers, as in a fit"


def test_a_column_of_ids_that_repeats_one_names_nothing_and_that_is_said(tacit: Told) -> None:
    Path("twice.csv").write_text("id,anna,ben\na,x,y\na,y,y\n")
    status, out, err = tacit("labels", "aggregate", "twice.csv", "--votes", "anna,ben", "--out", "o.csv")
    assert status == 0, err
    assert "named by position, 0, 1 and so on" in out
    assert [row["id"] for row in rows(Path("o.csv"))] == ["0", "1"]
    Path("once.csv").write_text("id,anna,ben\na,x,y\nb,y,y\n")
    status, out, err = tacit("labels", "aggregate", "once.csv", "--votes", "anna,ben", "--out", "o.csv")
    assert "named as in once.csv" in out, err


def test_a_table_of_nothing_but_votes_is_described(tacit: Told) -> None:
    Path("only.csv").write_text("anna,ben\nx,y\ny,\n")
    status, out, err = tacit("labels", "describe", "only.csv", "--votes", "anna,ben")
    assert status == 0, err
    assert "3 votes of 2 sources" in out


def test_the_column_of_ids_of_the_data_that_labels_speak_of(tacit: Told, votes: Path) -> None:
    Path("data.csv").write_text("key,size\na,1\nb,2\nc,4\n")
    status, out, err = tacit("labels", "describe", votes, "--data", "data.csv", "--id", "key")
    assert status == 0, err
    assert "on 2 of 3 records" in out


@pytest.mark.parametrize("method", ["tacit", "majority", "one-coin", "dawid-skene"])
def test_aggregate(tacit: Told, votes: Path, method: str) -> None:
    status, out, err = tacit("labels", "aggregate", votes, "--method", method, "--out", "all.csv")
    assert status == 0, err
    assert "2 labels" in out
    found = rows(Path("all.csv"))
    assert [(row["id"], row["label"]) for row in found] == [("a", "x"), ("b", "y")]
    assert all(abs(float(row["p_x"]) + float(row["p_y"]) - 1) < 1e-9 for row in found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("labels", "aggregate", "gold.csv"), "no votes to aggregate"),
        (("labels", "aggregate", "votes.csv", "--method", "majorty"), "majority"),
        (("labels", "aggregate", "votes.csv", "--out", "votes.csv"), "the data itself"),
        (("labels", "describe", "missing.csv"), "missing.csv"),
        (("labels", "describe", "votes.csv", "--kind", "vote"), "votes"),
        (("labels", "describe", "votes.csv", "--data", "wine.csv"), "no record has the id"),
        (("labels", "describe", "wine.csv"), "--votes"),
        (("labels", "describe", "wine.csv", "--votes", "anna,benn"), "Did you mean 'ben'"),
        (("labels", "describe", "wine.csv", "--votes", "anna,ben", "--id", "idd"), "Did you mean 'id'"),
        (("labels", "describe", "wine.csv", "--votes", "anna,ben", "--id", "ben"), "votes too"),
        (("labels", "describe", "wine.csv", "--votes", "anna,anna"), "twice"),
        (("labels", "describe", "wine.csv", "--votes", "anna,ben", "--kind", "votes"), "--kind"),
        (("labels", "aggregate", "wine.csv", "--votes", "anna,ben", "--data", "wine.csv"), "--data"),
        (("labels", "aggregate", "wine.csv", "--votes", "anna,ben", "--bag", "sugar"), "--bag"),
        (("labels", "describe", "votes.csv", "--votes", "label", "--id", "task"), "twice"),
        (("labels", "describe", "votes.csv", "--id", "task"), "--votes"),
        (("labels", "describe", ".", "--votes", "anna"), "no table"),
        (("fit", "wine.csv", "--id", "anna", "--votes", "anna,ben"), "votes too"),
        (("fit", "wine.csv", "--id", "id", "--votes", "anna,bob"), "bob"),
        (("fit", "wine.csv", "--id", "id", "--kind", "votes", "--votes", "anna"), "--labels"),
        (("fit", "wine.csv", "--id", "id", "--votes", "anna", "--noisy"), "--noisy"),
        (("fit", "wine.csv", "--id", "id", "--votes", ","), "names no column"),
        (("fit", "wine.csv", "--id", "id", "--votes", "anna,anna"), "twice"),
        (("fit", "wine.csv", "--id", "id", "--votes", "anna,ben", "--target", "anna"), "a voter too"),
        (("fit", "wine.csv", "--id", "id", "--labels", "pairs.csv"), "classes"),
        (("fit", "wine.csv", "--id", "id", "--target", "sugar", "--task", "regression", "--votes", "anna"), "class"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tacit: Told, wine: tuple[Path, np.ndarray], votes: Path, words: tuple[str, ...], said: str
) -> None:
    Path("gold.csv").write_text("id,label\na,x\nb,y\n")
    Path("pairs.csv").write_text("first,second,same\nw0,w2,1\n")
    status, out, err = tacit(*words)
    assert status == 2
    assert out == ""
    assert said in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: ")
    assert not Path("wine-run").exists() and not Path("wine-run.partial").exists()
