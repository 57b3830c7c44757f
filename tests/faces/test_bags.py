"""Bags at every face: the command line from a table of rows, and the estimator from a list of arrays."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tacit import Run, TacitClassifier, read

Told = Callable[..., tuple[int, str, str]]
NETWORK = ("--method", "supervised", "--budget", "20steps")

pytestmark = pytest.mark.usefixtures("in_own_folder")


def rows(fresh: Any, labelled: int, seed: int = 0, name: str = "m") -> pd.DataFrame:
    """A row an instance of 48 bags, their order shuffled; the first bags are labelled."""
    bags, y = fresh("set", 48, seed)
    frame = pd.concat(
        pd.DataFrame(bag, columns=list("pqrs")).assign(
            molecule=f"{name}{i}", kind=f"k{c}" if i < labelled else None, made=f"in batch {i} of many {seed}"
        )
        for i, (bag, c) in enumerate(zip(bags, y, strict=True))
    )
    return frame.sample(frac=1.0, random_state=seed)


def test_a_table_of_rows_is_fitted_judged_and_predicted_by_bag(tacit: Told, fresh: Any, tmp_path: Path) -> None:
    rows(fresh, 36).to_csv("molecules.csv", index=False)
    rows(fresh, 48, 1, "test").to_csv("test.csv", index=False)
    rows(fresh, 0, 2, "more").drop(columns="kind").to_csv("more.csv", index=False)
    status, out, err = tacit(
        "fit", "molecules.csv", "--bag", "molecule", "--target", "kind", "--drop", "made", "--test", "test.csv",
        "--unlabelled", "more.csv", *NETWORK,
    )  # fmt: skip
    assert status == 0, err
    assert "48 bags of 3 to 7 instances in molecules.csv (4 columns of numbers; bags by 'molecule'" in err
    assert "exact labels on 36 of 96 records, 3 classes" in err
    run = Run.load(tmp_path / "molecules-run")
    assert run.model.schema["bag"] == "molecule"
    status, out, err = tacit("predict", "molecules-run", "more.csv")
    assert status == 0, err
    with open("predictions.csv", newline="", encoding="utf-8") as file:
        predicted = list(csv.DictReader(file))
    assert sorted(line["id"] for line in predicted) == sorted(f"more{i}" for i in range(48))
    right = [line["label"] == f"k{int(line['id'][4:]) % 3}" for line in predicted]
    assert np.mean(right) > 0.6, "chance is 0.33"
    status, out, err = tacit("embed", "molecules.csv", "--bag", "molecule", "--drop", "kind")
    assert (status, "48 embeddings of 16 numbers" in out) == (0, True)


def test_a_label_file_speaks_of_bags_by_their_names(tacit: Told, fresh: Any) -> None:
    rows(fresh, 0).drop(columns=["kind", "made"]).to_csv("molecules.csv", index=False)
    pd.DataFrame({"id": [f"m{i}" for i in range(30)], "label": ["abc"[i % 3] for i in range(30)]}).to_csv(
        "labels.csv", index=False
    )
    status, _, err = tacit(
        "fit", "molecules.csv", "--bag", "molecule", "--labels", "labels.csv", "--method", "logistic"
    )
    assert status == 0, err
    assert "exact labels on 30 of 48 records, 3 classes" in err
    status, out, err = tacit("labels", "describe", "labels.csv", "--data", "molecules.csv", "--bag", "molecule")
    assert (status, "30 of 48 records" in out) == (0, True), err
    assert "name the data with --data" in tacit("labels", "describe", "labels.csv", "--bag", "molecule")[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bag", "molecules", "--target", "kind"], "no column 'molecules'. Did you mean 'molecule'"),
        (["--modality", "set", "--target", "kind"], "which column of molecules.csv says the bag of a row"),
        (["--bag", "molecule", "--target", "p"], "the column 'p' is"),
        (["--bag", "molecule", "--target", "kind", "--id", "made"], "leave --id out"),
        (["--bag", "molecule", "--target", "kind", "--encoder", "mlp"], "unknown bag encoder 'mlp'"),
    ],
)
def test_what_is_wrong_with_bags_is_one_clear_error(tacit: Told, fresh: Any, words: list[str], message: str) -> None:
    rows(fresh, 36).to_csv("molecules.csv", index=False)
    status, _, err = tacit("fit", "molecules.csv", *words)
    assert status == 2
    assert message in err
    assert "Traceback" not in err


def test_a_model_of_bags_says_which_column_is_missing(tacit: Told, fresh: Any) -> None:
    frame = rows(fresh, 36)
    frame.to_csv("molecules.csv", index=False)
    assert tacit("fit", "molecules.csv", "--bag", "molecule", "--target", "kind", "--method", "logistic")[0] == 0
    frame.drop(columns="q").to_csv("new.csv", index=False)
    status, _, err = tacit("predict", "molecules-run", "new.csv")
    assert status == 2
    assert "new.csv has no column 'q'" in err


def test_the_estimator_takes_a_list_of_arrays(fresh: Any) -> None:
    bags, y = fresh("set", 60)
    known = np.where(np.arange(60) < 45, y, -1)
    model = TacitClassifier(modality="set", methods=["logistic"], budget="5steps", random_state=0).fit(bags, known)
    found = model.predict_proba(bags[45:])
    assert found.shape == (15, 3)
    np.testing.assert_allclose(found, model.run_.model.predict(read(bags[45:], modality="set")).p, atol=1e-6)
    assert (model.predict(bags) == y).mean() > 0.8
