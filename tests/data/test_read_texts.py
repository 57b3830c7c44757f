"""Texts: found by looking in tables, from folders of .txt files and from lists."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tacit.data.read import read

SENTENCES = [
    f"the {animal} sat on a {place} for a while" for animal in ("cat", "dog", "owl") for place in ("mat", "log")
]


def test_one_column_of_free_text_makes_a_file_of_texts(tmp_path) -> None:
    rows = [{"split": "train", "text": s, "label": i % 2} for i, s in enumerate(SENTENCES)]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    for source in (*tmp_path.iterdir(), frame, pl.DataFrame(rows)):
        records = read(source)
        assert records.modality == "text"
        assert records.schema == {"columns": ["text"]}
        assert records.gather() == SENTENCES
        assert records.column("label").tolist() == [0, 1] * 3
        assert "not read: split, label" in records.description


def test_numbers_beside_text_make_a_table_unless_overridden(tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"note": [SENTENCES[i % 6] + f" {i}" for i in range(60)]})
    for name in "abc":
        frame[name] = rng.normal(size=60)
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read(tmp_path / "t.csv")
    assert table.modality == "table"
    assert [entry["name"] for entry in table.schema["left_out"]] == ["note"]
    assert read(tmp_path / "t.csv", modality="text").gather([0]) == [SENTENCES[0] + " 0"]
    assert read(tmp_path / "t.csv", text="note").modality == "text"


def test_short_texts_are_found_when_asked_for(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("y,word\n0,yes\n1,never\n0,perhaps\n")
    assert read(tmp_path / "t.csv").modality == "table"
    assert read(tmp_path / "t.csv", modality="text").gather() == ["yes", "never", "perhaps"]


def test_several_text_columns_are_joined_and_missing_parts_skipped(tmp_path) -> None:
    (tmp_path / "t.csv").write_text('title,body\nA,"one, two"\n,"three\nfour"\nC,\n')
    records = read(tmp_path / "t.csv", text=["title", "body"])
    assert records.gather() == ["A\none, two", "three\nfour", "C"]


def test_excluded_text_is_not_read(tmp_path) -> None:
    frame = pd.DataFrame({"text": SENTENCES, "reviewer_comment": SENTENCES[::-1]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert read(tmp_path / "t.csv", exclude=["reviewer_comment"]).gather() == SENTENCES


def test_folder_of_text_files_with_classes(tmp_path) -> None:
    for name, text in (("spam/1.txt", "buy now"), ("ham/2.txt", "Grüße\n"), ("unknown/3.txt", "")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    records = read(tmp_path)
    assert records.ids == ("ham/2.txt", "spam/1.txt", "unknown/3.txt")
    assert records.gather() == ["Grüße", "buy now", ""]
    assert records.column("folder").tolist() == ["ham", "spam", None]


def test_majority_decides_in_a_folder_of_images_and_texts(tmp_path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.txt").write_text(f"text {i}")
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    assert read(tmp_path).modality == "text"
    assert "ignored: 1 .npy" in read(tmp_path).description


@pytest.mark.parametrize("make", [list, tuple, np.array, pd.Series, pl.Series])
def test_lists_of_strings_are_texts(make) -> None:
    records = read(make(SENTENCES))
    assert records.modality == "text"
    assert records.gather() == SENTENCES
    assert records.ids[:2] == ("0", "1")


def test_missing_text_in_a_list_is_empty() -> None:
    assert read(["a b", None]).gather() == ["a b", ""]


def test_lines_of_a_text_file(tmp_path) -> None:
    (tmp_path / "t.txt").write_text("first line\n\nsecond line\n")
    assert read(tmp_path / "t.txt").gather() == ["first line", "second line"]


def test_a_model_of_one_text_column_reads_another(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "\n".join(SENTENCES))
    (tmp_path / "b.csv").write_text("sentence\n" + "\n".join(SENTENCES))
    schema = read(tmp_path / "a.csv").schema
    assert read(tmp_path / "b.csv").conform(schema).gather() == SENTENCES
    assert read(SENTENCES).conform(schema).gather() == SENTENCES


def test_single_column_text_file_keeps_words_that_elsewhere_mean_missing(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text\nNone\nNA\nyes it is so\n")
    assert read(tmp_path / "a.csv", text="text").gather() == ["None", "NA", "yes it is so"]
