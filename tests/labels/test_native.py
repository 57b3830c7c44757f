"""Evidence as lines of JSON: what is read is what was written, for every kind and for mixtures of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

from tacit.data.prediction import Categorical
from tacit.errors import InputError
from tacit.labels import Candidates, Exact, Labels, Noisy
from tacit.labels.native import is_native, read_evidence, write_evidence

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
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "known.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_evidence(path, IDS)


def test_a_table_is_not_native(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"id,label\n\xff,a\n")
    assert not is_native(path)
