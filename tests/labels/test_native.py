"""Evidence as lines of JSON: what is read is what was written, for every kind and for mixtures of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Bags, Candidates, Exact, Labels, Noisy, Pairs, Values
from tacit.labels.native import is_native, read_evidence, write_evidence

from .test_contract import KINDS, example

NAMES = ['he said "ü"', "a,b", "line\nbreak\u2028two"]
IDS = ["", "größe/1.png", "a,b", 'q"', "line\nbreak", "5"]


def mixed() -> Labels:
    exact = Exact(np.array([0, -1, -1, 2, -1, -1]), NAMES)
    mask = np.ones((6, 3), dtype=bool)
    mask[1] = [True, False, True]
    transition = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
    noisy = Noisy(np.array([-1, 1, 1, -1, 2, -1]), transition, NAMES)
    return Labels.combine(exact, Candidates(mask, NAMES), noisy, trust=[1.0, 0.9, 0.5])


def belief() -> Categorical:
    draws = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Categorical(log_softmax(draws, dim=1))


def test_a_mixture_comes_back_with_its_class_order_its_trust_and_every_name(tmp_path: Path) -> None:
    path, labels = tmp_path / "known.jsonl", mixed()
    write_evidence(path, labels, IDS)
    again = read_evidence(path, IDS)
    assert again.task == labels.task
    torch.testing.assert_close(again.log_likelihood(belief()), labels.log_likelihood(belief()), rtol=0, atol=1e-12)
    assert is_native(path)


def test_records_in_another_order_get_their_own_evidence(tmp_path: Path) -> None:
    path = tmp_path / "known.jsonl"
    write_evidence(path, Exact(np.array([0, 1, 2, -1, -1, 1]), NAMES), IDS)
    order = [5, 3, 1, 0, 2, 4]
    again = read_evidence(path, [IDS[i] for i in order])
    assert isinstance(again, Exact)
    assert again.y.tolist() == [[0, 1, 2, -1, -1, 1][i] for i in order]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "nobody", "label": "a,b"}', "line 2.*'nobody'"),
        ('{"id": "5", "label": "no class"}', "line 2.*'no class'"),
        ('{"id": "5"}', "line 2.*'label'"),
        ("[1, 2]", "line 2 holds no JSON object"),
        ("{", "line 2: no valid JSON"),
        ("[" * 100_000, "line 2: the JSON is nested too deeply"),
        ('{"id": ["5"], "label": "a,b"}', "line 2 cannot be read"),
        ('{"id": "5", "id": "", "label": "a,b"}', "line 2: an object has two values for 'id'"),
        ('{"id": "5", "label": NaN}', "line 2: NaN is no JSON"),
        ('{"id": "5", "label": "a,b"}\n{"id": "5", "label": "a,b"}', "line 3 speaks of '5', as does .*line 2"),
        (r'{"id": "\ud800", "label": "a,b"}', "line 2 cannot be read: no record"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "known.jsonl"
    header = {"tacit": "labels", "format": 1, "kind": "Exact"} | Exact(np.array([0]), NAMES).header()
    path.write_text(json.dumps(header) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_evidence(path, IDS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no evidence"),
        ('{"id": "5", "label": "a"}\n', "line 1 does not start a part"),
        ('{"tacit": "labels", "format": 9, "kind": "Exact"}\n', "format 9"),
        ('{"tacit": "labels", "format": 1, "kind": "Exakt"}\n', "Did you mean 'Exact'"),
        ('{"tacit": "labels", "format": 1, "kind": "Parts"}\n', "unknown kind"),
        ('{"tacit": "labels", "format": 1, "kind": "Exact", "task": {"kind": "classes"}}\n', "'names'"),
        ('{"tacit": "labels", "format": 1, "kind": "Exact", "trust": "x"}\n', "line 1: expected a trust above 0"),
        ('{"tacit": "labels", "format": 1, "kind": "Exact", "trust": 2}\n', "line 1: expected a trust above 0"),
        (r'{"tacit": "labels", "format": 1, "kind": "Exact", "x": "\udfff"}', "line 1: .* half of a surrogate pair"),
        ('{"tacit": "labels", "format": 1, "kind": "Exact", "task": 3}\n', "line 1 cannot be read"),
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "known.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_evidence(path, IDS)


@pytest.mark.parametrize("wrong", range(5))
@pytest.mark.parametrize("kind", ["Pairs", "Bags", "Exact"])
def test_the_line_at_fault_is_named_whenever_it_is_noticed(tmp_path: Path, kind: str, wrong: int) -> None:
    path, n = tmp_path / "known.jsonl", 10
    labels: dict[str, Labels] = {
        "Exact": Exact(np.arange(n) % 2, ["a", "b"]),
        "Pairs": Pairs(range(0, n, 2), range(1, n, 2), [True] * 5, n, ["a", "b"]),
        "Bags": Bags(np.arange(n) // 2, [True] * 5),
    }
    ids = [f"record {i}" for i in range(n)]
    write_evidence(path, labels[kind], ids)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[wrong + 1] = lines[wrong + 1].replace("record", "recor")
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=rf"known.jsonl, line {wrong + 2} cannot be read: .*recor \d"):
        read_evidence(path, ids)


def test_parts_that_do_not_fit_together_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "known.jsonl"
    headers = [
        {"tacit": "labels", "format": 1, "kind": "Exact"} | Exact(np.array([0]), names).header()
        for names in ("ab", "ac")
    ]
    path.write_text("".join(json.dumps(header) + "\n" for header in headers), encoding="utf-8")
    with pytest.raises(InputError, match=r"known.jsonl: the parts do not have the same classes"):
        read_evidence(path, IDS)


def test_ids_of_files_with_undecodable_names_survive(tmp_path: Path) -> None:
    path, ids = tmp_path / "known.jsonl", ["\udcff.png", "\U0001f989"]
    write_evidence(path, Exact(np.array([1, 0]), ["ß", "\U0001f989"]), ids)
    again = read_evidence(path, ids)
    assert isinstance(again, Exact)
    assert (again.task.names, again.y.tolist()) == (("ß", "\U0001f989"), [1, 0])


def test_a_parameter_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"known.jsonl: the labels hold a number that is not finite"):
        write_evidence(tmp_path / "known.jsonl", Values([1.0, 2.0], scale=np.inf), ["a", "b"])
    assert list(tmp_path.iterdir()) == []


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The steps to everything in a value."""
    if here:
        yield here
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in entries:
        yield from places(inner, (*here, step))


ODD: list[Any] = [None, True, -1, 2**63, 0.5, "", "x", [], [None], {}, {"x": 1}]


@pytest.mark.parametrize("name", KINDS)
def test_whatever_stands_anywhere_is_read_or_refused(tmp_path: Path, name: str) -> None:
    labels, path = example(name, 0), tmp_path / "known.jsonl"
    ids = [f"record {i}" for i in range(len(labels))]
    write_evidence(path, labels, ids)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][:3]
    for place in places(lines):
        for odd in ODD:
            changed = copy.deepcopy(lines)
            inner: Any = changed
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = odd
            path.write_text("".join(json.dumps(line) + "\n" for line in changed), encoding="utf-8")
            assert outcome(path, ids), f"{place} = {odd!r}"


def outcome(path: Path, ids: list[str]) -> bool:
    """Whether the file is read, or refused by its name; any other error is raised."""
    try:
        return len(read_evidence(path, ids)) == len(ids)
    except InputError as error:
        return path.name in str(error)


def test_a_table_is_not_native(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"id,label\n\xff,a\n")
    assert not is_native(path)
