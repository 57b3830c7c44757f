"""Tables of votes, candidates, shares, bags, bounds, pairs, nodes: what is read from them, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tacit
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels import (
    Bags,
    Candidates,
    Complementary,
    Exact,
    Intervals,
    Levels,
    Means,
    Pairs,
    Preferences,
    Proportions,
    Soft,
    Values,
    Votes,
)


@pytest.fixture
def records() -> Records:
    """Records 0 to 3."""
    return tacit.read(["one", "two", "three", "four"])


@pytest.fixture
def read(tmp_path: Path, records: Records) -> Any:
    """``read(text, name="f.csv", **files, **options)``: labels of a file with that text."""

    def of(text: str, name: str = "f.csv", beside: dict[str, str] | None = None, **options: Any) -> Any:
        for other, content in (beside or {}).items():
            (tmp_path / other).write_text(content, encoding="utf-8")
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tacit.read_labels(tmp_path / name, records, **options)

    return of


def said(votes: Votes) -> list[list[Any]]:
    """Every vote as record, source, class."""
    ballots, names = votes.ballots, votes.task.names
    rows = zip(ballots.item.tolist(), ballots.source.tolist(), ballots.vote.tolist(), strict=True)
    return [[i, votes.sources[s], names[v]] for i, s, v in rows]


@pytest.mark.parametrize(
    "header", ["task,worker,label", "item,annotator,vote", "ID,Rater,Answer", "id,user_id,category"]
)
def test_long_votes_under_other_names(read: Any, header: str) -> None:
    votes = read(f"{header}\n1,ann,b\n0,bob,a\n1,bob,\n0,zoë,b\n")
    assert isinstance(votes, Votes) and not votes.informative
    assert (votes.sources, votes.task.names, len(votes)) == (("ann", "bob", "zoë"), ("a", "b"), 4)
    assert said(votes) == [[0, "bob", "a"], [0, "zoë", "b"], [1, "ann", "b"]]


def test_long_votes_in_numbers_abstain_with_minus_one_and_keep_a_given_order(read: Any) -> None:
    votes = read("task,worker,label\n0,7,1\n0,8,-1\n1,7,0\n1,9,2\n", classes=["2", "1", "0"])
    assert (votes.sources, votes.task.names) == (("7", "8", "9"), ("2", "1", "0"))
    assert said(votes) == [[0, "7", "1"], [1, "7", "0"], [1, "9", "2"]]


@pytest.mark.parametrize("abstain", ["ignored", "informative"])
def test_a_vote_that_is_given_again_counts_once_and_is_told(read: Any, abstain: str) -> None:
    once = "1,bob,b\n0,ann,a\n0,bob,a\n0,cem,b\n1,ann,b\n2,ann,\n"
    votes = read(f"task,worker,label\n{once}", abstain=abstain)
    again = read(f"task,worker,label\n{once}0,ann,a\n1,bob,b\n0,ann,a\n2,ann,\n0,ann,\n", abstain=abstain)
    assert said(again) == said(votes)
    assert again.sources == votes.sources
    assert_array_equal(again.naive().exact().y, [0, 1, -1, -1])
    assert again.describe() == f"{votes.describe()}; 3 repeated votes counted once"
    assert "repeated" not in votes.describe()


def test_a_source_that_contradicts_itself_is_refused(read: Any) -> None:
    message = r"f.csv: row 2 and row 5 give different votes of 'ann' on '0', 'a' and 'b'. Keep one of them"
    for abstain in ("ignored", "informative"):
        with pytest.raises(InputError, match=message):
            read("task,worker,label\n0,ann,a\n0,bob,a\n1,ann,b\n0,ann,b\n0,ann,a\n", abstain=abstain)


def test_votes_with_an_item_each_are_votes_when_asked_for(read: Any) -> None:
    text = "id,worker,label\n0,u,a\n1,v,b\n"
    assert isinstance(read(text), Exact)
    assert isinstance(read(text, kind="votes"), Votes)
    assert isinstance(read(text, kind="long-votes", abstain="informative"), Votes)


def test_the_target_of_votes(read: Any) -> None:
    votes = read("id,worker,label,colour\n0,u,a,red\n0,v,b,blue\n", target="colour")
    assert votes.task.names == ("blue", "red")


def test_wide_votes_are_outcomes_and_rows_without_a_vote_are_seen(read: Any) -> None:
    votes = read("id,annotator_ann,annotator_bob\n2,cat,\n0,,\n3,dog,cat\n")
    assert votes.informative and votes.sources == ("annotator_ann", "annotator_bob")
    assert said(votes) == [[2, "annotator_ann", "cat"], [3, "annotator_ann", "dog"], [3, "annotator_bob", "cat"]]
    assert votes.observed().tolist() == [0, 2, 3]
    assert read("id,x,y\n2,cat,\n3,dog,cat\n", kind="votes", abstain="ignored").observed().tolist() == [2, 3]
    assert said(read("id,lf_1,lf_2\n0,-1,1\n1,0.0,\n", kind="votes")) == [[0, "lf_2", "1"], [1, "lf_1", "0"]]


def test_candidates_and_excluded_classes_in_a_table_and_in_lines(read: Any) -> None:
    table = read("id,candidates\n0,b| a\n1,\n3,c\n")
    lines = read(
        '{"id": 0, "candidates": ["b", "a"]}\n{"id": "1", "candidates": null}\n{"id": 3, "candidates": ["c"]}',
        "f.jsonl",
    )
    for labels in (table, lines):
        assert type(labels) is Candidates and labels.task.names == ("a", "b", "c")
        assert_array_equal(labels.possible, [[1, 1, 0], [1, 1, 1], [1, 1, 1], [0, 0, 1]])
    excluded = read("id,not\n0,b|a\n", classes=["a", "b", "c"])
    assert type(excluded) is Complementary
    assert_array_equal(excluded.possible[0], [0, 0, 1])
    assert_array_equal(read("id,b,a\n1,1,0\n", kind="candidates").possible[1], [1, 0])
    assert_array_equal(read("id,b,a\n1,1,0\n", kind="complementary").possible[1], [0, 1])


def test_shares(read: Any) -> None:
    wanted = [[0.25, 0.75], [np.nan, np.nan], [np.nan, np.nan], [1.0, 0.0]]
    lines = '{"id": 3, "probabilities": {"z": 1}}\n{"id": 0, "probabilities": {"a": 0.75, "z": 0.25}}\n'
    texts = [
        ("id,p:z,p:a\n0,0.25,.75\n3,1,0\n1,,\n", "f.csv"),
        ("id,prob_z,prob_a\n0,0.25,.75\n3,1,0\n", "f.csv"),
        (lines, "f.jsonl"),
    ]
    for text, name in texts:
        labels = read(text, name)
        assert isinstance(labels, Soft) and labels.task.names == ("z", "a")
        assert_array_equal(labels.q, wanted)
    assert_array_equal(read(lines, "f.jsonl", classes=["a", "x", "z"]).q[0], [0.75, 0, 0.25])
    assert read("id,label,prob_z,prob_a\n0,z,0.5,0.5\n").task.names == ("z",)
    assert read("id,z,a\n0,0.5,0.5\n", kind="soft").task.names == ("z", "a")


BAG = "id,bag\n0,ü\n1,v\n2,ü\n3,\n"


def test_bags_in_one_table_and_in_two(read: Any, tmp_path: Path, records: Records) -> None:
    one = read("id,bag,positive\n0,ü,yes\n1,v,0\n2,ü,yes\n3,,\n")
    two = read(BAG, beside={"f.bags.csv": "bag,positive\nv,0\nü,1\n"})
    (tmp_path / "g.csv").write_text("bag_id,positive,k\nv,0,\nü,1,2\n", encoding="utf-8")
    given = tacit.read_labels(tmp_path / "f.csv", records, beside=tmp_path / "g.csv")
    for labels in (one, two, given):
        assert isinstance(labels, Bags)
        assert labels.positive.tolist() == [1, 0]
        assert labels.members.of_bag(0).tolist() == [0, 2]
    assert (two.k.tolist(), given.k.tolist()) == ([1, 1], [2, 1])


def test_counts_and_means_of_bags(read: Any) -> None:
    counts = read("id,bag,count:b,count:a\n0,u,2,0\n1,v,0,1\n2,u,2,0\n")
    assert isinstance(counts, Proportions) and counts.task.names == ("b", "a")
    assert counts.counts.tolist() == [[2, 0], [0, 1]]
    assert read("id,bag,b,a\n0,u,0,1\n", kind="proportions", classes=["a", "b"]).counts.tolist() == [[1, 0]]
    means = read("id,bag,mean\n0,u,2.5\n1,v,-1\n2,u,2.5\n", kind="regression")
    assert isinstance(means, Means) and means.value.tolist() == [2.5, -1]
    assert read(BAG, beside={"f.bags.csv": "bag,mean,scale\nv,,\nü,1,0.5\n"}).scale.tolist() == [0.5, 0]


def test_bounds_pairs_preferences_and_nodes(read: Any) -> None:
    bounds = read("id,low,high\n2,-inf,1.5\n0,1,inf\n1,,\n")
    assert isinstance(bounds, Intervals)
    assert_array_equal(bounds.low, [1, np.nan, -np.inf, np.nan])
    pairs = read("i,j,same\n0,1,true\n1,3,no\n", classes=["x", "y"])
    assert isinstance(pairs, Pairs) and pairs.same.tolist() == [True, False]
    wins = read("winner,loser,tie\n3,1,0\n0,2,1\n")
    assert isinstance(wins, Preferences) and (wins.winner.tolist(), wins.tie.tolist()) == ([3, 0], [False, True])
    about = read("winner,loser\n3,1\n", of="y", classes=["x", "y"])
    assert about.of == "y"
    tree = {"f.tree.csv": "node,parent\nanimal,\ncat,animal\ndog,animal\nplant,\n"}
    nodes = read("id,node\n0,animal\n3,dog\n1,\n", beside=tree)
    assert isinstance(nodes, Levels) and nodes.task.names == ("cat", "dog", "plant")
    assert nodes.node.tolist() == [0, -1, -1, 2]


def test_several_labels_a_record(read: Any) -> None:
    labels = read("id,red,big\n2,1,0\n0,,yes\n", kind="multilabel", classes=["big", "red"])
    assert isinstance(labels, Exact) and labels.task.names == ("big", "red")
    assert_array_equal(labels.y, [[1, -1], [-1, -1], [0, 1], [-1, -1]])


def test_what_is_to_be_predicted_keeps_a_format_from_being_recognised(read: Any) -> None:
    text = "id,low,high\n0,1,2\n"
    assert isinstance(read(text, kind="regression"), Intervals)
    assert isinstance(read("id,high,label\n0,2,3\n", kind="regression"), Values)
    with pytest.raises(InputError, match=r"f.csv looks like .*, which is for regression and not for classes"):
        read(text, kind="classes")
    assert isinstance(read(text, target="high"), Exact)


def test_classes_can_be_ordered_in_a_plain_table(read: Any) -> None:
    labels = read("id,label\n0,a\n1,b\n2,-1\n", classes=["b", "a", "-1"])
    assert (labels.task.names, labels.y.tolist()) == (("b", "a", "-1"), [1, 0, 2, -1])


VOTES = "task,worker,label\n0,u,a\n0,v,b\n"
TREE = "node,parent\na,\nb,a\nc,a\n"
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    (VOTES + "9,u,a\n", {}, ["f.csv, column 'task'", "'9' (row 4)"]),
    (VOTES, {"classes": ["a", "c"]}, ["f.csv, row 3, column 'label'", "'b' is none of the classes"]),
    (VOTES, {"classes": ["a", "a"]}, ["the classes are not each named once"]),
    (VOTES, {"abstain": "loudly"}, ["f.csv", "unknown abstain 'loudly'"]),
    (VOTES, {"target": "vote"}, ["f.csv has no column 'vote'"]),
    ("task,worker,label\n0,u,a\n0,,b\n", {}, ["f.csv, row 3, column 'worker' is empty"]),
    ("task,worker,label\n0,u,\n0,v,NA\n", {}, ["f.csv, column 'label'", "every vote abstains"]),
    ("id,worker,label\n0,u,\n1,u,NA\n", {}, ["f.csv, column 'label'", "every vote abstains"]),
    ("id,worker,label\n0,u,-1\n1,u,-1\n", {}, ["f.csv, column 'label'", "every vote abstains"]),
    (VOTES, {"kind": "regression"}, ["f.csv looks like a table of votes", "is for classes and not for regression"]),
    ("id,low,high\n0,1,2\n", {"kind": "classes"}, ["f.csv looks like", "is for regression and not for classes"]),
    ("id,label\n0,a\n1,b\n", {"kind": "regression"}, ["f.csv: the labels are names, such as 'a'", "--task classes"]),
    ("worker,label\nu,a\n", {"kind": "long-votes"}, ["f.csv has no column of ids"]),
    ("id,label\n0,a\n", {"kind": "long-votes"}, ["f.csv has no column 'worker'"]),
    ("id,label_1,label_2\n0,a,b\n0,b,b\n", {}, ["f.csv", "row 2 and row 3", "'0'"]),
    ("id,label_1,label_2\n0,,\n", {}, ["f.csv", "every source is silent"]),
    ("id,label_1,label_2\n0,a,b\n1,a,c\n", {"classes": ["a", "b"]}, ["f.csv, row 3, column 'label_2'", "'c'"]),
    ("id\n0\n", {"kind": "votes"}, ["f.csv has no column beside 'id'"]),
    ("id,candidates\n0,a||b\n", {}, ["f.csv, row 2, column 'candidates'", "between two bars"]),
    ("id,candidates\n0,a\n0,b\n", {}, ["f.csv", "row 2 and row 3"]),
    ("id,candidates\n0,\n", {}, ["f.csv", "no list names a class"]),
    ("id,candidates\n0,a|x\n", {"classes": ["a", "b"]}, ["f.csv, row 2, column 'candidates'", "'x'"]),
    ("id,excluded\n0,a|b\n1,a\n", {}, ["f.csv, row 2", "no class is left"]),
    ("id,a,b\n0,1,2\n", {"kind": "candidates"}, ["f.csv, row 2, column 'b'", "neither yes nor no"]),
    ("id\n0\n", {"kind": "candidates"}, ["f.csv has no column 'candidates'"]),
    ("id,p:a,p:b\n0,0.5,0.6\n", {}, ["f.csv, row 2", "do not sum to 1"]),
    ("id,p:a,p:b\n0,0.5,0.5\n1,0.5,\n", {}, ["f.csv, row 3", "some classes only"]),
    ("id,p:a,p:b\n0,-0.5,1.5\n", {}, ["f.csv, row 2", "below 0"]),
    ("id,p:a,p:b\n0,half,0.5\n", {}, ["f.csv, row 2, column 'p:a'", "'half' is no number"]),
    ("id,p:a,p:b\n0,0.5,0.5\n", {"classes": ["a", "c"]}, ["f.csv", "'b' is none of the classes"]),
    ("id,p:a\n0,1\n", {"kind": "soft"}, ["f.csv has no columns of probabilities"]),
    ("id,bag,positive\n0,u,1\n1,u,0\n", {}, ["f.csv, column 'positive'", "row 2 and row 3", "'u'", "1 and 0"]),
    ("id,bag,positive\n0,u,1\n0,u,1\n", {}, ["f.csv", "'0' is in the bag 'u' twice"]),
    ("id,bag,positive\n0,u,maybe\n", {}, ["f.csv, row 2, column 'positive'", "neither yes nor no"]),
    ("id,bag,positive,k\n0,u,1,2\n", {}, ["f.csv, row 2: the bag 'u' has fewer records than its k"]),
    ("id,bag,positive,k\n0,u,0,1e300\n", {}, ["f.csv, row 2: the bag 'u' has a k that is no whole number"]),
    ("id,bag,positive,k\n0,u,1,0.5\n", {}, ["f.csv, row 2: the bag 'u' has a k that is no whole number"]),
    ("id,bag,count:a,count:b\n0,u,1,1\n1,v,1,0\n", {}, ["f.csv, row 2: the bag 'u' has counts that sum to 2"]),
    ("id,bag,count:a,count:b\n0,u,1,\n", {}, ["f.csv, row 2: the bag 'u'", "some classes only"]),
    ("id,bag,count:a,count:b\n0,u,1.5,-0.5\n", {}, ["f.csv, row 2: the bag 'u'", "no whole number"]),
    ("id,bag,count:a,count:b\n0,u,1,0\n", {"classes": ["a", "c"]}, ["f.csv", "unknown class 'c'"]),
    ("id,bag\n0,u\n", {"kind": "proportions"}, ["f.csv has no counts"]),
    ("id,bag,mean\n0,u,inf\n", {}, ["f.csv, row 2: the bag 'u' has an infinite mean"]),
    ("id,bag,mean,scale\n0,u,1,-1\n", {}, ["f.csv, row 2: the bag 'u' has a scale"]),
    (BAG, {"kind": "bags"}, ["f.csv has no column 'positive'"]),
    (BAG, {"beside": {"f.bags.csv": "bag,positive\nü,1\nw,0\n"}}, ["f.bags.csv, row 3, column 'bag'", "'w'"]),
    (BAG, {"beside": {"f.bags.csv": "bag,positive\nü,1\nü,0\n"}}, ["f.bags.csv: row 2 and row 3", "'ü'"]),
    (BAG, {"beside": {"f.bags.csv": "bag,positive\nü,1\n"}}, ["f.bags.csv has no row for the bag 'v'"]),
    ("id,low,high\n0,2,1\n", {}, ["f.csv, row 2 (2 to 1) has its lower bound above"]),
    ("id,low,high\n0,2,\n", {}, ["f.csv, row 2", "one bound only"]),
    ("id,low,high\n0,2,2\n", {}, ["f.csv, row 2", "two equal bounds"]),
    ("id,low,high\n0,inf,inf\n", {}, ["f.csv, row 2", "same infinity"]),
    ("id,low,high\n0,1,2\n0,2,3\n", {}, ["f.csv", "row 2 and row 3"]),
    ("i,j,same\n0,1,1\n", {}, ["f.csv", "give classes=[...]"]),
    ("i,j,same\n0,0,1\n", {"classes": ["a", "b"]}, ["f.csv, row 2 joins '0' to itself"]),
    ("i,j,same\n0,1,perhaps\n", {"classes": ["a", "b"]}, ["f.csv, row 2, column 'same'"]),
    ("i,j,same\n0,1,1\n1,0,0\n", {"classes": ["a", "b"]}, ["f.csv", "two classes, but other pairs"]),
    ("i,j,same\n0,7,1\n", {"classes": ["a", "b"]}, ["f.csv, column 'j'", "'7' (row 2)"]),
    ("winner,loser\n0,0\n", {}, ["f.csv, row 2 sets '0' against itself"]),
    ("winner,loser\n0,8\n", {}, ["f.csv, column 'loser'", "'8' (row 2)"]),
    ("winner,loser\n0,1\n", {"kind": "classes"}, ["f.csv", "need both"]),
    ("id,node\n0,a\n", {"kind": "levels"}, ["f.csv", "no class tree"]),
    ("id,node\n0,d\n", {"beside": {"f.tree.csv": TREE}}, ["f.csv, row 2, column 'node'", "f.tree.csv is called 'd'"]),
    ("id,node\n0,a\n0,b\n", {"beside": {"f.tree.csv": TREE}}, ["f.csv", "row 2 and row 3"]),
    ("id,node\n0,a\n", {"beside": {"f.tree.csv": TREE + "b,\n"}}, ["f.tree.csv: row 3 and row 5", "'b'"]),
    ("id,node\n0,a\n", {"beside": {"f.tree.csv": TREE + "d,x\n"}}, ["f.tree.csv, row 5, column 'parent'", "'x'"]),
    ("id,node\n0,a\n", {"beside": {"f.tree.csv": "node,parent\na,b\nb,a\n"}}, ["f.tree.csv", "cycle"]),
    ("id,node\n0,a\n", {"beside": {"f.tree.csv": "node\na\n"}}, ["f.tree.csv has no column 'parent'"]),
    ("id,a\n0,2\n", {"kind": "multilabel"}, ["f.csv, row 2, column 'a'", "neither yes nor no"]),
    ("id,a\n0,1\n0,1\n", {"kind": "multilabel"}, ["f.csv", "row 2 and row 3"]),
    ("id\n0\n", {"kind": "multilabel"}, ["f.csv has no column beside 'id'"]),
    ("id,label\n0,x\n", {"classes": ["a", "b"]}, ["f.csv: the label of '0': 'x' is none of the classes"]),
    ("id,label\n0,x\n", {"kind": "vots"}, ["unknown kind of labels 'vots'. Did you mean 'votes'?"]),
    ("id,label\n0,x\n", {"kind": "number"}, ["Did you mean 'regression'"]),
    ("", {}, ["f.csv is empty"]),
    ("task,worker,label\n", {}, ["f.csv has column names but no rows"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "parts"), REFUSED)
def test_what_is_wrong_is_said_in_one_sentence(read: Any, text: str, options: Any, parts: Sequence[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(text, **options)
    for part in parts:
        assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "options", "parts"),
    [
        ('{"id": 0, "candidates": "ab"}', {}, ["line 2, field 'candidates'", "a list of names, found 'ab'"]),
        ('{"id": 0, "candidates": [["a"]]}', {}, ["line 2, field 'candidates'", "found a list"]),
        ('{"id": 0, "candidates": []}', {}, ["line 2, field 'candidates'", "no class is left"]),
        ('{"id": {}, "candidates": ["a"]}', {}, ["line 2, field 'id'", "found an object"]),
        ('{"candidates": ["a"]}', {}, ["line 2, field 'id'", "the id is missing"]),
        ('{"id": 77, "candidates": ["a"]}', {}, ["field 'id'", "'77' (line 2)"]),
        ('{"id": 1, "candidates": ["a"]}', {}, ["line 1 and line 2"]),
        ('{"id": 0, "candidates": ["c"]}', {"classes": ["a", "b"]}, ["line 2, field 'candidates'", "'c' is none"]),
        ('[{"id": 0}]', {}, ["line 2", "an object {...}, found a list"]),
    ],
)  # fmt: skip
def test_lines_of_candidates_that_cannot_be_read(read: Any, line: str, options: Any, parts: Sequence[str]) -> None:
    with pytest.raises(InputError) as caught:
        read('{"id": 1, "candidates": ["a", "b"]}\n' + line + "\n", "f.jsonl", **options)
    for part in ("f.jsonl", *parts):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ('{"a": 0.5, "b": true}', "number for 'b', found true"),
        ('{"a": 0.5, "b": null}', "number for 'b', found null"),
        ("[0.5, 0.5]", "found a list"),
        ('{"a": 2, "b": -1}', "a probability below 0"),
        ('{"a": 0.5}', "do not sum to 1"),
    ],
)
def test_lines_of_shares_that_cannot_be_read(read: Any, shares: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"f.jsonl, line 1, field 'probabilities'.*{re.escape(said)}"):
        read('{"id": 1, "probabilities": %s}\n' % shares, "f.jsonl")  # noqa: UP031
    with pytest.raises(InputError, match="no line names a class"):
        read('{"id": 1, "probabilities": null}\n', "f.jsonl")


def test_a_second_file_that_nothing_takes_is_refused(read: Any, tmp_path: Path, records: Records) -> None:
    (tmp_path / "b.csv").write_text("bag,positive\nu,1\n", encoding="utf-8")
    (tmp_path / "f.csv").write_text("id,label\n0,a\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"f.csv is read as a table of ids and labels, which takes no second file"):
        tacit.read_labels(tmp_path / "f.csv", records, beside=tmp_path / "b.csv")
    with pytest.raises(InputError, match="no such file or folder"):
        tacit.read_labels(tmp_path / "f.csv", records, beside=tmp_path / "c.csv")
