"""Files of annotation tools: Label Studio, COCO, Pascal VOC."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tacit
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels import Exact, Votes
from tacit.labels.formats import read_labels_file
from tacit.labels.formats.base import formats
from tacit.labels.formats.look import Look
from tacit.labels.formats.mentioned import mentioned


@pytest.fixture
def photos(tmp_path: Path) -> Records:
    """Pictures a/cat.npy, a/dog.npy, b/cow.npy."""
    for name in ("a/cat.npy", "a/dog.npy", "b/cow.npy"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "photos" / name, np.zeros((4, 4), np.uint8))
    return tacit.read(tmp_path / "photos")


def stored(tmp_path: Path, value: Any) -> Path:
    (tmp_path / "f.json").write_text(json.dumps(value), encoding="utf-8")
    return tmp_path / "f.json"


def chosen(by: Any, *choices: str, cancelled: bool = False, control: str = "kind") -> dict[str, Any]:
    value = {"type": "choices", "from_name": control, "to_name": "image", "value": {"choices": list(choices)}}
    return {"completed_by": by, "was_cancelled": cancelled, "result": [value] if choices else []}


def task(number: int, image: str, *annotations: Any, predictions: Any = ()) -> dict[str, Any]:
    return {"id": number, "data": {"image": image}, "annotations": list(annotations), "predictions": list(predictions)}


def model(label: str, version: str | None = "v1") -> dict[str, Any]:
    return {"model_version": version, "score": 0.9, "result": chosen(0, label)["result"]}


EXPORT = [
    task(11, "/data/upload/1/0a1b2c3d-dog.npy", chosen(2, "dog"), chosen({"id": 1, "email": "a@b.org"}, "cat")),
    task(12, "/data/local-files/?d=photos/b/cow.npy", chosen(2, "cow"), predictions=[model("dog"), model("cow", None)]),
    task(13, "https://x.org/a/cat.npy?t=1", chosen(2, "cat", cancelled=True), chosen({"id": 1, "email": "a@b.org"})),
]


def said(votes: Votes) -> list[list[Any]]:
    ballots, names = votes.ballots, votes.task.names
    rows = zip(ballots.item.tolist(), ballots.source.tolist(), ballots.vote.tolist(), strict=True)
    return sorted([i, votes.sources[s], names[v]] for i, s, v in rows)


def test_label_studio_with_several_annotators_and_models(tmp_path: Path, photos: Records) -> None:
    votes = tacit.read_labels(stored(tmp_path, EXPORT), photos)
    assert isinstance(votes, Votes) and votes.abstain == "ignored"
    assert (votes.sources, votes.task.names) == (("a@b.org", "2", "model:v1", "model:"), ("cat", "cow", "dog"))
    assert said(votes) == [
        [1, "2", "dog"],
        [1, "a@b.org", "cat"],
        [2, "2", "cow"],
        [2, "model:", "cow"],
        [2, "model:v1", "dog"],
    ]
    assert votes.observed().tolist() == [1, 2]


def test_a_single_annotator_gives_exact_labels(tmp_path: Path, photos: Records) -> None:
    tasks = [task(1, "dog.npy", chosen(1, "dog")), task(2, "cow.npy", chosen(1)), task(3, "cat.npy", chosen(1, "cat"))]
    labels = tacit.read_labels(stored(tmp_path, tasks), photos, classes=["dog", "cow", "cat"])
    assert isinstance(labels, Exact)
    assert (labels.task.names, labels.y.tolist()) == (("dog", "cow", "cat"), [2, 0, -1])


def test_label_studio_texts_are_matched_by_what_they_say(tmp_path: Path) -> None:
    records = tacit.read(["so good", "so bad", "so so"])
    tasks = [
        {"id": k, "data": {"text": text}, "annotations": [chosen(1, label)]}
        for k, text, label in ((1, "so bad", "neg"), (2, "so good ", "pos"))
    ]
    assert tacit.read_labels(stored(tmp_path, tasks), records).y.tolist() == [1, 0, -1]  # type: ignore[attr-defined]
    tasks[0]["data"]["text"] = "never seen"
    with pytest.raises(
        InputError, match=r"f.json: 1 of 2 tasks name no record.*entry 0, counting from 0.*'text' names most"
    ):
        tacit.read_labels(stored(tmp_path, tasks), records)


def test_the_number_of_a_task_is_an_id_only_where_ids_are_no_positions(tmp_path: Path) -> None:
    tasks = [{"id": 1, "data": {"html": "?"}, "annotations": [chosen(1, "x")]}]
    with pytest.raises(InputError, match=r"no field of a task names a record; put the record's id into its data"):
        tacit.read_labels(stored(tmp_path, tasks), tacit.read(["so good", "so bad"]))
    (tmp_path / "t.csv").write_text("id,length,width\n7,1.5,2\n1,2.5,3\n", encoding="utf-8")
    assert tacit.read_labels(stored(tmp_path, tasks), tacit.read(tmp_path / "t.csv")).y.tolist() == [-1, 0]  # type: ignore[attr-defined]


def test_what_an_annotator_says_of_a_record_again_counts_once(tmp_path: Path, photos: Records) -> None:
    tasks = [task(1, "dog.npy", chosen(1, "dog"), chosen(2, "cow")), task(2, "cow.npy", chosen(1, "cow"))]
    votes = tacit.read_labels(stored(tmp_path, tasks), photos)
    tasks[0]["annotations"] += [chosen(1), chosen(1, "dog")]
    again = tacit.read_labels(stored(tmp_path, [*tasks, task(3, "cow.npy", chosen(1, "cow"))]), photos)
    assert isinstance(votes, Votes) and isinstance(again, Votes)
    assert said(again) == said(votes)
    assert "2 repeated votes counted once" in again.describe()
    tasks[0]["annotations"].append(chosen(2, "dog"))
    where = r"entry 0, counting from 0, annotations\[1\] and entry 0, counting from 0, annotations\[4\]"
    with pytest.raises(
        InputError, match=f"f.json: {where} are different labels by '2' for 'a/dog.npy', 'cow' and 'dog'"
    ):
        tacit.read_labels(stored(tmp_path, tasks), photos)


def test_a_single_annotator_who_says_it_again_gives_exact_labels(tmp_path: Path, photos: Records) -> None:
    tasks = [task(1, "dog.npy", chosen(1), chosen(1, "dog"), chosen(1, "dog")), task(2, "cow.npy", chosen(1, "cow"))]
    labels = tacit.read_labels(stored(tmp_path, tasks), photos)
    assert isinstance(labels, Exact) and labels.y.tolist() == [-1, 1, 0]


def shown(number: int | None, *labels: str, **data: Any) -> dict[str, Any]:
    """A task of that number, with a label of each annotator."""
    found = {"data": data, "annotations": [chosen(by, label) for by, label in enumerate(labels)]}
    return found if number is None else {"id": number, **found}


@pytest.mark.parametrize("numbers", [(31, 12, 7), (0, 1, 2), (2, 0, 1)])
def test_without_the_data_a_task_is_named_by_its_number_not_by_its_text(
    tmp_path: Path, numbers: tuple[int, int, int]
) -> None:
    first, second, third = numbers
    tasks = [
        shown(first, "x", "x", rating=first, text="so good"),
        shown(second, "y", "x", rating=first, text="so good"),
        shown(third, "y", "y", rating=second, text="so bad"),
    ]
    path = stored(tmp_path, tasks)
    records = mentioned(Look(path))
    assert records.ids == tuple(map(str, numbers))
    expected = [[0, "0", "x"], [0, "1", "x"], [1, "0", "y"], [1, "1", "x"], [2, "0", "y"], [2, "1", "y"]]
    for votes in (read_labels_file(path, records), read_labels_file(path, None)):
        assert said(votes) == expected  # type: ignore[arg-type]


def test_without_the_data_a_field_called_id_or_file_names_a_task(tmp_path: Path) -> None:
    tasks = [shown(1, "x", "y", text="so good", image="a.png"), shown(2, "y", "y", text="so bad", image="b.png")]
    assert mentioned(Look(stored(tmp_path, tasks))).ids == ("a.png", "b.png")
    tasks.append(shown(3, "x", "x", text="so so"))
    path = stored(tmp_path, tasks)
    assert mentioned(Look(path)).ids == ("1", "2", "3"), "not by a field that one of them lacks"
    assert [i for i, *_ in said(read_labels_file(path, None))] == [0, 0, 1, 1, 2, 2]  # type: ignore[arg-type]


def test_without_the_data_and_without_numbers_tasks_are_named_by_their_text(tmp_path: Path) -> None:
    path = stored(tmp_path, [shown(None, "x", "y", text="so good"), shown(None, "y", "y", text="so bad")])
    assert mentioned(Look(path)).ids == ("so good", "so bad")
    assert [i for i, *_ in said(read_labels_file(path, None))] == [0, 0, 1, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        ([{"name": "Anna", "text": "so good"}, {"name": "Anna", "text": "so bad"}], ("31", "12")),
        ([{"name": "Anna", "text": "so so"}, {"name": "Ben", "text": "so so"}], ("31", "12")),
        ([{"name": "a.png"}, {"name": "b.png"}], ("a.png", "b.png")),
        ([{"id": 1, "text": "so good"}, {"id": "1", "text": "so bad"}], ("31", "12")),
        ([{"id": 1, "image": "a.png"}, {"id": 1, "image": "b.png"}], ("a.png", "b.png")),
        ([{"image": "a.png", "question": "cat?"}, {"image": "a.png", "question": "dog?"}], ("31", "12")),
    ],
)
def test_without_the_data_a_field_that_tasks_share_names_none(
    tmp_path: Path, data: list[dict[str, Any]], ids: tuple[str, ...]
) -> None:
    path = stored(tmp_path, [shown(31, "x", **data[0]), shown(12, "y", **data[1])])
    assert mentioned(Look(path)).ids == ids
    labels = read_labels_file(path, None)
    assert isinstance(labels, Exact) and labels.y.tolist() == [0, 1]


def test_without_the_data_a_task_that_is_there_again_is_one(tmp_path: Path) -> None:
    again = [shown(1, "x", text="so good"), shown(1, "x", "y", text="so good"), shown(2, "y", text="so bad")]
    path = stored(tmp_path, again)
    assert mentioned(Look(path)).ids == ("1", "2")
    assert said(read_labels_file(path, None)) == [[0, "0", "x"], [0, "1", "y"], [1, "0", "y"]]  # type: ignore[arg-type]


def test_without_the_data_tasks_without_an_id_are_not_one_because_they_are_the_same(tmp_path: Path) -> None:
    path = stored(tmp_path, [shown(None, "x", text="ok"), shown(None, "y", text="ok")])
    with pytest.raises(InputError, match="have no id"):
        read_labels_file(path, None)


@pytest.mark.parametrize(("number", "what"), [(1, "are different tasks with the id '1'"), (None, "have no id")])
def test_tasks_that_nothing_tells_apart_are_refused_without_the_data(
    tmp_path: Path, number: int | None, what: str
) -> None:
    data = [{"text": "so good", "page": 1}, {"text": "so so", "page": 1}, {"text": "so so", "page": 2}]
    path = stored(tmp_path, [shown(2, "x", **data[0]), *(shown(number, "y", **fields) for fields in data[1:])])
    where = "f.json: entry 1, counting from 0 and entry 2, counting from 0"
    with pytest.raises(InputError, match=rf"{where} {what}, .* Give each an id of its own, or name the data"):
        read_labels_file(path, None)
    labels = tacit.read_labels(path, tacit.read(["so good", "so so"]))
    assert isinstance(labels, Exact) and labels.y.tolist() == [0, 1], "the data tell what they are"


def test_predictions_without_a_version_that_differ_are_of_several_models(tmp_path: Path, photos: Records) -> None:
    both = [model("cat", None), model("dog", None)]
    tasks = [task(1, "cat.npy", chosen(1, "cat"), predictions=both), task(2, "dog.npy", predictions=both[1:] * 2)]
    votes = tacit.read_labels(stored(tmp_path, tasks), photos)
    assert isinstance(votes, Votes) and votes.sources == ("1", "model:", "model: 2")
    assert said(votes) == [
        [0, "1", "cat"],
        [0, "model:", "cat"],
        [0, "model: 2", "dog"],
        [1, "model:", "dog"],
        [1, "model: 2", "dog"],
    ]
    votes = tacit.read_labels(stored(tmp_path, tasks[1:]), photos)
    assert isinstance(votes, Votes) and said(votes) == [[1, "model:", "dog"]], "a copy, for all that is known"
    named = [task(1, "cat.npy", predictions=[model("cat"), model("dog")])]
    with pytest.raises(InputError, match=r"predictions\[0\] and .*predictions\[1\] are different labels by 'model:v1'"):
        tacit.read_labels(stored(tmp_path, named), photos)


def test_the_small_export_without_the_data_names_tasks_by_their_number_too(tmp_path: Path) -> None:
    entry = {"text": "so good", "rating": 9, "annotation_id": 1}
    tasks = [
        entry | {"id": number, "kind": kind, "annotator": by}
        for number, kind, by in ((9, "x", 1), (9, "y", 2), (5, "x", 1))
    ]
    path = stored(tmp_path, tasks)
    assert mentioned(Look(path)).ids == ("9", "5")
    assert said(read_labels_file(path, None, target="kind")) == [[0, "1", "x"], [0, "2", "y"], [1, "1", "x"]]  # type: ignore[arg-type]


def test_file_upload_names_the_record_where_the_data_do_not(tmp_path: Path, photos: Records) -> None:
    tasks = [
        {
            "id": 5,
            "file_upload": "0a1b2c3d-cow.npy",
            "data": {"url": "https://x.org/1"},
            "annotations": [chosen(1, "cow")],
        }
    ]
    assert tacit.read_labels(stored(tmp_path, tasks), photos).y.tolist() == [-1, -1, 0]  # type: ignore[attr-defined]


def test_one_control_of_several(tmp_path: Path, photos: Records) -> None:
    both = chosen(1, "dog")
    both["result"] += chosen(1, "dark", control="light")["result"]
    path = stored(tmp_path, [task(1, "dog.npy", both)])
    assert tacit.read_labels(path, photos, target="light").task.names == ("dark",)  # type: ignore[union-attr]
    with pytest.raises(
        InputError, match=r"annotations\[0\], result\[1\]: there are several controls, 'kind' and 'light'"
    ):
        tacit.read_labels(path, photos)


MINIMAL = [
    {
        "image": "/data/upload/1/0a1b2c3d-dog.npy",
        "id": 1,
        "kind": "dog",
        "annotator": 2,
        "annotation_id": 5,
        "lead_time": 1.5,
    },
    {
        "image": "/data/upload/1/0a1b2c3d-dog.npy",
        "id": 1,
        "kind": {"choices": ["cat"]},
        "annotator": 1,
        "annotation_id": 6,
    },
    {"image": "/data/upload/1/0a1b2c3e-cow.npy", "id": 2, "kind": "cow", "annotator": 2, "annotation_id": 7},
    {
        "image": "/data/upload/1/0a1b2c3e-cow.npy",
        "id": 2,
        "kind": "dog",
        "annotator": 1,
        "annotation_id": 8,
        "was_cancelled": True,
    },
]


def test_the_small_export(tmp_path: Path, photos: Records) -> None:
    votes = tacit.read_labels(stored(tmp_path, MINIMAL), photos)
    assert isinstance(votes, Votes) and votes.sources == ("1", "2")
    assert said(votes) == [[1, "1", "cat"], [1, "2", "dog"], [2, "2", "cow"]]
    two = [dict(entry, colour="red", shape=str(k)) for k, entry in enumerate(MINIMAL)]
    for entry in two:
        entry.pop("kind")
    with pytest.raises(InputError, match=r"f.json: which field is the label: colour, shape\? Name it as target"):
        tacit.read_labels(stored(tmp_path, two), photos)
    with pytest.raises(InputError, match=r"f.json has no field 'size'"):
        tacit.read_labels(stored(tmp_path, MINIMAL), photos, target="size")
    with pytest.raises(InputError, match=r"f.json, entry 0, counting from 0, kind: several choices or none"):
        tacit.read_labels(stored(tmp_path, [dict(MINIMAL[0], kind={"choices": ["a", "b"]})]), photos)


COCO = {
    "info": {"year": 2020},
    "images": [{"id": 9, "file_name": "dog.npy"}, {"id": 4, "file_name": "photos/b/cow.npy"}],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 3, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 9, "category_id": 3},
    ],
    "categories": [{"id": 7, "name": "tree"}, {"id": 3, "name": "animal"}],
}


def test_coco_as_labels_of_images(tmp_path: Path, photos: Records) -> None:
    labels = tacit.read_labels(stored(tmp_path, COCO), photos)
    assert isinstance(labels, Exact) and labels.task.names == ("tree", "animal")
    assert_array_equal(labels.y, [[-1, -1], [0, 1], [0, 0]])
    assert_array_equal(tacit.read_labels(stored(tmp_path, COCO), photos, classes=["animal"]).y, [[-1], [1], [0]])  # type: ignore[attr-defined]


def xml(folder: Path, name: str, picture: str, *objects: str, before: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    inside = "".join(f"<object><name>{o}</name><part><name>head</name></part></object>" for o in objects)
    text = f"{before}<annotation><folder>x</folder><filename>{picture}</filename>{inside}</annotation>"
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_pascal_voc_as_labels_of_images(tmp_path: Path, photos: Records) -> None:
    folder = xml(tmp_path / "voc", "dog.xml", "dog.npy", "dog", "dog", "gräs &amp; co")
    xml(folder, "cow.xml", "renamed.jpg")
    assert [name for name, found in formats().items() if found.recognises(Look(folder))] == ["pascal-voc"]
    labels = tacit.read_labels(folder, photos)
    assert isinstance(labels, Exact) and labels.task.names == ("dog", "gräs & co")
    assert_array_equal(labels.y, [[-1, -1], [1, 1], [0, 0]])


BOMB = '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda f: xml(f, "dog.xml", "dog.npy", "&b;", before=BOMB), r"dog.xml declares a document type"),
        (
            lambda f: xml(f, "dog.xml", "dog.npy", "x", before='<!DOCTYPE a SYSTEM "file:///etc/passwd">'),
            r"declares a document type",
        ),
        (lambda f: xml(f, "dog.xml", "dog.npy", "&b;"), r"dog.xml is no valid XML: undefined entity"),
        (lambda f: xml(f, "dog.xml", "dog.npy", "<b>" * 200 + "</b>" * 200), r"nested more than 100 deep"),
        (lambda f: xml(f, "dog.xml", "dog.npy", "<b>"), r"dog.xml is no valid XML: mismatched tag"),
        (lambda f: xml(f, "dog.xml", "dog.npy", " "), r"dog.xml: an object has an empty name"),
        (lambda f: xml(f, "dog.xml", "dog.npy"), r"no file names an object"),
        (lambda f: xml(f, "pig.xml", "pig.npy", "x"), r"voc, filename: no record has the id 'pig' \(pig.xml\)"),
        (
            lambda f: xml(xml(f, "dog.xml", "dog.npy", "x"), "two.xml", "dog.npy", "y"),
            r"voc: dog.xml and two.xml both speak of",
        ),
        (lambda f: (f.mkdir(), (f / "dog.xml").write_text("<html/>"))[0] or f, r"dog.xml holds <html>"),
        (lambda f: (f.mkdir(), (f / "dog.xml").write_bytes(b""))[0] or f, r"dog.xml is no valid XML: no element found"),
        (lambda f: (f.mkdir(), (f / "dog.txt").write_bytes(b""))[0] or f, r"holds no XML files"),
    ],
)
def test_xml_that_is_refused(tmp_path: Path, photos: Records, write: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labels_file(write(tmp_path / "voc"), photos, kind="pascal-voc")


def test_classes_that_pascal_voc_does_not_have(tmp_path: Path, photos: Records) -> None:
    folder = xml(tmp_path / "voc", "dog.xml", "dog.npy", "dog")
    with pytest.raises(InputError, match=r"dog.xml: 'dog' is none of the classes. Did you mean 'dogs'"):
        tacit.read_labels(folder, photos, classes=["dogs", "cats"])


def edited(value: Any, path: str, new: Any) -> Any:
    """A copy with ``new`` at a path like ``images.0.id``; ``...`` removes what is there."""
    copied = copy.deepcopy(value)
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = copied
    for step in parents:
        inner = inner[step]
    if new is ...:
        del inner[last]
    else:
        inner[last] = new
    return copied


@pytest.mark.parametrize(
    ("value", "path", "new", "message"),
    [
        (COCO, "images", [], r"f.json has no images"),
        (COCO, "images", {"a": 1}, r"f.json, images: expected a list, found an object"),
        (COCO, "categories", None, r"f.json has no categories"),
        (COCO, "images.0", 5, r"f.json, images\[0\]: expected an object, found the number 5"),
        (COCO, "images.0.file_name", ..., r"f.json, images\[0\], file_name: expected a name, found null"),
        (COCO, "images.0.file_name", "pig.npy", r"f.json, images: no record has the id 'pig.npy' \(entry 0\)"),
        (COCO, "images.1.file_name", "a/dog.npy", r"f.json, images: entry 0 and entry 1 both speak of 'a/dog.npy'"),
        (COCO, "images.1.id", 9, r"f.json, images\[1\] has the id the number 9, as has entry 0"),
        (COCO, "images.1.id", True, r"f.json, images\[1\], id: expected a whole number, found true"),
        (COCO, "categories.1.name", "tree", r"f.json: two categories are called 'tree'"),
        (COCO, "categories.1.name", 3, r"f.json, categories\[1\], name: expected a name, found the number 3"),
        (COCO, "annotations.1.image_id", 5, r"f.json, annotations\[1\], image_id: there is no image the number 5"),
        (
            COCO,
            "annotations.0.category_id",
            [3],
            r"f.json, annotations\[0\], category_id: expected a whole number, found a list",
        ),
        (EXPORT, "0.data", "x", r"f.json, entry 0, counting from 0, data: expected an object, found 'x'"),
        (
            EXPORT,
            "1.annotations",
            4,
            r"f.json, entry 1, counting from 0, annotations: expected a list, found the number 4",
        ),
        (
            EXPORT,
            "1.annotations.0",
            [],
            r"entry 1, counting from 0, annotations\[0\]: expected an object, found a list",
        ),
        (EXPORT, "1.annotations.0.completed_by", ..., r"annotations\[0\], completed_by: expected a name, found null"),
        (EXPORT, "0.annotations.1.completed_by", {}, r"annotations\[1\], completed_by: expected a name, found null"),
        (
            EXPORT,
            "1.predictions.0.model_version",
            [1],
            r"predictions\[0\], model_version: expected a name, found a list",
        ),
        (EXPORT, "1.annotations.0.result", "cow", r"annotations\[0\], result: expected a list, found 'cow'"),
        (EXPORT, "1.annotations.0.result.0.value", 7, r"annotations\[0\], result\[0\]: no list of choices"),
        (EXPORT, "1.annotations.0.result.0.value.choices", ["a", "b"], r"result\[0\]: several choices, but one class"),
        (
            EXPORT,
            "1.annotations.0.result.0.value.choices",
            [None],
            r"result\[0\], choices: expected a name, found null",
        ),
        (
            EXPORT,
            "2.data.image",
            "pig.npy",
            r"f.json: 1 of 3 tasks name no record.*entry 2.*put the id into the task's data",
        ),
        (MINIMAL, "1.annotator", None, r"f.json, entry 1, counting from 0, annotator: expected a name, found null"),
        (MINIMAL, "1.kind", [], r"f.json, entry 1, counting from 0, kind: expected a name, found a list"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, photos: Records, value: Any, path: str, new: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tacit.read_labels(stored(tmp_path, edited(value, path, new)), photos)


def test_all_cancelled_and_classes_that_there_are_not(tmp_path: Path, photos: Records) -> None:
    with pytest.raises(InputError, match=r"f.json: every annotation is cancelled or empty"):
        tacit.read_labels(stored(tmp_path, EXPORT[2:]), photos)
    with pytest.raises(
        InputError, match=r"f.json, entry 0, counting from 0, annotations\[0\]: 'dog' is none of the classes"
    ):
        tacit.read_labels(stored(tmp_path, EXPORT), photos, classes=["cat", "cow"])
    with pytest.raises(InputError, match=r"f.json: unknown category 'pig'"):
        tacit.read_labels(stored(tmp_path, COCO), photos, classes=["pig"])
    with pytest.raises(InputError, match=r"f.json: expected an object with images"):
        read_labels_file(stored(tmp_path, [COCO]), photos, kind="coco")


def places(value: Any, here: str = "") -> Iterator[str]:
    """The path of everything in a value."""
    if here:
        yield here
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in entries:
        yield from places(inner, f"{here}.{step}" if here else str(step))


ODD: list[Any] = [None, True, -1, 2**63, 0.5, "", "x", [], [None], [[]], {}, {"id": 1}, ...]
LINES = [{"id": 0, "candidates": ["a", "b"]}, {"id": 1, "candidates": ["b"]}]
SHARES = [{"id": 0, "probabilities": {"a": 0.5, "b": 0.5}}, {"id": 1, "probabilities": {"a": 1.0}}]


def outcome(path: Path, records: Records, kind: str) -> bool:
    """Whether the file is read, or refused by its name; any other error is raised."""
    try:
        return len(read_labels_file(path, records, kind=kind)) == len(records)
    except InputError as error:
        return path.name in str(error)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("coco", COCO), ("label-studio", EXPORT), ("label-studio-min", MINIMAL), ("candidates", LINES), ("soft", SHARES)],
)
def test_whatever_stands_anywhere_is_read_or_refused(tmp_path: Path, photos: Records, kind: str, value: Any) -> None:
    records = tacit.read(["so good", "so bad"]) if kind in ("candidates", "soft") else photos
    for path in places(value):
        for new in ODD:
            assert outcome(stored(tmp_path, edited(value, path, new)), records, kind), f"{path} = {new!r}"
