"""More of what a model was made with is read as that was, whatever a few new rows look like by themselves."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tacit.data.like import read_like
from tacit.data.read import read
from tacit.errors import InputError


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def people(path: Path, names: list[str]) -> Path:
    return written(path, [{"who": name, "age": 20 + i, "weight": 50.5 + i % 7} for i, name in enumerate(names)])


def test_ids_come_from_the_column_that_the_first_data_had_them_from(tmp_path: Path) -> None:
    first = read(people(tmp_path / "a.csv", [f"p{i}" for i in range(30)]), id="who")
    assert first.schema["id"] == "who"
    later = people(tmp_path / "b.csv", ["x", "y", "z"])
    assert read_like(later, first.schema, "table").ids == ("x", "y", "z")
    assert read_like(pd.read_csv(later), first.schema, "table").ids == ("x", "y", "z")
    assert read_like(later, first.schema, "table", id="age").ids == ("20", "21", "22"), "unless another is asked for"


def test_ids_that_are_not_there_or_repeat_are_counted_instead(tmp_path: Path) -> None:
    first = read(people(tmp_path / "a.csv", [f"p{i}" for i in range(30)]), id="who")
    twice = people(tmp_path / "b.csv", ["x", "x", "z"])
    assert read_like(twice, first.schema, "table").ids == ("0", "1", "2")
    without = written(tmp_path / "c.csv", [{"age": 30, "weight": 70.5}])
    assert read_like(without, first.schema, "table").ids == ("0",)


def texts(path: Path, column: str, **more: Any) -> Path:
    lines = ["where is the old town", "how far is it to the sea", "who was the first to come here"] * 2
    return written(path, [{"nr": 7 + i, column: f"{line} {i}"} | more for i, line in enumerate(lines)])


def test_texts_are_those_of_the_named_column_and_ids_too(tmp_path: Path) -> None:
    schema = read(texts(tmp_path / "a.csv", "question"), id="nr").schema
    later = texts(tmp_path / "b.csv", "question", answer="a much longer text than any of the questions, and so on")
    found = read_like(later, schema, "text")
    assert found.gather()[0] == "where is the old town 0"
    assert found.ids[:2] == ("7", "8")


def test_a_single_column_of_free_text_may_have_another_name(tmp_path: Path) -> None:
    schema = read(texts(tmp_path / "a.csv", "question")).schema
    assert len(read_like(texts(tmp_path / "b.csv", "ask"), schema, "text")) == 6
    short = written(tmp_path / "c.csv", [{"ask": "yes"}, {"ask": "no"}])
    assert read_like(short, schema, "text").gather() == ["yes", "no"], "there is nothing else it could be"


def test_a_column_that_is_no_text_does_not_stand_for_one(tmp_path: Path) -> None:
    schema = read(texts(tmp_path / "a.csv", "question")).schema
    other = written(tmp_path / "b.csv", [{"since": f"2016-02-{i:02}", "city": "Oslo"} for i in range(1, 9)])
    with pytest.raises(InputError, match=r"b.csv has no column 'question', which the model reads"):
        read_like(other, schema, "text")


def test_image_paths_are_those_of_the_named_column(tmp_path: Path) -> None:
    for name, grey in (("full.png", 200), ("thumb.png", 10)):
        Image.new("L", (6, 6), grey).save(tmp_path / name)
    rows = [{"thumb": "thumb.png", "full": "full.png", "nr": "n1"}]
    listed = written(tmp_path / "list.csv", rows)
    schema = read(listed, path="full", id="nr").schema
    again = read_like(listed, schema, "image")
    assert int(np.asarray(again.gather()[0]).mean()) == 200
    assert again.ids == ("n1",)
