"""Rows that hold no label: one clear error that names the row and its field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tacit.errors import InputError
from tacit.labels import Exact, Values

IDS = ["0", "1", "2"]
GOOD: dict[str, dict[str, Any]] = {
    "number": {"id": "1", "value": 2.5, "variance": 0.25},
    "class": {"id": "1", "label": "b"},
    "several": {"id": "1", "labels": {"a": 1}},
}
HEADERS = {
    "number": Values([1.0, 2.0]).header(),
    "class": Exact([0, 1], ["a", "b"]).header(),
    "several": Exact(np.array([[0, 1]]), ["a", "b"]).header(),
}


def read(kind: str, *rows: Any) -> Any:
    return (Values if kind == "number" else Exact).from_rows(HEADERS[kind], rows, IDS)


def test_good_rows_are_read() -> None:
    number = read("number", GOOD["number"])
    assert np.isnan(number.v[[0, 2]]).all() and number.v[1] == 2.5 and number.noise[1] == 0.25
    assert read("class", GOOD["class"]).y.tolist() == [-1, 1, -1]
    assert read("several", GOOD["several"]).y.tolist() == [[-1, -1], [1, -1], [-1, -1]]


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, row in GOOD.items() for field in row])
def test_a_missing_field_is_named_with_its_row(kind: str, field: str) -> None:
    lacking = {k: v for k, v in GOOD[kind].items() if k != field} | ({} if field == "id" else {"id": "2"})
    with pytest.raises(InputError, match=f"row 1 has no field '{field}'"):
        read(kind, GOOD[kind], lacking)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("number", {"id": "9"}, r"no record has the id '9' \(row 0\)"),
        ("class", {"id": 1}, r"no record has the id 1 \(row 0\)"),
        ("number", {"value": "x"}, "row 0 has 'x' in the field 'value', which is no number"),
        ("number", {"value": True}, "row 0 has True in the field 'value'"),
        ("number", {"variance": None}, "row 0 has None in the field 'variance'"),
        ("number", {"variance": -1.0}, "row 0 has a variance of -1"),
        ("class", {"label": "c"}, "row 0 has the label 'c', which is none of the classes"),
        ("class", {"label": 0.5}, "row 0 has the label 0.5"),
        ("class", {"label": ["a"]}, r"row 0 has the label \['a'\]"),
        ("several", {"labels": {"a": 0.5}}, "row 0 has 0.5 for the label 'a'; write 0 or 1"),
        ("several", {"labels": {"a": None}}, "row 0 has None for the label 'a'"),
        ("several", {"labels": {"z": 1}}, "row 0 has the label 'z'"),
        ("several", {"labels": ["a"]}, r"row 0 has \['a'\] in the field 'labels'"),
    ],
)
def test_what_a_field_cannot_hold_is_said(kind: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(kind, GOOD[kind] | change)
