"""The command line: what it writes, says and returns, on tiny data."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from rich.console import Console

from tacit import Run
from tacit.cli import main
from tacit.cli.demo import digits
from tacit.cli.fit import default_out
from tacit.cli.progress import Lines, Live

Told = Callable[..., tuple[int, str, str]]
HEADS = ("--method", "logistic")
"""Baselines on features alone: seconds, and no network."""


pytestmark = pytest.mark.usefixtures("in_own_folder")


@pytest.fixture
def table(tmp_path: Path, fresh: Any) -> Path:
    """48 rows with a column kind, of which 24 are labelled."""
    rows, y = fresh("table", 48)
    frame = pd.DataFrame(rows).drop(columns="kind")
    frame["sort"] = [f"s{c}" if i < 24 else None for i, c in enumerate(y)]
    path = tmp_path / "flowers.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def photos(tmp_path: Path, fresh: Any) -> Path:
    """30 images in one folder, and beside it labels of 18."""
    pixels, y = fresh("image", 30)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{i:02}.png")
    lines = [f"{i:02}.png,c{y[i]}" for i in range(18)]
    (tmp_path / "labels.csv").write_text("\n".join(["id,label", *lines]))
    return folder


def test_fit_says_what_it_found_and_what_comes_next(tacit: Told, table: Path) -> None:
    status, out, err = tacit("fit", table, "--target", "sort", *HEADS)
    assert status == 0
    assert "48 rows of flowers.csv" in err
    assert "24 of 48 records" in err
    assert err.count("48 rows of flowers.csv") == 1, "said once"
    for expected in ("boosted-trees", "held-out accuracy", "deployed", "report: flowers-run/report.html"):
        assert expected in out
    assert re.search(r"^logistic: held-out accuracy \d+\.\d %, < 1 s$", err, re.M), "a line for each candidate"
    assert "difference" not in err and "helped" not in err and "hurt" not in err, "the verdict is said once, at the end"
    assert "tacit predict flowers-run NEW_FILES" in out
    run = Run.load("flowers-run")
    assert run.verdict["sentence"].split(".")[0] in " ".join(out.split())
    assert run.info["command"] == f"tacit fit {table} --target sort --method logistic"
    assert Path("flowers-run/report.html").stat().st_size > 1000
    assert not Path("flowers-run.partial").exists()


def test_json_is_all_of_stdout(tacit: Told, table: Path) -> None:
    status, out, err = tacit("fit", table, "--target", "sort", *HEADS, "--json", "--out", "there")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["run"] == "there"
    assert {line["candidate"] for line in found["leaderboard"]} >= {"logistic", "boosted-trees"}


def test_predict_gives_the_models_own_predictions(tacit: Told, table: Path) -> None:
    tacit("fit", table, "--target", "sort", *HEADS, "--json")
    frame = pd.read_csv(table)
    frame.drop(columns="sort").to_csv("bare.csv", index=False)
    frame.assign(extra="x").to_csv("more.csv", index=False)
    frame.iloc[[5]].to_csv("one.csv", index=False)
    expected = pq.read_table("flowers-run/predictions.parquet").to_pylist()
    for source in ("flowers.csv", "bare.csv", "more.csv"):
        status, out, _ = tacit("predict", "flowers-run", source, "--json", "--out", "p.csv")
        assert status == 0
        assert json.loads(out)["records"] == 48
        _same(_rows("p.csv"), expected)
    assert tacit("predict", "flowers-run", "one.csv", "--out", "one-p.csv")[0] == 0
    _same(_rows("one-p.csv"), expected[5:6])


def _rows(path: str, delimiter: str = ",") -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def _same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one["label"] == other["label"]
        for name in ("doubt", "p_s0", "p_s1", "p_s2"):
            assert float(one[name]) == pytest.approx(other[name], abs=1e-5)
        assert sum(float(one[f"p_s{c}"]) for c in range(3)) == pytest.approx(1, abs=1e-5)


def test_predict_writes_each_format(tacit: Told, table: Path) -> None:
    tacit("fit", table, "--target", "sort", *HEADS, "--json")
    read: dict[str, Callable[[str], list[dict[str, Any]]]] = {
        "csv": _rows,
        "tsv": lambda p: _rows(p, "\t"),
        "jsonl": lambda p: [json.loads(line) for line in Path(p).read_text().splitlines()],
        "parquet": lambda p: pq.read_table(p).to_pylist(),
    }
    labels = []
    for suffix, reader in read.items():
        status, out, _ = tacit("predict", "flowers-run", table, "--out", f"p.{suffix}")
        assert status == 0
        assert "48 predictions by" in out
        labels.append([(str(row["id"]), row["label"]) for row in reader(f"p.{suffix}")])
    assert labels[0] == labels[1] == labels[2] == labels[3]


def test_names_with_commas_and_line_breaks_survive(tacit: Told, fresh: Any) -> None:
    rows, y = fresh("table", 36)
    names = ['plain, "quoted"', "two\nlines", "=1+1"]
    pd.DataFrame(rows).assign(label=[names[c] for c in y]).to_csv("odd.csv", index=False)
    assert tacit("fit", "odd.csv", *HEADS, "--json")[0] == 0
    assert tacit("predict", "odd-run", "odd.csv")[0] == 0
    found = _rows("predictions.csv")
    assert {row["label"] for row in found} == set(names)
    assert [key for key in found[0] if key.startswith("p_")] == [f"p_{name}" for name in sorted(names)]


def test_an_obvious_label_column_is_taken_and_said(tacit: Told, table: Path) -> None:
    pd.read_csv(table).rename(columns={"sort": "Label"}).to_csv("obvious.csv", index=False)
    status, _, err = tacit("fit", "obvious.csv", *HEADS)
    assert status == 0
    assert "labels are taken from the column 'Label'" in err
    assert "Label" not in [c["name"] for c in Run.load("obvious-run").model.schema["columns"]]


def test_images_with_a_file_of_labels(tacit: Told, photos: Path) -> None:
    status, _, err = tacit("fit", photos, "--labels", "labels.csv", *HEADS)
    assert status == 0
    assert "30 images in photos/" in err
    assert "18 of 30 records" in err
    status, out, _ = tacit("predict", "photos-run", photos, "--json")
    assert sum(json.loads(out)["labels"].values()) == 30


def test_class_folders_test_and_unlabelled_data(tacit: Told, fresh: Any) -> None:
    pixels, y = fresh("image", 60)
    for i, image in enumerate(pixels):
        place = Path("train", f"c{y[i]}") if i < 30 else Path("rest") if i < 45 else Path("exam", f"c{y[i]}")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
    status, out, _ = tacit("fit", "train", "--unlabelled", "rest", "--test", "exam", *HEADS, "--out", "run")
    assert status == 0
    assert " test " in out
    info = Run.load("run").info
    assert (info["data"]["records"], info["data"]["labelled"]) == (45, 30)
    deployed = [line for line in info["leaderboard"] if line["deployed"]]
    assert 0.6 < deployed[0]["test"] <= 1.0


def test_texts_groups_and_numbers(tacit: Told, fresh: Any) -> None:
    texts, y = fresh("text", 42)
    frame = pd.DataFrame({"line": texts, "kind": [f"k{c}" for c in y], "author": np.arange(42) // 3})
    frame.to_csv("lines.csv", index=False)
    words = ("--target", "kind", "--group", "author", "--encoder", "tfidf", *HEADS, "--json")
    status, out, _ = tacit("fit", "lines.csv", *words)
    assert status == 0
    assert json.loads(out)["modality"] == "text"
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    pd.DataFrame({"x": x, "z": rng.normal(size=60), "y": 3 * x}).to_csv("numbers.csv", index=False)
    status, _, err = tacit("fit", "numbers.csv", *HEADS)
    assert status == 2
    assert "--task regression or --task classes" in err
    assert tacit("fit", "numbers.csv", "--task", "regression", *HEADS, "--json")[0] == 0
    assert tacit("predict", "numbers-run", "numbers.csv", "--json")[0] == 0
    assert list(_rows("predictions.csv")[0]) == ["id", "value", "scale", "doubt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fit", "flowers.csv"), "Found: length, width, noise, sort. Name it with --target"),
        (("fit", "flower.csv"), "Did you mean 'flowers.csv'?"),
        (("fit", "flowers.csv", "--target", "sorts"), "Did you mean 'sort'?"),
        (("fit", "flowers.csv", "--target", "sort", "--drop", "lenght"), "Did you mean 'length'?"),
        (("fit", "flowers.csv", "--target", "sort", "--method", "fixmach"), "Did you mean 'fixmatch'?"),
        (("fit", "flowers.csv", "--target", "sort", "--metric", "acuracy", *HEADS), "Did you mean 'accuracy'?"),
        (("fit", "flowers.csv", "--target", "sort", "--encoder", "mpl"), "Did you mean 'mlp'?"),
        (("fit", "flowers.csv", "--target", "sort", "--budget", "1s"), "too short for one candidate"),
        (("fit", "flowers.csv", "--target", "sort", "--task", "class"), "Did you mean 'classes'?"),
        (("fit", "flowers.csv", "--target", "sort", "--task", "number"), "Did you mean 'regression'?"),
        (("fit", "flowers.csv", "--target", "sort", "--task", "regression"), "the labels are names, such as"),
        (("fit", "flowers.csv", "--votes", "sort", "--task", "regression"), "--votes are for classes"),
        (("fit", "flowers.csv", "--target", "sort", "--method", "rotation"), "rotation works on image"),
        (("fit", "flowers.csv", "--target", "sort", "--method", "tfidf-logistic"), "does not work on table"),
        (("fit", "flowers.csv", "--target", "sort", "--modality", "tabel"), "Did you mean 'table'?"),
        (("fit", "flowers.csv", "--target", "sort", "--device", "tpu"), "Known are: auto, cpu, gpu"),
        (("fit", "flowers.csv", "--target", "sort", "--plan", "none.json"), "no plan at none.json"),
        (("fit", "flowers.csv", "--target", "sort", "--resume"), "no unfinished run"),
        (("fit", "flowers.csv", "--target", "sort", "--test", "bare.csv", *HEADS), "--test-labels"),
        (("fit", "flowers.csv", "--target", "sort", "--out", "full"), "no run of tacit"),
        (("fit", "photos"), "no labels were given"),
        (("predict", "nowhere", "flowers.csv"), "no run at nowhere"),
        (("predict", "full", "flowers.csv"), "is no run of tacit"),
        (("predict", "full", "flowers.csv", "--out", "p.xlsx"), "known formats are"),
        (("predict", "full", "flowers.csv", "--out", "flowers.csv"), "is the data itself"),
        (("embed", "flowers.csv", "--method", "fixmatch"), "learns from labels"),
        (("embed", "flowers.csv", "--out", "e.csv"), "written as .parquet"),
        (("embed", "flowers.csv", "--budget", "soon"), "cannot read the budget"),
        (("embed", "photos", "--id", "name"), "--id names a column of a table"),
        (("demo", "--budget", "1s"), "too short for one candidate"),
        (("demo", "--out", "full"), "no run of tacit"),
        (("embed", "flowers.csv", "--run", "full", "--method", "simclr"), "exclude each other"),
        (("report", "nowhere"), "no run at nowhere"),
        (("methods", "--modality", "tabel"), "Did you mean 'table'?"),
    ],
)
def test_bad_input_is_one_clear_error(
    tacit: Told, table: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    pd.read_csv(table).drop(columns="sort").to_csv("bare.csv", index=False)
    (tmp_path / "photos").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "photos" / "one.png")
    (tmp_path / "full").mkdir()
    before = sorted(p.name for p in tmp_path.iterdir())
    status, out, err = tacit(*words)
    assert status == 2
    assert out == ""
    assert message in " ".join(err.split())
    assert [line for line in err.splitlines() if line.startswith("error: ")], "said as an error"
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before, "nothing half-written"


def test_a_run_is_never_overwritten(tacit: Told, table: Path) -> None:
    assert tacit("fit", table, "--target", "sort", *HEADS, "--json")[0] == 0
    before = Path("flowers-run/run.json").read_bytes()
    status, _, err = tacit("fit", table, "--target", "sort", *HEADS)
    assert status == 2
    assert "holds a run already" in err
    assert Path("flowers-run/run.json").read_bytes() == before


def test_another_kind_of_data_is_refused(tacit: Told, table: Path, photos: Path) -> None:
    tacit("fit", table, "--target", "sort", *HEADS, "--json")
    status, _, err = tacit("predict", "flowers-run", photos)
    assert status == 2
    assert f"the model in flowers-run was trained on a table, but {photos} holds images" in err
    pd.read_csv(table).drop(columns="width").to_csv("narrow.csv", index=False)
    status, _, err = tacit("predict", "flowers-run", "narrow.csv")
    assert status == 2
    assert "'width'" in err
    assert not Path("predictions.csv").exists()


def test_a_fault_is_told_from_bad_input(tacit: Told, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tacit.api as api

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a screw\nis loose")

    monkeypatch.setattr(api, "fit", broken)
    status, _, err = tacit("fit", table, "--target", "sort")
    assert status == 1
    assert "error: RuntimeError: a screw is loose (a fault of tacit; TACIT_DEBUG=1 shows where)" in err
    monkeypatch.setenv("TACIT_DEBUG", "1")
    with pytest.raises(RuntimeError, match="loose"):
        main(["fit", str(table), "--target", "sort"])


def test_interrupted_runs_resume_to_the_same_end(tacit: Told, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("fit", table, "--target", "sort", "--method", "supervised", "--budget", "6steps", "--out")
    assert tacit(*words, "whole", "--json")[0] == 0
    begin = Lines.begin
    seen = []

    def strike(self: Lines, what: str, steps: int) -> None:
        begin(self, what, steps)
        seen.append(what)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Lines, "begin", strike)
    status, out, err = tacit(*words, "broken")
    assert (status, out) == (130, "")
    assert "stopping after this step" in err
    assert f"go on with: tacit fit {table} --target sort" in err
    assert err.rstrip().endswith("--out broken --resume")
    assert not Path("broken").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    monkeypatch.setattr(Lines, "begin", begin)
    status, out, _ = tacit(*words, "broken", "--resume", "--json")
    assert status == 0
    whole, broken = (Run.load(name) for name in ("whole", "broken"))
    for one, other in zip(whole.leaderboard, broken.leaderboard, strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in other.items() if k != "seconds"}
    assert Path("whole/predictions.parquet").read_bytes() == Path("broken/predictions.parquet").read_bytes()


def test_a_second_interrupt_leaves_at_once(tacit: Told, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def strike(self: Lines, what: str, steps: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Lines, "begin", strike)
    status, _, err = tacit("fit", table, "--target", "sort", "--method", "supervised", "--budget", "6steps")
    assert status == 130
    assert "left at once" in err
    assert "--resume" in err
    assert Path("flowers-run.partial").is_dir()


@pytest.mark.parametrize("command", ["fit", "predict", "embed"])
def test_an_interrupt_before_anything_is_begun_is_one_line(
    tacit: Told, table: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    tacit("fit", table, "--target", "sort", *HEADS, "--out", "run", "--json")

    def strike(*arguments: Any, **more: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    for place in ("tacit.data.read.read", "tacit.data.like.read_like"):
        monkeypatch.setattr(place, strike)
    words = {"fit": (table, "--target", "sort"), "predict": ("run", table), "embed": (table,)}[command]
    before = sorted(p.name for p in Path().iterdir())
    assert tacit(command, *words) == (130, "", "interrupted before anything was written\n")
    assert sorted(p.name for p in Path().iterdir()) == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_unfinished_run_is_not_lost_without_asking(
    tacit: Told, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Lines.begin
    words = ("fit", table, "--target", "sort", "--method", "supervised", "--budget", "6steps")

    def strike(self: Lines, what: str, steps: int) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Lines, "begin", strike)
    assert tacit(*words)[0] == 130
    monkeypatch.setattr(Lines, "begin", begin)
    kept = sorted(Path("flowers-run.partial").rglob("*"))
    status, out, err = tacit(*words)
    assert (status, out) == (2, "")
    assert "flowers-run.partial holds an unfinished run; go on with it (--resume), name another --out, or remove" in err
    assert sorted(Path("flowers-run.partial").rglob("*")) == kept
    assert tacit(*words, "--resume", "--json")[0] == 0


def test_what_costs_nothing_is_checked_before_data_is_read(
    tacit: Told, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.data.read.read", lambda *a, **k: pytest.fail("data was read"))
    Path("full").mkdir()
    for words, message in (
        (("--budget", "soon"), "cannot read the budget 'soon'"),
        (("--out", "full"), "is no run of tacit"),
        (("--method", "fixmach"), "Did you mean 'fixmatch'?"),
        (("--task", "numbers"), "Did you mean 'regression'?"),
        (("--resume",), "no unfinished run"),
    ):
        status, _, err = tacit("fit", table, "--target", "sort", *words)
        assert status == 2
        assert message in err


def test_a_plan_is_followed_again(tacit: Told, table: Path) -> None:
    first = ("fit", table, "--target", "sort", "--method", "supervised", "--budget", "3steps", "--seed", "5")
    assert tacit(*first, "--out", "one", "--json")[0] == 0
    again = ("fit", table, "--target", "sort", "--plan", "one/plan.json", "--out", "two", "--json")
    assert tacit(*again)[0] == 0
    one, two = Run.load("one"), Run.load("two")
    assert one.plan == two.plan
    assert [(x["candidate"], x["score"]) for x in one.leaderboard] == [
        (x["candidate"], x["score"]) for x in two.leaderboard
    ]


def test_report_is_rendered_again_with_previews(tacit: Told, photos: Path) -> None:
    tacit("fit", photos, "--labels", "labels.csv", *HEADS, "--json")
    page = Path("photos-run/report.html")
    page.unlink()
    status, out, _ = tacit("report", "photos-run", "--json")
    assert (status, json.loads(out)["report"]) == (0, "photos-run/report.html")
    bare = page.read_text()
    assert tacit("report", "photos-run", "--data", photos)[0] == 0
    assert page.read_text().count("data:image") > bare.count("data:image")
    whole = page.read_bytes()
    Path("others").mkdir()
    Image.new("L", (8, 8)).save("others/99.png")
    status, _, err = tacit("report", "photos-run", "--data", "others")
    assert (status, err) == (
        2,
        "error: others holds none of the records of photos-run; give the data that it was trained on\n",
    )
    assert page.read_bytes() == whole


def test_embed_without_labels_and_by_a_run(tacit: Told, table: Path) -> None:
    status, out, _ = tacit("embed", table, "--drop", "sort", "--json")
    assert status == 0
    plain = pq.read_table("embeddings.parquet").to_pydict()
    assert json.loads(out)["width"] == len(plain["embedding"][0])
    assert plain["id"] == [str(i) for i in range(48)]
    tacit("fit", table, "--target", "sort", "--method", "supervised", "--budget", "2steps", "--json")
    assert tacit("embed", table, "--run", "flowers-run", "--out", "by.parquet", "--json")[0] == 0
    by_run = np.array(pq.read_table("by.parquet").to_pydict()["embedding"])
    run = Run.load("flowers-run")
    np.testing.assert_allclose(by_run, run.model.embed(_records(table)), atol=1e-5)


def _records(table: Path) -> Any:
    from tacit import read

    return read(table, exclude=("sort",))


def test_embed_says_what_it_writes(tacit: Told, photos: Path) -> None:
    status, out, err = tacit("embed", photos)
    assert status == 0
    assert "network, trained from scratch" not in err
    assert "no pretrained weights are at hand, so plain features are written, made without a network" in err
    assert "to train a network first: --method " in err
    assert "--method rotation or simclr or simclrv2\n" in err, "one name for each network that they leave"
    assert "30 embeddings of 64 numbers, by plain features" in out


def test_embed_trains_what_needs_no_labels(tacit: Told, photos: Path) -> None:
    words = ("embed", photos, "--method", "simclr", "--json", "--out")
    assert tacit(*words, "a.parquet", "--budget", "2steps")[0] == 0
    assert tacit(*words, "b.parquet", "--budget", "2steps")[0] == 0
    assert tacit(*words, "c.parquet", "--budget", "9steps")[0] == 0
    a, b, c = (np.array(pq.read_table(f"{n}.parquet").to_pydict()["embedding"]) for n in "abc")
    assert len(a) == 30
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c)


def test_methods_lists_systems_and_baselines(tacit: Told) -> None:
    status, out, _ = tacit("methods", "--json")
    assert status == 0
    found = {line["name"]: line for line in json.loads(out)["methods"]}
    assert not found["fixmatch"]["baseline"]
    assert found["logistic"]["baseline"]
    assert found["logistic"]["tasks"] == ["classes", "number"]
    assert found["boosted-trees"]["modalities"] == ["table"]
    assert not found["co-training"]["baseline"]
    assert (found["co-training"]["modalities"], found["co-training"]["tasks"]) == (["table"], ["classes"])
    assert found["tfidf-logistic"]["modalities"] == ["text"]
    assert found["readings"]["modalities"] == ["text"] and not found["readings"]["baseline"]
    status, out, _ = tacit("methods", "--modality", "table")
    assert "boosted-trees" in out
    assert "tfidf-logistic" not in out


def test_claims_are_listed_run_and_tabulated(tacit: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    from tacit import claims as package

    listed = json.loads(tacit("claims", "list", "--json")[1])["claims"]
    assert {"simclr", "t-jepa", "sla"} <= {claim["name"] for claim in listed}
    assert "simclr" in tacit("claims", "list")[1]
    asked = []

    def measured(name: str, out: Path | None, watch: Any, seeds: int | None) -> dict[str, str]:
        watch.say("one seed is done")
        asked.append((name, out, seeds))
        return {"name": name, "status": "undecided"}

    monkeypatch.setattr(package, "run_claim", measured)
    assert json.loads(tacit("claims", "run", "simclr", "--json")[1]) == {"name": "simclr", "status": "undecided"}
    _, said, progress = tacit("claims", "run", "simclr", "--seeds", "5")
    assert "simclr: undecided" in said and "one seed is done" in progress
    assert asked == [("simclr", None, None), ("simclr", None, 5)]
    assert "|" in tacit("claims", "table")[1]


def test_an_unknown_claim_suggests_the_nearest(tacit: Told) -> None:
    status, _, told = tacit("claims", "run", "simclrr")
    assert status == 2
    assert "simclr" in told


def test_demo_holds_four_labels_a_class_and_a_fixed_test() -> None:
    images, labels, test, truth = digits(0)
    assert images.shape == (898, 8, 8)
    assert test.shape == (899, 8, 8)
    assert len(truth) == 899
    known = [v for v in labels if v is not None]
    assert [known.count(c) for c in range(10)] == [4] * 10
    other = digits(1)
    np.testing.assert_array_equal(other[2], test)
    assert other[1] != labels


def test_usage_errors_are_typers(tacit: Told) -> None:
    assert tacit("fit")[0] == 2
    assert tacit("nonsense")[0] == 2
    assert tacit("fit", "x", "--seed", "-1")[0] == 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [("photos", "photos-run"), ("a/b.csv", "b-run"), ("a/b.csv.gz", "b-run"), ("a/v1.2", "v1.2-run")],
)
def test_default_out_is_named_after_the_source(source: str, expected: str, tmp_path: Path) -> None:
    place = tmp_path / source
    place.parent.mkdir(exist_ok=True)
    place.touch() if ".csv" in source else place.mkdir()
    assert default_out(str(place)) == Path(expected)


def test_the_display_shows_what_runs_and_the_best_so_far() -> None:
    out = Console(file=io.StringIO(), force_terminal=True, width=160, highlight=False, no_color=True)
    live = Live(out)
    live.say("30 [odd] images")
    live.compared("logistic", 0.5, "accuracy", 0.3)
    live.compared("boosted-trees", 0.4, "accuracy", 4.2)
    live.begin("fixmatch fold 1: train", 40)
    live.advance(10, 2560, {"loss": 1.0})
    live.close()
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    for expected in ("30 [odd] images", "fixmatch fold 1: train", "10/40", "records/s", "best so far: logistic"):
        assert expected in shown
    assert "boosted-trees: held-out accuracy 40.0 %, 4 s" in shown
    assert "best so far: boosted-trees" not in shown


def test_lower_is_better_where_it_is() -> None:
    live = Live(Console(file=io.StringIO(), force_terminal=True, width=160, highlight=False, no_color=True))
    live.compared("logistic", 0.5, "log_loss", 1.0)
    live.compared("boosted-trees", 0.4, "log_loss", 1.0)
    live.begin("x", 1)
    live.close()
    assert "best so far: boosted-trees" in live.out.file.getvalue()  # type: ignore[attr-defined]
