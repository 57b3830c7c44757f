"""``fit`` and the run it leaves: figures that agree with each other and with what is on disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import accuracy_score

import tacit
from tacit.compare.plan import Plan
from tacit.data.prediction import Categorical
from tacit.errors import InputError, Interrupted
from tacit.labels import Exact
from tacit.run import Run
from tacit.runfolder import page_samples, written_date
from tacit.train.watch import Deadline, Watch

NAMES = ["cat", "dog", "owl"]


@pytest.fixture(scope="module")
def finished(fresh: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path, Any]:
    """A run on a table with further unlabelled rows, groups and a test set, with one trained system."""
    out = tmp_path_factory.mktemp("finished") / "run"
    rows, y = fresh("table", 40)
    test, truth = fresh("table", 30, 1)
    run = tacit.fit(
        rows,
        [NAMES[c] if i < 24 else None for i, c in enumerate(y)],
        unlabelled=fresh("table", 12, 2)[0],
        test=test,
        test_labels=[NAMES[c] for c in truth],
        groups=[f"g{i // 2}" for i in range(40)],
        methods=["fixmatch"],
        budget="12steps",
        seed=5,
        out=out,
        device="cpu",
        command="tacit fit rows.csv",
    )
    return run, out, (rows, y, test, truth)


def table(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_folder_holds_what_it_promises(finished: Any) -> None:
    _, out, _ = finished
    assert {p.name for p in out.iterdir()} == {
        "run.json", "plan.json", "oof.parquet", "curves", "predictions.parquet", "map.parquet", "model", "report.html",
    }  # fmt: skip
    assert not list(out.parent.glob("*.partial"))
    for path in out.rglob("*"):
        assert path.suffix not in (".pkl", ".pickle", ".pt", ".joblib")


def test_run_json_is_the_run(finished: Any) -> None:
    run, out, _ = finished
    info = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert info == run.info == Run.load(out).info
    assert (info["seed"], info["modality"], info["metric"], info["higher_is_better"]) == (5, "table", "accuracy", True)
    assert info["data"]["records"] == 52 and info["data"]["labelled"] == 24
    assert info["data"]["test"] == 30, "how many were tested on"
    assert info["command"] == "tacit fit rows.csv"
    assert info["verdict"]["held_out"] == 24
    assert {"python", "torch", "numpy"} <= set(info["versions"])
    assert Run.load(out).plan.to_json() == run.plan.to_json()


def test_leaderboard_agrees_with_the_out_of_fold_predictions(finished: Any) -> None:
    run, out, (_, y, _, _) = finished
    rows = table(out / "oof.parquet")
    order = run.info["task"]["names"]
    for line in run.leaderboard:
        mine = [r for r in rows if r["candidate"] == line["candidate"]]
        assert sorted(int(r["id"]) for r in mine) == list(range(24))
        guess = [order[int(np.argmax(r["log_p"]))] for r in mine]
        assert line["score"] == pytest.approx(accuracy_score([NAMES[y[int(r["id"])]] for r in mine], guess))
        assert all(r["given"] == NAMES[y[int(r["id"])]] for r in mine)
        assert line["low"] <= line["score"] <= line["high"]
    assert sum(line["deployed"] for line in run.leaderboard) == 1
    (deployed,) = [line for line in run.leaderboard if line["deployed"]]
    assert deployed["candidate"] == run.verdict["deployed"]
    reference = next(line for line in run.leaderboard if line["candidate"] == run.verdict["reference"])
    assert reference["baseline"]
    assert reference["score"] == max(line["score"] for line in run.leaderboard if line["baseline"])
    for line in run.leaderboard:
        assert line["gain"] == pytest.approx(line["score"] - reference["score"])


def test_groups_were_never_parted(finished: Any) -> None:
    _, out, _ = finished
    fold = {int(r["id"]): r["fold"] for r in table(out / "oof.parquet")}
    assert all(fold[2 * g] == fold[2 * g + 1] for g in range(12))


def test_predictions_are_the_models_own(finished: Any) -> None:
    run, out, (rows, _, _, _) = finished
    table_rows = table(out / "predictions.parquet")
    assert len(table_rows) == 52 and len({r["id"] for r in table_rows}) == 52
    prediction = Run.load(out).model.predict(tacit.read(rows))
    assert isinstance(prediction, Categorical)
    order = run.info["task"]["names"]
    p = np.array([[r[f"p_{name}"] for name in order] for r in table_rows])
    np.testing.assert_allclose(p[:40], prediction.p, atol=1e-5)
    assert [r["label"] for r in table_rows] == [order[i] for i in p.argmax(axis=1)]
    np.testing.assert_allclose([r["doubt"] for r in table_rows], 1 - p.max(axis=1), atol=1e-6)
    assert [r["split"] for r in table_rows] == ["labelled"] * 24 + ["unlabelled"] * 28


def test_the_test_set_is_judged_for_what_is_deployed_and_its_reference(finished: Any) -> None:
    run, _, (_, _, test, truth) = finished
    lines = {line["candidate"]: line for line in run.leaderboard}
    judged = {name for name, line in lines.items() if line["test"] is not None}
    assert judged == {run.verdict["deployed"], run.verdict["reference"]}
    prediction = run.model.predict(tacit.read(test))
    order = run.info["task"]["names"]
    guess = [order[i] for i in prediction.log_p.argmax(1).tolist()]
    expected = accuracy_score([NAMES[c] for c in truth], guess)
    assert lines[run.verdict["deployed"]]["test"] == pytest.approx(expected)


def test_curves_and_map_are_whole(finished: Any) -> None:
    _, out, _ = finished
    with (out / "curves" / "fixmatch.csv").open(encoding="utf-8", newline="") as file:
        points = list(csv.DictReader(file))
    assert {p["name"] for p in points} == {"train/supervised", "train/unlabelled"}
    assert all(np.isfinite(float(p["value"])) for p in points)
    mapped = table(out / "map.parquet")
    assert {r["id"] for r in mapped} == {r["id"] for r in table(out / "predictions.parquet")}
    assert np.isfinite([[r["x"], r["y"]] for r in mapped]).all()


def test_a_plan_is_followed_to_the_same_figures(finished: Any, fresh: Any) -> None:
    run, out, (rows, y, _, _) = finished
    again = tacit.fit(
        rows,
        [NAMES[c] if i < 24 else None for i, c in enumerate(y)],
        unlabelled=fresh("table", 12, 2)[0],
        groups=[f"g{i // 2}" for i in range(40)],
        plan=out / "plan.json",
        device="cpu",
    )

    def figures(run: Run) -> list[Any]:
        return [{k: v for k, v in line.items() if k not in ("seconds", "test")} for line in run.leaderboard]

    assert figures(again) == figures(run)
    assert again.verdict == run.verdict
    new = tacit.read(fresh("table", 8, 9)[0])
    assert torch.equal(again.model.predict(new).log_p, run.model.predict(new).log_p)  # type: ignore[union-attr]


def test_fit_leaves_global_generators_alone_and_depends_on_its_seed(fresh: Any, global_randomness: None) -> None:
    rows, y = fresh("table", 36)
    labels = [NAMES[c] if i < 18 else None for i, c in enumerate(y)]
    settings: dict[str, Any] = {"methods": ["fixmatch"], "budget": "4steps", "device": "cpu"}
    runs = [tacit.fit(rows, labels, seed=seed, **settings) for seed in (0, np.int64(0), 1)]
    new = tacit.read(fresh("table", 8, 9)[0])
    first, again = (r.model.predict(new).log_p for r in runs[:2])  # type: ignore[union-attr]
    assert torch.equal(first, again)
    figures = [[(line["score"], line["low"], line["gain"]) for line in run.leaderboard] for run in runs]
    assert figures[0] == figures[1] != figures[2]


class Stop(Watch):
    """Asks for a stop at the first step of a candidate; speed probes have a watch of their own."""

    def begin(self, what: str, steps: int) -> None:
        self.interrupted = True


def test_estimators_plan_from_shapes_and_not_from_a_clock(fresh: Any, tmp_path: Path) -> None:
    rows, y = fresh("table", 36)
    labels = [NAMES[c] if i < 18 else None for i, c in enumerate(y)]
    plans = []
    for name in ("first", "second"):
        with pytest.raises(Interrupted):
            tacit.fit(
                rows,
                labels,
                methods=["simclr"],
                budget="1m",
                clock=False,
                device="cpu",
                out=tmp_path / name,
                watch=Stop(),
            )
        plans.append(Plan.read(tmp_path / f"{name}.partial" / "plan.json").to_json())
    assert plans[0] == plans[1]
    assert plans[0]["candidates"]["simclr"]["final"][0]["steps"] >= 20


def test_class_order_of_test_labels_plays_no_part(fresh: Any) -> None:
    rows, y = fresh("table", 36)
    test, truth = fresh("table", 12, 1)
    scores = []
    for names in (["0", "1", "2"], ["2", "0", "1"]):
        index = np.array([names.index(str(c)) for c in truth])
        run = tacit.fit(rows, y, test=test, test_labels=Exact(index, names), methods=[], budget="1step", device="cpu")
        scores.append([line["test"] for line in run.leaderboard])
    assert scores[0] == scores[1]


def test_texts_and_images_go_through_too(fresh: Any, tmp_path: Path) -> None:
    for modality in ("image", "text"):
        raw, y = fresh(modality, 30)
        run = tacit.fit(
            raw, np.where(np.arange(30) < 15, y, -1), methods=[], budget="1step", device="cpu",
            encoder="small" if modality == "text" else "auto", out=tmp_path / modality,
        )  # fmt: skip
        assert run.info["modality"] == modality
        assert run.info["data"]["labelled"] == 15, "-1 is unknown"
        assert (tmp_path / modality / "report.html").stat().st_size > 10_000


def test_numbers_are_predicted_with_their_doubt(fresh: Any, tmp_path: Path) -> None:
    rows, y = fresh("table", 40)
    target = np.where(np.arange(40) < 30, 100.0 + 10 * y + 0.1 * np.arange(40), np.nan)
    run = tacit.fit(
        rows, target, task="regression", methods=["fixmatch"], budget="6steps", device="cpu", out=tmp_path / "run"
    )
    assert (run.info["metric"], run.info["task"]["kind"]) == ("r2", "number")
    rows_out = table(tmp_path / "run" / "predictions.parquet")
    assert {"id", "value", "scale", "doubt"} <= set(rows_out[0])
    prediction = run.model.predict(tacit.read(rows))
    np.testing.assert_allclose([r["scale"] for r in rows_out], prediction.log_scale.exp(), rtol=1e-5)  # type: ignore[union-attr]
    assert np.corrcoef([r["value"] for r in rows_out], y)[0, 1] > 0.5
    assert all(r["doubt"] > 0 for r in rows_out)


def test_training_that_the_clock_cut_is_said_once_beside_its_figures(
    fresh: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deadline, "over", property(lambda self: True))
    rows, y = fresh("table", 36)
    labels = [NAMES[c] if i < 18 else None for i, c in enumerate(y)]
    run = tacit.fit(rows, labels, methods=["fixmatch"], budget="60s", device="cpu")
    cut = [line for line in run.leaderboard if line["status"] == "cut"]
    assert cut
    for line in cut:
        assert "train stopped after step 1 of" in line["note"]
        assert "Its figures are those of this shorter training." in line["note"]
        assert ("It is deployed all the same." in line["note"]) == line["deployed"]
    assert not any("stopped after" in note for note in run.info["notes"])
    assert any("stopped after" in entry for entry in run.plan.cuts)


def test_where_only_baselines_ran_no_gain_is_claimed(fresh: Any, tmp_path: Path) -> None:
    images, y = fresh("image", 36)
    for labelled in (18, 3):
        out = tmp_path / str(labelled)
        labels = [NAMES[c] if i < labelled else None for i, c in enumerate(y)]
        tacit.fit(images, labels, methods=["supervised"], budget="2steps", device="cpu", out=out)
        verdict = json.loads((out / "run.json").read_text(encoding="utf-8"))["verdict"]
        assert (verdict["gain"], verdict["low"], verdict["high"]) == (None, None, None)
        assert "Gain over" not in (out / "report.html").read_text(encoding="utf-8")


def test_dates_and_numbers_are_shown_as_people_write_them(tmp_path: Path) -> None:
    lines = [f"{i},2016-02-{i % 28 + 1:02},{i * 1.25},{'ab'[i % 2] if i < 20 else ''}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["nr,since,size,label", *lines]), encoding="utf-8")
    records = tacit.read(tmp_path / "t.csv", exclude=["label"], id="nr")
    (row,) = page_samples(records)(["3"])
    assert row == {"since": "2016-02-04", "size": 3.75}
    assert page_samples(records)(["77", "3"]) == [None, row], "what is not at hand is not shown"
    assert written_date(16832.75) == "2016-02-01 18:00"
    assert written_date(None) is None


def test_several_labels_a_record_go_through(fresh: Any, tmp_path: Path) -> None:
    rows, y = fresh("table", 40)
    both = np.where((np.arange(40) < 24)[:, None], np.stack([y == 0, y != 1], axis=1).astype(int), -1)
    run = tacit.fit(
        rows, Exact(both, ["first", "not second"]), methods=["supervised"], budget="6steps", device="cpu",
        out=tmp_path / "run",
    )  # fmt: skip
    assert {line["status"] for line in run.leaderboard} == {"ok"}
    assert run.info["task"] == {"kind": "multilabel", "names": ["first", "not second"]}
    rows_out = table(tmp_path / "run" / "predictions.parquet")
    assert {"p_first", "p_not second"} <= set(rows_out[0])
    assert all(0 <= r["doubt"] <= 0.5 for r in rows_out)


def test_class_folders_are_labels(tmp_path: Path, fresh: Any) -> None:
    from PIL import Image

    pixels, y = fresh("image", 24)
    for i, (image, c) in enumerate(zip(pixels, y, strict=True)):
        folder = tmp_path / "photos" / (NAMES[c] if i < 15 else "unlabelled")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i}.png")
    run = tacit.fit(tmp_path / "photos", methods=[], budget="1step", device="cpu")
    assert run.info["task"]["names"] == NAMES
    assert run.info["data"]["labelled"] == 15


def test_a_saved_model_alone_is_enough(finished: Any, tmp_path: Path) -> None:
    run, out, (_, _, test, _) = finished
    (out / "model").rename(tmp_path / "elsewhere")
    try:
        model = tacit.Model.load(tmp_path / "elsewhere")
        records = tacit.read(test)
        torch.testing.assert_close(model.predict(records).log_p, run.model.predict(records).log_p)  # type: ignore[union-attr]
        with pytest.raises(InputError, match="holds no model"):
            Run.load(out).model.predict(records)
    finally:
        (tmp_path / "elsewhere").rename(out / "model")
