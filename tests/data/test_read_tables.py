"""Tables: the same values whatever the format, and kinds of columns that hold up."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.data.read import read
from tacit.data.records import Records
from tacit.errors import InputError


def csv_of(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def kinds(records: Records) -> dict[str, str]:
    return {column["name"]: column["kind"] for column in records.schema["columns"]}


def reasons(records: Records) -> dict[str, str]:
    return {column["name"]: column["reason"] for column in records.schema["left_out"]}


def column_table(tmp_path: Path, values: list[Any], name: str = "x") -> Records:
    rows = [{name: value, "other": i % 3 + 0.5} for i, value in enumerate(values)]
    return read(csv_of(tmp_path / "t.csv", rows), modality="table")


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
rows_of_values = st.lists(
    st.tuples(st.floats(-1e9, 1e9, width=32) | st.none(), cells.map(lambda t: "w" + t.strip() + "w")),
    min_size=3,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=rows_of_values)
def test_csv_jsonl_parquet_and_frames_hold_the_same_records(tmp_path: Path, values: list[tuple[Any, str]]) -> None:
    rows = [{"id": f"r{i}", "n": n, "s": s, "k": i % 3} for i, (n, s) in enumerate(values)]
    csv_of(tmp_path / "t.csv", rows)
    csv_of(tmp_path / "t.tsv", rows, "\t")
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    sources = [*sorted(tmp_path.glob("t.*")), pd.DataFrame(rows), pl.DataFrame(rows), pa.Table.from_pylist(rows), rows]
    for source in sources:
        records = read(source, modality="table")
        assert records.ids == tuple(row["id"] for row in rows)
        assert records.column("n").tolist() == [row["n"] for row in rows]
        assert records.column("s").tolist() == [row["s"] for row in rows]
        table = records.gather()
        assert table["k"].to_pylist() == [float(row["k"]) for row in rows]
        for name in set(table.column_names) & {"n", "s"}:
            assert table[name].to_pylist() == [row[name] for row in rows]


def test_kinds_of_csv_columns(tmp_path) -> None:
    n = 40
    rng = np.random.default_rng(0)
    rows = [
        {
            "unnamed: 0": i,
            "age": 20 + i % 30,
            "income": f"{rng.normal():.6f}",
            "job": ["clerk", " nurse ", "cook", "?"][i % 4],
            "married": ["yes", "No", ""][i % 3],
            "since": f"20{10 + i % 10}-0{i % 9 + 1}-17",
            "zip": f"0{1000 + i % 7}",
            "country": "AT",
            "nothing": "NA",
            "mail": f"user{i}@example.org",
            "person_id": 7000 - 3 * i,
            "counter": i + 1,
        }
        for i in range(n)
    ]
    records = read(csv_of(tmp_path / "t.csv", rows))
    assert records.modality == "table"
    assert kinds(records) == {
        "age": "numeric", "income": "numeric", "job": "categorical", "married": "boolean", "since": "date",
        "zip": "categorical",
    }  # fmt: skip
    left_out = reasons(records)
    assert set(left_out) == {"unnamed: 0", "country", "nothing", "mail", "person_id", "counter"}
    assert "constant" in left_out["country"]
    assert "empty" in left_out["nothing"]
    assert "different" in left_out["mail"]
    assert "counts the rows" in left_out["counter"]
    first = records[0]
    assert first["job"] == "clerk"
    assert first["married"] is True
    assert first["since"] == (date(2010, 1, 17) - date(1970, 1, 1)).days
    assert first["zip"] == "01000"
    assert records[3]["job"] is None
    assert records.column("zip")[0] == "01000"


@pytest.mark.parametrize("token", ["", "NA", "NaN", "nan", "None", "null", "?", " ? ", "<NA>"])
def test_missing_cells(tmp_path, token: str) -> None:
    table = column_table(tmp_path, ["1", "2", token, "4"]).gather()
    assert table["x"].to_pylist() == [1.0, 2.0, None, 4.0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "+2.5", "-3e2", ".5", "6."], "numeric"),
        (["1", "1", "2", "two"], "categorical"),
        (["true", "FALSE", "True", ""], "boolean"),
        (["0", "1", "1", "0"], "numeric"),
        (["2020-01-02T03:04:05Z", "2021-01-02 03:04", "2022-12-31"], "date"),
        (["31/12/2020", "01/02/2021", "15/01/2021"], "date"),
        (["12.05.2020", "13.05.2020"], "date"),
        (["12.05", "13.05"], "numeric"),
        (["yes", "no", "maybe"], "categorical"),
        (["a", "", "a"], "categorical"),
        (["1.2.3", "1.2.4"], "categorical"),
        (["2020-13-45", "2020-01-01"], "categorical"),
    ],
)
def test_kind_of_a_column(tmp_path, values: list[str], kind: str) -> None:
    assert kinds(column_table(tmp_path, values))["x"] == kind


def test_a_few_words_in_a_column_of_numbers_are_missing(tmp_path) -> None:
    records = column_table(tmp_path, [str(i * 1.5) for i in range(99)] + ["unknown"])
    assert records.schema["columns"][0] == {"name": "x", "kind": "numeric", "missing": ["unknown"]}
    assert records.gather()["x"].to_pylist()[-2:] == [98 * 1.5, None]
    many = column_table(tmp_path, [str(i * 1.5) for i in range(90)] + ["unknown"] * 10)
    assert kinds(many).get("x") != "numeric"


def test_day_first_dates_are_told_by_the_days(tmp_path) -> None:
    records = column_table(tmp_path, ["31/12/2020", "01/02/2021"])
    expected = [float((d - date(1970, 1, 1)).days) for d in (date(2020, 12, 31), date(2021, 2, 1))]
    assert records.gather()["x"].to_pylist() == expected


def test_excluded_columns_are_known_but_no_features(tmp_path) -> None:
    path = csv_of(tmp_path / "t.csv", [{"a": i / 7, "y": "no" if i % 2 else "yes", "g": i % 4} for i in range(8)])
    records = read(path, exclude=["y", "g"])
    assert kinds(records) == {"a": "numeric"}
    assert records.column("y").tolist() == ["yes", "no"] * 4
    assert records.column("g").tolist() == [0, 1, 2, 3] * 2
    assert "kept aside: y, g" in records.description


def test_ids_by_column_by_name_and_by_row(tmp_path) -> None:
    path = csv_of(tmp_path / "t.csv", [{"ID": f"{i:03d}", "code": i + 100, "x": i % 2 + 0.5} for i in range(5)])
    assert read(path).ids == ("000", "001", "002", "003", "004")
    assert read(path, id="code").ids == ("100", "101", "102", "103", "104")
    path = csv_of(tmp_path / "u.csv", [{"id": "same", "x": i / 2} for i in range(3)])
    assert read(path).ids == ("0", "1", "2")


def test_separators_marks_and_packing(tmp_path) -> None:
    body = "a;b\n1;x\n2;y\n1;x\n"
    (tmp_path / "semicolon.csv").write_text(body)
    (tmp_path / "mark.csv").write_bytes(b"\xef\xbb\xbf" + body.replace(";", ",").encode())
    (tmp_path / "windows.csv").write_bytes(body.replace("\n", "\r\n").encode())
    (tmp_path / "packed.tsv.gz").write_bytes(gzip.compress(body.replace(";", "\t").encode()))
    tables = [read(path).gather().to_pydict() for path in sorted(tmp_path.iterdir())]
    assert tables == [{"a": [1.0, 2.0, 1.0], "b": ["x", "y", "x"]}] * 4


def test_tsv_with_loose_quotes_is_read_as_it_stands(tmp_path) -> None:
    (tmp_path / "t.tsv").write_text(
        'text\ty\n"Hello there my friend\t0\nshe said "no" to me\t1\nan ordinary line here\t0\n'
    )
    records = read(tmp_path / "t.tsv", modality="text")
    assert records.gather() == ['"Hello there my friend', 'she said "no" to me', "an ordinary line here"]


def test_frames_with_dates_categories_booleans_and_a_named_index() -> None:
    frame = pd.DataFrame(
        {
            "when": [datetime(2020, 1, 1), None, datetime(2020, 1, 3, 12)],
            "kind": pd.Categorical(["a", "b", "a"]),
            "flag": [True, False, True],
            7: [1, None, 2.5],
            "mixed": ["x", 1, None],
        },
        index=["p", "q", "r"],
    )
    records = read(frame)
    assert kinds(records) == {
        "when": "date", "kind": "categorical", "flag": "boolean", "7": "numeric", "mixed": "categorical",
    }  # fmt: skip
    assert records.gather().to_pydict() == {
        "when": [18262.0, None, 18264.5],
        "kind": ["a", "b", "a"],
        "flag": [True, False, True],
        "7": [1.0, None, 2.5],
        "mixed": ["x", "1", None],
    }
    assert read(pl.from_pandas(frame.drop(columns=["mixed"]).rename(columns=str)).lazy()).ids == ("0", "1", "2")


def test_arrays_of_two_dimensions_are_tables() -> None:
    array = np.array([[1.0, 5.0, np.nan], [2.0, 5.0, 4.0], [3.0, 5.0, 6.0]])
    records = read(array)
    assert records.gather().to_pydict() == {"x0": [1.0, 2.0, 3.0], "x2": [None, 4.0, 6.0]}
    assert reasons(records) == {"x1": "it is constant"}
    assert read([[1, 2], [3, 4]]).gather().to_pydict() == {"x0": [1.0, 3.0], "x1": [2.0, 4.0]}
    assert read(np.ones((3, 2))).gather().num_columns == 2
    assert read(np.array([["a", 1], ["b", 2]], dtype=object)).gather()["x0"].to_pylist() == ["a", "b"]
    assert read(np.arange(30.0).reshape(30, 1)).gather().num_columns == 1
    images = np.random.default_rng(0).normal(size=(4, 3, 2))
    flat = read(images, modality="table").gather()
    np.testing.assert_array_equal(np.column_stack([c.to_numpy() for c in flat.columns]), images.reshape(4, 6))


def test_later_rows_are_read_by_the_kinds_of_the_first_table(tmp_path) -> None:
    train = csv_of(
        tmp_path / "train.csv", [{"n": i / 3, "c": "ab1"[i % 3], "b": "yn"[i % 2], "y": i % 2} for i in range(12)]
    )
    later = csv_of(tmp_path / "later.csv", [{"extra": "z", "b": "y", "c": 1, "n": 5}])
    schema = read(train, exclude=["y"]).schema
    records = read(later).conform(schema)
    assert records.gather().to_pydict() == {"n": [5.0], "c": ["1"], "b": [True]}
    assert records.schema["columns"] == schema["columns"]
    frame = read(pd.DataFrame({"n": [5], "c": [1], "b": [True]})).conform(schema)
    assert frame.gather().to_pydict() == {"n": [5.0], "c": ["1"], "b": [True]}


def test_later_rows_without_a_column_name_the_nearest(tmp_path) -> None:
    schema = read(csv_of(tmp_path / "a.csv", [{"income": i / 3, "age": i % 2} for i in range(6)])).schema
    later = read(csv_of(tmp_path / "b.csv", [{"Income ": i / 3, "ages": i % 2} for i in range(6)]))
    with pytest.raises(InputError, match=r"b.csv has no column 'age'.*Did you mean 'ages'"):
        later.conform({"columns": [c for c in schema["columns"] if c["name"] == "age"]})
    words = read(csv_of(tmp_path / "c.csv", [{"income": "much", "age": 3}, {"income": "little", "age": 4}]))
    with pytest.raises(InputError, match=r"c.csv, row 2, column 'income': 'much' is no number"):
        words.conform(schema)


def test_later_rows_without_several_columns_name_them_all(tmp_path) -> None:
    schema = read(
        csv_of(tmp_path / "a.csv", [{"income": i / 3, "age": i % 2, "sex": "fm"[i % 2]} for i in range(6)])
    ).schema
    later = read(csv_of(tmp_path / "b.csv", [{"sex": "fm"[i % 2], "size": i / 3} for i in range(6)]))
    with pytest.raises(
        InputError, match=r"b.csv has no columns 'income', 'age', which the model reads. It has: sex, size"
    ):
        later.conform(schema)


def test_a_folder_with_one_table_is_that_table(tmp_path) -> None:
    csv_of(tmp_path / "t.csv", [{"a": i / 3, "b": i % 2} for i in range(6)])
    assert read(tmp_path).ids == read(tmp_path / "t.csv").ids


def test_npz_table_with_targets(tmp_path) -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    np.savez(tmp_path / "d.npz", X=x, y=np.array(["a", "b", "a", "b", "a", "b"]))
    records = read(tmp_path / "d.npz")
    assert kinds(records) == {"x0": "numeric", "x1": "numeric", "x2": "numeric"}
    assert records.column("y").tolist() == ["a", "b", "a", "b", "a", "b"]
