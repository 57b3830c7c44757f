"""Bad input to ``fit``: one clear error that says what to do, and no half-written run folder; or a stated fallback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.naive_bayes import GaussianNB

import tacit
from tacit.compare.plan import Budget
from tacit.data.records import Records
from tacit.errors import InputError, Interrupted, TacitError
from tacit.labels import Exact, Noisy, Values
from tacit.run import Run
from tacit.train.watch import Watch

QUICK: dict[str, Any] = {"methods": [], "budget": "1step", "device": "cpu"}
"""Baselines on features alone."""


class Said(Watch):
    """Keeps what people were told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def rows(fresh: Callable[..., Any]) -> Any:
    return fresh("table", 36)[0]


@pytest.fixture
def records(rows: Any) -> Records:
    return tacit.read(rows)


@pytest.fixture
def known() -> list[str | None]:
    """Half of the labels."""
    return [f"class {i % 3}" if i < 18 else None for i in range(36)]


def refused(message: str, out: Path, *arguments: Any, **settings: Any) -> None:
    """``fit`` raises an `InputError` of this message, and the folder of ``out`` holds what it held before."""
    before = sorted(out.parent.rglob("*")) if out.parent.is_dir() else []
    with pytest.raises(InputError, match=message) as caught:
        tacit.fit(*arguments, **{**QUICK, "out": out, **settings})
    assert "\n" not in str(caught.value), "one sentence or two, no traceback"
    after = sorted(out.parent.rglob("*")) if out.parent.is_dir() else []
    assert after == before, "nothing half written is left"


def test_labels_for_ids_that_do_not_exist(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n0,a\n1,b\n99,a\n", encoding="utf-8")
    refused(r"labels.csv.*no record has the id '99' \(row 4", tmp_path / "run", records, path)


def test_a_label_file_that_does_not_exist(records: Records, tmp_path: Path) -> None:
    refused("absent.csv", tmp_path / "run", records, tmp_path / "absent.csv")


def test_rows_of_labels_that_contradict(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n0,a\n1,b\n0,b\n", encoding="utf-8")
    refused("row 2.*row 4.*different labels", tmp_path / "run", records, path)


def test_one_class_only(records: Records, tmp_path: Path) -> None:
    refused("all 3 labels are of one class, 'a'", tmp_path / "run", records, ["a"] * 3 + [None] * 33)


def test_no_label_points_to_embedding(records: Records, tmp_path: Path) -> None:
    refused("no record has a label.*tacit embed", tmp_path / "run", records, [None] * 36)


def test_no_labels_at_all_say_where_to_put_them(records: Records, tmp_path: Path) -> None:
    refused("no labels were given: name a file.*tacit embed", tmp_path / "run", records)


def test_a_number_of_labels_that_is_not_that_of_the_records(records: Records, tmp_path: Path) -> None:
    refused("there are 2 labels for 36 records", tmp_path / "run", records, ["a", "b"])


def test_labels_of_two_columns(records: Records, tmp_path: Path) -> None:
    refused(r"labels have shape \(36, 2\)", tmp_path / "run", records, np.zeros((36, 2), dtype=int))


def test_a_numeric_target_asks_what_it_is(fresh: Callable[..., Any], tmp_path: Path) -> None:
    rows, _ = fresh("table", 150)
    message = "holds 150 different numbers: is it a number to predict or are they classes"
    refused(message, tmp_path / "run", rows, np.linspace(0, 1, 150))


def test_an_infinite_target(records: Records, tmp_path: Path) -> None:
    target = [0.5 * i for i in range(36)]
    target[7] = float("inf")
    for task in (None, "regression"):
        refused("record 7 has an infinite value", tmp_path / "run", records, target, task=task)


def test_words_among_numbers_to_predict(records: Records, tmp_path: Path) -> None:
    target = [*range(35), "tall"]
    refused(
        "record 35 has the value 'tall', which is not a number", tmp_path / "run", records, target, task="regression"
    )


def test_records_that_do_not_exist(tmp_path: Path) -> None:
    refused("photos", tmp_path / "run", tmp_path / "photos", ["a"])


def test_no_records(tmp_path: Path) -> None:
    refused("no records", tmp_path / "run", [], [])


def test_unknown_method(records: Records, known: Any, tmp_path: Path) -> None:
    message = "unknown method 'fixmtach'. Did you mean 'fixmatch'"
    refused(message, tmp_path / "run", records, known, methods=["fixmtach"])


@pytest.mark.parametrize(("task", "word"), [("number", "regression"), ("classification", "classes")])
def test_a_kind_of_task_by_another_word(records: Records, known: Any, tmp_path: Path, task: Any, word: str) -> None:
    refused(f"unknown task '{task}'. Did you mean '{word}'", tmp_path / "run", records, known, task=task)


def test_a_baseline_of_another_modality(records: Records, known: Any, tmp_path: Path) -> None:
    message = "tfidf-logistic does not work on table for classes"
    refused(message, tmp_path / "run", records, known, methods=["tfidf-logistic"])


def test_a_method_of_another_modality(records: Records, known: Any, tmp_path: Path) -> None:
    refused("rotation works on image for .*not on table", tmp_path / "run", records, known, methods=["rotation"])


def test_a_method_that_is_none(records: Records, known: Any, tmp_path: Path) -> None:
    refused("3 is no method", tmp_path / "run", records, known, methods=[3])


@pytest.mark.parametrize(
    ("modality", "encoder", "message"),
    [
        ("table", "transfomer", "unknown table encoder 'transfomer'. Did you mean 'transformer'"),
        ("image", "resnet1O", "resnet1"),
        ("text", "minlm", "minilm"),
    ],
)
def test_unknown_encoder(fresh: Callable[..., Any], tmp_path: Path, modality: str, encoder: str, message: str) -> None:
    raw, y = fresh(modality, 12)
    refused(message, tmp_path / "run", raw, y, encoder=encoder)


def test_unknown_metric(records: Records, known: Any, tmp_path: Path) -> None:
    refused("unknown metric 'accurcy'. Did you mean 'accuracy'", tmp_path / "run", records, known, metric="accurcy")
    refused("metric 'r2' does not judge classes", tmp_path / "run", records, known, metric="r2")


def test_unknown_modality(rows: Any, known: Any, tmp_path: Path) -> None:
    refused("unknown modality 'tabel'. Did you mean 'table'", tmp_path / "run", rows, known, modality="tabel")
    refused("not of modality 'image'|table, not image", tmp_path / "run", tacit.read(rows), known, modality="image")


def test_unknown_view_option(fresh: Callable[..., Any], tmp_path: Path) -> None:
    raw, y = fresh("image", 12)
    refused("flipp", tmp_path / "run", raw, y, views={"flipp": True})


def test_unknown_and_absent_device(records: Records, known: Any, tmp_path: Path) -> None:
    refused("unknown device 'tpu'", tmp_path / "run", records, known, device="tpu")
    if not torch.cuda.is_available():
        refused("a GPU was asked for and there is none", tmp_path / "run", records, known, device="gpu")


@pytest.mark.parametrize(
    ("budget", "message"),
    [("2s", "too short for one candidate"), ("soon", "cannot read the budget 'soon'"), ("0steps", "has no step")],
)
def test_a_budget_that_is_none(records: Records, known: Any, tmp_path: Path, budget: str, message: str) -> None:
    refused(message, tmp_path / "run", records, known, budget=budget)


def test_a_negative_seed(records: Records, known: Any, tmp_path: Path) -> None:
    refused("the seed is -1", tmp_path / "run", records, known, seed=-1)


def test_groups_that_do_not_fit(records: Records, known: Any, tmp_path: Path) -> None:
    refused("there are 3 groups for 36 records", tmp_path / "run", records, known, groups=["a", "b", "c"])
    refused("all labelled records are in one group", tmp_path / "run", records, known, groups=["a"] * 36)


def test_a_plan_that_is_none(records: Records, known: Any, tmp_path: Path) -> None:
    refused("no plan at", tmp_path / "run", records, known, plan=tmp_path / "plan.json")
    path = tmp_path / "plan.json"
    path.write_text("{not json", encoding="utf-8")
    refused("is no JSON", tmp_path / "run", records, known, plan=path)
    path.write_text('{"format": 1}', encoding="utf-8")
    refused("this is no plan of tacit", tmp_path / "run", records, known, plan=path)


def test_an_output_folder_that_is_no_run(records: Records, known: Any, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", encoding="utf-8")
    refused("mine exists and is no run of tacit; name another --out", out, records, known)
    refused("mine exists and is no run of tacit", out, records, known, resume=True)
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_partial_folder_that_is_no_run(records: Records, known: Any, tmp_path: Path) -> None:
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "thesis.txt").write_text("x", encoding="utf-8")
    refused("is no unfinished run of tacit", tmp_path / "run", records, known)


def test_a_run_that_is_there_already(records: Records, known: Any, tmp_path: Path) -> None:
    first = tacit.fit(records, known, out=tmp_path / "run", **QUICK)
    refused("holds a run already", tmp_path / "run", records, known)
    again = tacit.fit(records, known, out=tmp_path / "run", resume=True, **QUICK)
    assert again.leaderboard == first.leaderboard, "a finished run is what a resume finds"


def test_read_only_output(records: Records, known: Any, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    if os.geteuid() == 0:  # the superuser may write everywhere but where the kernel keeps its own
        closed = Path("/proc/sys/user")
    refused("cannot write", closed / "tacit-run", records, known)


def test_output_below_a_file(records: Records, known: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    refused("cannot write", tmp_path / "file" / "run", records, known)


def test_nothing_to_resume(records: Records, known: Any, tmp_path: Path) -> None:
    refused(
        "there is no unfinished run at .*run.partial; leave out --resume", tmp_path / "run", records, known, resume=True
    )
    with pytest.raises(InputError, match="nothing to resume without an output folder"):
        tacit.fit(records, known, resume=True, **QUICK)


class Stop(Watch):
    """Asks for a stop as soon as anything is said."""

    def say(self, message: str) -> None:
        self.interrupted = True


def test_a_resume_of_another_run(records: Records, known: Any, tmp_path: Path, fresh: Callable[..., Any]) -> None:
    out = tmp_path / "run"
    with pytest.raises(TacitError, match="interrupted"):
        tacit.fit(records, known, out=out, watch=Stop(), **QUICK)
    assert (tmp_path / "run.partial").is_dir(), "an interrupted run waits to be resumed"
    refused("the seed differs from", out, records, known, resume=True, seed=1)
    refused("the labels differ from", out, records, [*known[:17], None, *known[18:]], resume=True)
    refused("the data and the labels differ", out, fresh("table", 30, 4)[0], known[:30], resume=True)
    assert isinstance(tacit.fit(records, known, out=out, resume=True, **QUICK), Run)


class StopLater(Watch):
    """Asks for a stop once a candidate is done."""

    def compared(self, candidate: str, score: float, metric: str, seconds: float) -> None:
        self.interrupted = True


def test_an_unfinished_run_is_begun_anew_only_where_nothing_is_lost(
    records: Records, known: Any, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(Interrupted):
        tacit.fit(records, known, out=out, watch=Stop(), **QUICK)
    with pytest.raises(Interrupted):  # nothing was finished, so other labels may begin it anew
        tacit.fit(records, [*known[:17], None, *known[18:]], out=out, watch=StopLater(), **QUICK)
    refused(r"run.partial holds an unfinished run; go on with it \(--resume\)", out, records, known)
    refused("an unfinished run", out, tmp_path / "data that is not even looked for", known)
    tacit.fit(records, [*known[:17], None, *known[18:]], out=out, resume=True, **QUICK)
    assert not (tmp_path / "run.partial").exists()


def test_test_data_of_another_kind_or_with_other_classes(
    records: Records, known: Any, tmp_path: Path, fresh: Callable[..., Any]
) -> None:
    rows, _ = fresh("table", 9, 3)
    few = [{"length": 1.0}, {"length": 2.0}]
    refused("'kind'|'noise'|'width'", tmp_path / "run", records, known, test=few, test_labels=["class 0"] * 2)
    strange = ["class 0"] * 8 + ["class 9"]
    refused("record 8 has label 'class 9'", tmp_path / "run", records, known, test=rows, test_labels=strange)


def test_further_data_of_another_kind(records: Records, known: Any, tmp_path: Path) -> None:
    refused("texts", tmp_path / "run", records, known, unlabelled=["a text", "and another"])


def test_no_baseline_that_works_leaves_nothing(
    records: Records, known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tacit.api.on_features", lambda bench: [])
    refused("no baseline could be fitted", tmp_path / "run", records, known, methods=[GaussianNB()])


def board(run: Run) -> dict[str, Any]:
    return {line["candidate"]: line for line in run.leaderboard}


def test_one_label_in_a_class_goes_on(records: Records, tmp_path: Path) -> None:
    labels = [["a", "b"][i % 2] if i < 20 else "rare" if i == 20 else None for i in range(36)]
    run = tacit.fit(records, labels, out=tmp_path / "run", **QUICK)
    assert run.verdict["held_out"] == 20
    assert any("1 of 21 labelled records could not be held out" in note for note in run.info["notes"])
    assert run.info["task"]["names"] == ["a", "b", "rare"]


def test_one_label_in_every_class_goes_on_by_the_prior(records: Records) -> None:
    watch = Said()
    run = tacit.fit(records, ["a", "b", "c"] + [None] * 33, watch=watch, **QUICK)
    assert run.verdict["word"] == "no evidence of your own; expected from other data"
    assert any("no class has two labels" in line for line in watch.lines)
    assert len(run.model.predict(records)) == 36


def test_everything_labelled_goes_on(records: Records) -> None:
    run = tacit.fit(records, [f"class {i % 3}" for i in range(36)], methods=["fixmatch"], budget="4steps", device="cpu")
    assert run.info["data"]["labelled"] == 36
    assert board(run)["fixmatch"]["status"] == "ok"


def test_constant_and_missing_columns_go_on(rows: Any, known: Any) -> None:
    for i, row in enumerate(rows):
        row["constant"] = 1.0
        row["mostly missing"] = 1.5 * i if i < 2 else None
    run = tacit.fit(rows, known, **QUICK)
    assert run.verdict["held_out"] == 18


def test_a_candidate_that_fails_or_is_too_slow_goes_on(records: Records, known: Any, tmp_path: Path) -> None:
    def broken(records: Any, labels: Any, rng: Any) -> Any:
        raise RuntimeError("no luck")

    run = tacit.fit(records, known, methods=[broken, GaussianNB()], budget="1step", device="cpu", out=tmp_path / "run")
    lines = board(run)
    assert lines["broken"]["status"] == "failed" and "no luck" in lines["broken"]["note"]
    assert lines["gaussiannb"]["status"] == "ok"
    assert "broken failed and was left out: broken raised RuntimeError: no luck" in run.info["notes"]
    late = tacit.fit(records, known, methods=["simclrv2"], budget="5s", device="cpu", clock=False)
    skipped = [line for line in late.leaderboard if line["status"] == "skipped"]
    assert all("fewer than 20 steps" in line["note"] for line in skipped)


def test_a_callable_that_wins_is_not_deployed_into_a_folder(records: Records, tmp_path: Path) -> None:
    truth = {id_: i % 3 for i, id_ in enumerate(records.ids)}

    def oracle(records: Any, labels: Any, rng: Any) -> Any:
        return lambda new: np.eye(3)[[truth[i] for i in new.ids]]

    # labels that no feature tells, so that nothing else comes near
    order = np.random.default_rng(0).permutation(36)
    shuffled = tacit.read([records[int(i)] for i in order])
    labels = [f"class {i % 3}" for i in range(36)]
    inside = tacit.fit(shuffled, labels, **{**QUICK, "methods": [oracle]})
    assert (inside.verdict["word"], inside.verdict["deployed"]) == ("helped", "oracle")
    run = tacit.fit(shuffled, labels, out=tmp_path / "run", **{**QUICK, "methods": [oracle]})
    assert (run.verdict["word"], run.verdict["candidate"]) == ("helped", "oracle")
    assert run.verdict["deployed"] == run.verdict["reference"]
    assert "cannot be saved" in run.verdict["sentence"]
    assert tacit.Model.load(tmp_path / "run" / "model").candidate == run.verdict["reference"]


def test_names_with_markup_and_newlines_go_through_to_a_page_that_escapes_them(
    records: Records, tmp_path: Path
) -> None:
    names = ["<script>alert('a')</script>", "two\nlines", 'a "quote", & <b>bold']
    labels = [names[i % 3] if i < 18 else None for i in range(36)]
    run = tacit.fit(records, labels, out=tmp_path / "run", **QUICK)
    assert run.info["task"]["names"] == sorted(names)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "<b>bold" not in page
    assert "alert(" in page, "the name is shown"
    again = Run.load(tmp_path / "run")
    assert again.info["task"]["names"] == sorted(names)
    assert set(again.model.task.to_json()["names"]) == set(names)


def test_a_plan_of_other_data_is_followed_and_said(records: Records, known: Any, fresh: Callable[..., Any]) -> None:
    watch = Said()
    first = tacit.fit(records, known, **QUICK)
    rows, _ = fresh("table", 36, 8)
    second = tacit.fit(rows, known, plan=first.plan, watch=watch, device="cpu")
    assert any("made for other data" in line for line in watch.lines)
    assert second.plan.seed == first.plan.seed


def test_folders_that_are_no_run_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no run at"):
        Run.load(tmp_path / "absent")
    with pytest.raises(InputError, match="is no run of tacit"):
        Run.load(tmp_path)
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"run.json cannot be read"):
        Run.load(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(InputError, match="no plan at"):
        Run.load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": "1s"}, "too short"),
        ({"seed": -1}, "the seed is -1"),
        ({"task": "number"}, "Did you mean 'regression'"),
        ({"methods": ["fixmtach"]}, "Did you mean 'fixmatch'"),
        ({"resume": True}, "nothing to resume without"),
    ],
)
def test_what_costs_nothing_is_checked_before_data_is_read(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        tacit.fit(tmp_path / "absent", **settings)


def test_budgets_are_read_to_seconds() -> None:
    assert Budget.parse("5s").seconds == 5


def test_labels_of_a_kind_of_their_own_are_taken_as_given(records: Records) -> None:
    run = tacit.fit(records, Exact([i % 2 if i < 12 else -1 for i in range(36)], ["no", "yes"]), **QUICK)
    assert run.info["task"] == {"kind": "classes", "names": ["no", "yes"]}


def test_a_candidate_that_fails_on_weak_evidence_in_memory_is_in_the_notes(records: Records) -> None:
    def broken(records: Any, labels: Any, rng: Any) -> Any:
        raise RuntimeError("no luck with noise")

    labels = Noisy(np.array([i % 3 if i < 18 else -1 for i in range(36)]), "estimate", ["a", "b", "c"])
    run = tacit.fit(records, labels, methods=[broken], budget="1step", device="cpu")
    assert run.folder is None
    (note,) = [note for note in run.info["notes"] if "broken" in note]
    assert "failed and was left out" in note and "no luck with noise" in note


@pytest.mark.parametrize("groups", [3, "abc", 2.5])
def test_groups_that_are_no_list_are_refused(records: Records, known: Any, tmp_path: Path, groups: Any) -> None:
    refused("give a list with the name of a group for every record", tmp_path / "run", records, known, groups=groups)


def test_evidence_of_another_task_than_the_one_asked_for_is_refused(records: Records, tmp_path: Path) -> None:
    exact, numbers = Exact(np.arange(36) % 3, ["a", "b", "c"]), Values(np.arange(36.0))
    refused("they are of classes, not for --task regression", tmp_path / "run", records, exact, task="regression")
    refused("they are of numbers, not for --task classes", tmp_path / "run", records, numbers, task="classes")
    names = [f"class {i % 3}" for i in range(36)]
    refused("the labels are names, such as 'class 0'", tmp_path / "run", records, names, task="regression")
    refused("record 1 has the value 'x'", tmp_path / "run", records, [1.5, "x", *names[2:]], task="regression")
