"""JSON that is none, or not to be trusted, and what is fine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tacit
from tacit.errors import InputError
from tacit.labels.json_text import encodable, load_table, parse, rows_of

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(value=values, ascii=st.booleans())
def test_what_the_standard_library_writes_is_read(value: object, ascii: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii), "f") == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no valid JSON: Expecting value"),
        ("{'a': 1}", "no valid JSON"),
        ('{"a": 1,}', "no valid JSON"),
        ('[1,\n2,\n"a', "at line 3, character 1"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"a": 1, "b": 2, "a": 3}', "two values for 'a'"),
        ('[{"x": {"y": 0, "y": 0}}]', "two values for 'y'"),
        ("[NaN]", "NaN is no JSON; write null"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ("1e999", "1e999 is too large"),
        ("1" * 30, "of 30 digits is too large"),
        ("-" + "9" * 5000, "of 5001 digits is too large"),
        ("18446744073709551616", "is too large"),
        (r'["\ud800"]', r"'\\ud800' holds half of a surrogate pair"),
        (r'{"a": {"\udfff b": 1}}', "half of a surrogate pair"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "f.json, line 7")
    assert str(caught.value).startswith("f.json, line 7: ")
    assert said.replace("\\\\", "\\") in str(caught.value)


def test_whole_pairs_and_large_numbers_are_fine() -> None:
    assert parse(r'["\ud83e\udd89", 18446744073709551615, -9223372036854775809]', "f")[0] == "\U0001f989"
    assert parse(r'["\udcff.png"]', "f", halves=True) == ["\udcff.png"]
    assert not encodable("\udcff") and encodable("\U0001f989")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "1", "label": "a"}\n{"id": "0", "label": "b"}\n')
    assert tacit.read_labels(path, tacit.read(["x y", "z w"])).describe().startswith("exact labels on 2 of 2")


def test_nan_is_missing_in_a_table_of_labels_only(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"id": 0, "label": NaN}\n{"id": 1, "label": "a"}\n', encoding="utf-8")
    labels = tacit.read_labels(path, tacit.read(["x y", "z w"]))
    np.testing.assert_array_equal(labels.y, [-1, 0])  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="line 1: NaN is no JSON"):
        rows_of(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "f.jsonl is empty"),
        (b" \n", "f.jsonl is empty"),
        (b"[]", "f.jsonl has no rows"),
        (b"{}", "f.jsonl has rows but no columns"),
        (b'{"id": 0, "label": "a"}\n{"id": 1, "label": }', "f.jsonl, line 2: no valid JSON"),
        (b'{"id": 0, "label": "a"}\n\n7', "f.jsonl, line 3: expected an object {...}, found the number 7"),
        (b'[{"id": 0}, null]', "f.jsonl, entry 1, counting from 0: expected an object {...}, found null"),
        (b'{"id": 0, "label": "\xff"}', "not UTF-8"),
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (b'{"id": 0, "label": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_table_in_json_that_cannot_be_read(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "f.jsonl").write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_table(tmp_path / "f.jsonl")
    assert said in str(caught.value) and "f.jsonl" in str(caught.value)
    with pytest.raises(InputError):
        tacit.read_labels(tmp_path / "f.jsonl", tacit.read(["x y", "z w"]))


@pytest.mark.parametrize("depth", [200, 990])
def test_nesting_that_json_can_follow_is_text_or_refused(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"id": 0, "label": ' + "[" * depth + "]" * depth + "}\n", encoding="utf-8")
    try:
        assert len(load_table(path).table.column("label").to_pylist()[0]) == 2 * depth
    except InputError as error:
        assert "nested too deeply" in str(error)  # noqa: PT017
