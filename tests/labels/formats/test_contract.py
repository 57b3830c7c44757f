"""One contract for every format that listing finds: what is written comes back, or is refused with nothing written.

A format that writes has a maker of labels here; every format has a small file in ``FILES`` that it alone recognises.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.data.records import Records
from tacit.data.sources.texts import TextList
from tacit.errors import InputError
from tacit.labels import (
    Bags,
    Candidates,
    Complementary,
    Exact,
    Intervals,
    Labels,
    Levels,
    Means,
    Pairs,
    Preferences,
    Proportions,
    Soft,
    Values,
    Votes,
)
from tacit.labels.formats import read_labels_file, write_labels_file
from tacit.labels.formats.base import formats
from tacit.labels.formats.look import Look

Rng = np.random.Generator
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def records_of(ids: Sequence[str]) -> Records:
    return Records(TextList([f"text {i}" for i in range(len(ids))], ids=ids))


def known_of(labels: Labels, ids: Sequence[str]) -> tuple[str, dict[str, Any], list[str]]:
    """Everything that is known, as JSON; a record's votes in the order of their sources."""
    rows = [dict(row) for row in labels.rows(ids)]
    for row in rows:
        if "votes" in row:
            row["votes"] = sorted(row["votes"])
    return type(labels).__name__, labels.header(), [json.dumps(row) for row in rows]


def all_used(rng: Rng, n: int, classes: int) -> Any:
    """(n,) classes, -1 unknown, the first records labelled."""
    y = rng.integers(-1, classes, n)
    y[0] = 0
    return y


def membership(rng: Rng, n: int) -> tuple[Any, Any, int]:
    """Rows of records and bags, some records in two of them."""
    bags = int(rng.integers(1, 4))
    rows = [(i, b) for i in range(n) for b in range(bags) if rng.random() < 0.6 or i == b % n]
    return np.array([i for i, _ in rows]), np.array([b for _, b in rows]), bags


def exact(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    return Exact(all_used(rng, n, len(names)), names)


def several(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    return Exact(rng.integers(-1, 2, (n, len(names))), names)


def whole(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    y = rng.integers(0, 2, (n, len(names)))
    y[1:][rng.random(n - 1) < 0.4] = -1
    return Exact(y, names)


def soft(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    q = rng.dirichlet(np.ones(len(names)), n)
    q[1:][rng.random(n - 1) < 0.4] = np.nan
    return Soft(q, names)


def masks(rng: Rng, n: int, names: Sequence[str]) -> Any:
    mask = rng.random((n, len(names))) < 0.5
    mask[np.arange(n), rng.integers(0, len(names), n)] = True
    mask[0] = np.arange(len(names)) == 0
    return mask


def candidates(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    return Candidates(masks(rng, n, names), names)


def excluded(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    return Complementary(~masks(rng, n, names), names)


def votes(rng: Rng, n: int, names: Sequence[str], abstain: Any = "ignored") -> Labels:
    vote = rng.integers(-1, len(names), (n, 3))
    vote[0, 0] = 0
    return Votes.from_wide(vote, names, None, abstain, [f"Zoë {names[0]}", "b@c.org", f"a {names[-1]}"])


def loud(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    return votes(rng, n, names, "informative")


def bags(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    record, bag, count = membership(rng, n)
    return Bags.from_members(record, bag, rng.integers(-1, 2, count), n)


def counts(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    record, bag, count = membership(rng, n)
    true = rng.integers(0, len(names), len(record))
    total = np.stack([np.bincount(true[bag == b], minlength=len(names)) for b in range(count)]).astype(float)
    total[rng.random(count) < 0.3] = np.nan
    return Proportions.from_members(record, bag, total, n, names)


def means(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    record, bag, count = membership(rng, n)
    value = rng.normal(size=count) * 10.0 ** rng.integers(-9, 9)
    value[1:][rng.random(count - 1) < 0.3] = np.nan
    return Means.from_members(record, bag, value, n, rng.random(count))


def intervals(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    low = rng.normal(size=n)
    high = low + rng.exponential(size=n)
    low[rng.random(n) < 0.3] = -np.inf
    high[rng.random(n) < 0.3] = np.inf
    return Intervals(low, high)


def pairs(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    truth = rng.integers(0, 2, n)
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < 0.5
    kept[0] = True
    return Pairs(i[kept], j[kept], (truth[i] == truth[j])[kept], n, names)


def preferences(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    i, j = np.triu_indices(n, 1)
    return Preferences(i, j, n, of=names[0], classes=names, tie=rng.random(len(i)) < 0.3)


def levels(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    nodes = ["root", "left", *names]
    order = list(rng.permutation(len(names)))
    return Levels(
        rng.integers(1, len(nodes), n), [-1, 0, *([1] * (len(names) - 1)), 0], nodes, [names[k] for k in order]
    )


def numbers(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    v = rng.normal(size=n) * 10.0 ** rng.integers(-9, 9)
    v[1:][rng.random(n - 1) < 0.4] = np.nan
    return Values(v)


def mixture(rng: Rng, n: int, names: Sequence[str]) -> Labels:
    parts = [exact(rng, n, names), candidates(rng, n, names), Pairs([0], [1], [True], n, names)]
    return Labels.combine(*parts, trust=[1.0, 0.25, 1.0])


Make = Callable[[Rng, int, Sequence[str]], Labels]
ORDERED = {"native", "multilabel", "soft", "proportions", "levels", "coco", "huggingface"}
"""Formats that hold the order of all classes; readers of the others are given it."""

WRITERS: list[tuple[str, str, Make]] = [
    *[
        ("native", ".jsonl", make)
        for make in (exact, several, soft, candidates, votes, loud, counts, means, pairs, levels)
    ],
    ("table", ".csv", exact),
    ("table", ".csv", numbers),
    ("multilabel", ".csv", several),
    ("long-votes", ".csv", votes),
    ("wide-votes", ".csv", loud),
    ("candidates", ".csv", candidates),
    ("candidates", ".jsonl", candidates),
    ("complementary", ".csv", excluded),
    ("complementary", ".jsonl", excluded),
    ("soft", ".csv", soft),
    ("soft", ".jsonl", soft),
    ("bags", ".csv", bags),
    ("proportions", ".csv", counts),
    ("means", ".csv", means),
    ("intervals", ".csv", intervals),
    ("pairs", ".csv", pairs),
    ("preferences", ".csv", preferences),
    ("levels", ".csv", levels),
    ("label-studio", ".json", votes),
    ("coco", ".json", whole),
    ("huggingface", ".parquet", exact),
    ("huggingface", ".parquet", whole),
]
written = pytest.mark.parametrize(
    ("name", "end", "make"), WRITERS, ids=[f"{name}{end}-{make.__name__}" for name, end, make in WRITERS]
)

WILD = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"], exclude_characters=";|?"),
    min_size=1,
    max_size=5,
)
wild = WILD.map(lambda text: f"é{text}'\",ß")
"""Names that every format has to hold: any script, quotes, commas."""

ANY = st.text(max_size=4) | st.sampled_from(["NA", "1.0", "01", " a", "-1", "a\nb", "\0", "id", "a|b", "1e3", "true"])


def back(path: Path, name: str, labels: Labels, ids: Sequence[str]) -> Labels:
    options: dict[str, Any] = {}
    if isinstance(labels, Preferences):
        options["of"] = labels.of
    if name not in ORDERED and not isinstance(labels, Values | Means | Intervals | Bags):
        options["classes"] = labels.task.names  # type: ignore[union-attr]
    if isinstance(labels, Values):
        options["task"] = "regression"
    return read_labels_file(path, records_of(ids), kind=name, **options)


@written
@few
@given(
    seed=st.integers(0, 2**32),
    ids=st.lists(wild, min_size=2, max_size=5, unique=True),
    names=st.lists(wild, min_size=2, max_size=4, unique=True),
)
def test_what_is_written_comes_back(
    tmp_path: Path, name: str, end: str, make: Make, seed: int, ids: list[str], names: list[str]
) -> None:
    labels, path = make(np.random.default_rng(seed), len(ids), names), tmp_path / f"labels{end}"
    write_labels_file(path, labels, ids, format=name)
    assert known_of(back(path, name, labels, ids), ids) == known_of(labels, ids)


@written
@few
@given(
    seed=st.integers(0, 2**32),
    ids=st.lists(ANY, min_size=2, max_size=4, unique=True),
    names=st.lists(ANY, min_size=2, max_size=3, unique=True),
)
def test_what_would_not_come_back_is_refused(
    tmp_path: Path, name: str, end: str, make: Make, seed: int, ids: list[str], names: list[str]
) -> None:
    try:
        labels = make(np.random.default_rng(seed), len(ids), names)
    except InputError:
        return
    path = tmp_path / f"labels{end}"
    path.unlink(missing_ok=True)
    try:
        write_labels_file(path, labels, ids, format=name)
    except InputError:
        assert name != "native"
        assert not path.exists()
        return
    assert known_of(back(path, name, labels, ids), ids) == known_of(labels, ids)


def test_mixtures_come_back_as_native_lines(tmp_path: Path) -> None:
    ids, names = ["x", "\udcff.png", "größe\u2028"], ["b", "\U0001f989", "a"]
    labels = mixture(np.random.default_rng(0), 3, names)
    write_labels_file(tmp_path / "m.jsonl", labels, ids)
    again = read_labels_file(tmp_path / "m.jsonl", records_of(ids))
    assert [known_of(part, ids) for part in again.parts] == [known_of(part, ids) for part in labels.parts]  # type: ignore[attr-defined]
    assert again.trust == labels.trust  # type: ignore[attr-defined]


def test_every_writer_is_tested_and_every_other_says_so(tmp_path: Path) -> None:
    for name, found in formats().items():
        assert found.name == name and found.title and (type(found).__doc__ or "").strip()
        assert bool(found.suffixes) == (name in {writer for writer, _, _ in WRITERS})
        if not found.suffixes:
            with pytest.raises(InputError, match=r"is read only; write JSON lines"):
                write_labels_file(tmp_path / "x", Exact([0, 1]), ["a", "b"], format=name)


TASK = {"data": {"image": "a.png"}, "annotations": [{"completed_by": 1, "result": []}], "id": 1}
FILES: dict[str, tuple[str, str]] = {
    "native": (
        "f.jsonl",
        '{"tacit": "labels", "format": 1, "kind": "Exact", "task": {"kind": "classes", "names": []}}\n',
    ),
    "long-votes": ("f.csv", "task,worker,label\na,u,x\na,v,y\n"),
    "wide-votes": ("f.csv", "id,annotator_1,annotator_2\na,x,y\n"),
    "candidates": ("f.jsonl", '{"id": "a", "candidates": ["x", "y"]}\n'),
    "complementary": ("f.csv", "id,not\na,x|y\n"),
    "soft": ("f.csv", "id,p:x,p:y\na,0.5,0.5\n"),
    "bags": ("f.csv", "id,bag,positive\na,1,1\n"),
    "proportions": ("f.csv", "id,bag,count:x,count:y\na,1,1,0\n"),
    "means": ("f.csv", "id,bag,mean\na,1,2.5\n"),
    "intervals": ("f.csv", "id,low,high\na,1,2\n"),
    "pairs": ("f.csv", "i,j,same\na,b,1\n"),
    "preferences": ("f.csv", "winner,loser\na,b\n"),
    "levels": ("levels.csv", "id,node\na,x\n"),
    "label-studio": ("f.json", json.dumps([TASK])),
    "label-studio-min": (
        "f.json",
        json.dumps([{"image": "a.png", "id": 1, "choice": "x", "annotator": 1, "annotation_id": 2}]),
    ),
    "coco": ("f.json", json.dumps({"images": [], "annotations": [], "categories": []})),
}
PLAIN = [
    ("f.csv", "id,label\na,x\nb,y\n"),
    ("f.csv", "id,label\na,x\na,x\n"),
    ("f.csv", "id,worker,label\na,u,x\nb,u,y\n"),
    ("f.csv", "id,label,prob_x,prob_y\na,x,0.5,0.5\n"),
    ("f.csv", "id,label,low,high\na,x,1,2\n"),
    ("f.csv", "id,bag,label\na,1,x\n"),
    ("f.csv", "id,node\na,x\n"),
    ("f.csv", "id,first,second\na,x,y\n"),
    ("f.csv", "id,label_1\na,x\n"),
    ("f.jsonl", '{"id": "a", "label": "x"}\n'),
    ("f.json", '[{"id": "a", "label": "x"}]'),
    ("f.txt", "hello"),
]


def recognised(path: Path) -> list[str]:
    return [name for name, found in formats().items() if found.recognises(Look(path))]


@pytest.mark.parametrize(
    "name", [name for name in formats() if name not in ("table", "multilabel", "huggingface", "pascal-voc")]
)
def test_a_file_is_recognised_by_its_format_alone(tmp_path: Path, name: str) -> None:
    file, text = FILES[name]
    (tmp_path / "levels.tree.csv").write_text("node,parent\nx,\n", encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert recognised(tmp_path / file) == [name]


@pytest.mark.parametrize(("file", "text"), PLAIN)
def test_tables_of_labels_stay_what_they_are(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert recognised(tmp_path / file) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=60) | st.sampled_from([text for _, text in FILES.values()]).map(lambda t: t.encode()[:-9]),
    end=st.sampled_from([".csv", ".tsv", ".json", ".jsonl", ".parquet", ".csv.gz", ".xml", ""]),
)
def test_recognising_never_raises(tmp_path: Path, data: bytes, end: str) -> None:
    path = tmp_path / f"f{end}"
    path.write_bytes(data)
    recognised(path)
    recognised(tmp_path)
    recognised(tmp_path / "is not there.csv")
