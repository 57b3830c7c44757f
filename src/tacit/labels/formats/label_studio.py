"""Label Studio's JSON export of single-choice classification, in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tacit.data.atomic import atomic_write
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.json_cells import keeps_names, name_of
from tacit.labels.formats.long_votes import plain_once
from tacit.labels.formats.look import Look
from tacit.labels.formats.mentioned import Mentioned, task_ids
from tacit.labels.formats.tasks import MODEL, Said, Task, evidence, members, place
from tacit.labels.json_text import said
from tacit.labels.votes import Votes

LISTS = ("annotations", "completions")


class LabelStudio(Format):
    """Tasks with ``data``, ``annotations`` of several annotators, and ``predictions``.

    One annotator and no prediction are exact labels; more are `Votes` of annotators, in the order of their numbers,
    and of a source ``model:VERSION`` for each version of a model; where models without a version contradict each other
    on a record, the second to predict it is ``model: 2``. Cancelled and empty annotations abstain. ``target``:
    the name of the control, where there are several. Which record a task speaks of: see `tacit.labels.formats.tasks`.
    Written, it does not hold the order of the classes, or classes without a vote.
    """

    name = "label-studio"
    title = "a Label Studio export"
    kind = "label-studio"
    suffixes = (".json",)
    targeted = True

    def recognises(self, look: Look) -> bool:
        listed = any(isinstance(look.first.get(name), list) for name in LISTS)
        return listed and "data" in look.first

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        tasks: list[Task] = []
        control = options.target
        entries = look.rows.objects
        called = task_ids(look) if isinstance(records, Mentioned) else [None] * len(entries)
        for k, (entry, own) in enumerate(zip(entries, called, strict=True)):
            where = f"{look.name}, {look.rows.where(k)}"
            names = {field: entry.get(field) for field in ("file_upload", "id")}
            votes: list[Said] = []
            for field in (*LISTS, "predictions"):
                for n, given in enumerate(members(entry, field, where)):
                    spot = f"{where}, {field}[{n}]"
                    label, control = _choice(given, spot, control, options.target is None)
                    source = _model(given, spot) if field == "predictions" else _annotator(given, spot)
                    votes.append(Said(source, label, spot))
            tasks.append(Task(_data(entry, where), names, votes, where, own))
        return evidence(look.name, place(look.name, tasks, records), tasks, records, options)

    def holds(self, labels: Labels) -> bool:
        return isinstance(labels, Votes) and not labels.informative and plain_once(labels)

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Votes)
        ballots, names, sources = labels.ballots, labels.task.names, labels.sources
        keeps_names((*ids, *names, *sources), self.title)
        silent = sorted(set(range(len(sources))) - set(ballots.source.tolist()))
        seen = labels.observed().tolist()
        if not seen:
            raise InputError(
                "a Label Studio file without a vote says nothing of the classes; write JSON lines (.jsonl)"
            )
        tasks = []
        for number, i in enumerate(seen):
            mine = range(ballots.offsets[i], ballots.offsets[i + 1])
            votes = [_annotation(int(ballots.source[k]), sources, names[ballots.vote[k]]) for k in mine]
            votes += [_annotation(s, sources, None) for s in silent if number == 0]
            tasks.append({"id": number + 1, "data": {"id": ids[i]}, "annotations": votes, "predictions": []})
        atomic_write(path, json.dumps(tasks, indent=1))


def _annotation(source: int, sources: Sequence[str], label: str | None) -> dict[str, Any]:
    value = {"type": "choices", "from_name": "label", "to_name": "data", "value": {"choices": [label]}}
    result = [] if label is None else [value]
    by = {"id": source + 1, "email": sources[source]}
    return {"completed_by": by, "was_cancelled": label is None, "result": result}


def _data(entry: dict[str, Any], where: str) -> dict[str, Any]:
    data = entry.get("data", {})
    if not isinstance(data, dict):
        raise InputError(f"{where}, data: expected an object, found {said(data)}.")
    return data


def _annotator(given: dict[str, Any], where: str) -> tuple[int | None, str]:
    """The number that orders an annotator, if there is one, and the name."""
    by = given.get("completed_by")
    if not isinstance(by, dict):
        return by if isinstance(by, int) else None, name_of(by, f"{where}, completed_by")
    number = by.get("id")
    name = by.get("email") or number
    return number if isinstance(number, int) else None, name_of(name, f"{where}, completed_by")


def _model(given: dict[str, Any], where: str) -> tuple[int | None, str]:
    version = given.get("model_version")
    return None, MODEL + ("" if version in (None, "") else name_of(version, f"{where}, model_version"))


def _choice(given: dict[str, Any], where: str, control: str | None, free: bool) -> tuple[str | None, str | None]:
    """The class that was chosen, None for an abstention, and the control it was chosen with.

    ``free``: other controls are an `InputError`, because none was asked for; else they are passed over.
    """
    if given.get("was_cancelled") is True or given.get("cancelled") is True:
        return None, control
    found: str | None = None
    for k, result in enumerate(members(given, "result", where)):
        if result.get("type", "choices") != "choices":
            continue
        spot, name = f"{where}, result[{k}]", result.get("from_name")
        if control is not None and name is not None and name != control:
            if free:
                raise InputError(
                    f"{spot}: there are several controls, {control!r} and {said(name)}; name one as target."
                )
            continue
        control = control if control is not None or not isinstance(name, str) else name
        value = result.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(choices, list) or len(choices) != 1 or found is not None:
            several = isinstance(choices, list) and bool(choices)
            what = "several choices, but one class a record can be read" if several else "no list of choices"
            raise InputError(f"{spot}: {what}.")
        found = name_of(choices[0], f"{spot}, choices")
    return found, control
