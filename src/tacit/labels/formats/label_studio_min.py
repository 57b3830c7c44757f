"""Label Studio's small JSON export (JSON-MIN) of single-choice classification."""

from __future__ import annotations

from typing import Any

from tacit.data.records import Records
from tacit.data.sources.files import listed
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.json_cells import name_of
from tacit.labels.formats.look import Look
from tacit.labels.formats.tasks import Finder, Said, Task, evidence, place
from tacit.labels.read import LABEL_NAMES, named_column

_OWN = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "was_cancelled", "cancelled"}
)


class LabelStudioMin(Format):
    """One object an annotation: the task's data, ``annotator``, and the choice under the name of its control.

    The control is ``target``, else a field called label or the like or choice, else the only field beside the one
    that names most records. The rest is as in the full export. Recognised by ``annotator`` with ``annotation_id`` or
    ``lead_time``.
    """

    name = "label-studio-min"
    title = "a Label Studio JSON-MIN export"
    kind = "label-studio"
    targeted = True

    def recognises(self, look: Look) -> bool:
        return "annotator" in look.first and bool({"annotation_id", "lead_time"} & set(look.first))

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        entries = look.rows.objects
        control = options.target if options.target is not None else _control(look.name, entries, records)
        if not any(control in entry for entry in entries):
            raise InputError(f"{look.name} has no field {control!r}; name the control as target")
        tasks = []
        for k, entry in enumerate(entries):
            where = f"{look.name}, {look.rows.where(k)}"
            data = {name: value for name, value in entry.items() if name not in _OWN and name != control}
            annotator = entry.get("annotator")
            by = annotator.get("email") or annotator.get("id") if isinstance(annotator, dict) else annotator
            source = (annotator if isinstance(annotator, int) else None, name_of(by, f"{where}, annotator"))
            cancelled = entry.get("was_cancelled") is True or entry.get("cancelled") is True
            label = None if cancelled else _choice(entry.get(control), f"{where}, {control}")
            own = None if entry.get("id") is None else str(entry["id"])
            tasks.append(Task(data, {"id": entry.get("id")}, [Said(source, label, where)], where, own))
        return evidence(look.name, place(look.name, tasks, records), tasks, records, options)


def _control(name: str, entries: list[dict[str, Any]], records: Records) -> str:
    fields = [field for field in dict.fromkeys(key for entry in entries for key in entry) if field not in _OWN]
    called = named_column(fields, (*LABEL_NAMES, "choice", "choices"))
    if called is not None:
        return called
    finder = Finder(records)
    naming = {field: sum(finder.find(entry.get(field)) is not None for entry in entries) for field in fields}
    most = max(naming.values(), default=0)
    left = [field for field in fields if naming[field] < most or not most]
    if len(left) != 1:
        raise InputError(f"{name}: which field is the label: {listed(left or fields, 8)}? Name it as target.")
    return left[0]


def _choice(value: Any, where: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        value = value.get("choices")
        if not isinstance(value, list) or len(value) != 1:
            raise InputError(f"{where}: several choices or none, but one class a record can be read.")
        value = value[0]
    return name_of(value, where)
