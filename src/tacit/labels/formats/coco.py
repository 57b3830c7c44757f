"""COCO's JSON, as labels of whole images: which categories are in each."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tacit.data.atomic import atomic_write
from tacit.data.records import Records
from tacit.data.task import MultiLabel
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import once
from tacit.labels.formats.json_cells import keeps_names
from tacit.labels.formats.look import Look
from tacit.labels.formats.tasks import members
from tacit.labels.ids import Place, match_ids
from tacit.labels.json_text import document, said
from tacit.labels.values_io import positions
from tacit.listing import pick

_PARTS = tuple(re.compile(rf'"{part}"\s*:\s*\[') for part in ("images", "annotations", "categories"))
_Key = int | str


class Coco(Format):
    """``images``, ``annotations`` and ``categories``; a category is present where any annotation says so.

    An image without annotations has none of them; a record whose image is not listed is unknown. Classes are in the
    order of ``categories``. Recognised by two of the three lists at the file's start or end. Written, it does not hold
    records of which only some labels are known.
    """

    name = "coco"
    title = "a COCO file"
    kind = "coco"
    suffixes = (".json",)

    def recognises(self, look: Look) -> bool:
        if look.suffix != ".json" or not look.start.lstrip().startswith("{"):
            return False
        return sum(part.search(look.start) is not None or part.search(look.end) is not None for part in _PARTS) >= 2

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        value = document(look.path)
        if not isinstance(value, dict):
            raise InputError(f"{look.name}: expected an object with images and annotations, found {said(value)}")
        images, categories = (members(value, part, look.name) for part in ("images", "categories"))
        if not images or not categories:
            raise InputError(f"{look.name} has no {'categories' if images else 'images'}; it needs a list of them")
        names = [_text(entry, "name", f"{look.name}, categories[{k}]") for k, entry in enumerate(categories)]
        files = [_text(entry, "file_name", f"{look.name}, images[{k}]") for k, entry in enumerate(images)]
        spot = Place(look.name, "images", lambda row: f"entry {row}")
        record = np.array(match_ids(files, records, spot), dtype=np.int64)
        once(record, records, f"{look.name}, images", spot.where)
        image, category = _numbers(images, f"{look.name}, images"), _numbers(categories, f"{look.name}, categories")
        y = np.full((len(records), len(names)), -1, dtype=np.int64)
        y[record] = 0
        for k, entry in enumerate(members(value, "annotations", look.name)):
            where = f"{look.name}, annotations[{k}]"
            row = _known(entry, "image_id", image, where)
            y[record[row], _known(entry, "category_id", category, where)] = 1
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"{look.name}: two categories are called {repeated[0]!r}; give each a name of its own")
        if options.classes is None:
            return Exact(y, names)
        number = positions(names)
        return Exact(y[:, [pick(name, number, "category") for name in options.classes]], options.classes)

    def holds(self, labels: Labels) -> bool:
        if not isinstance(labels, Exact) or not isinstance(labels.task, MultiLabel):
            return False
        known = labels.y >= 0
        return bool((known.all(axis=1) | ~known.any(axis=1)).all()) and bool(known.any())

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        assert isinstance(labels, Exact)
        seen = labels.labelled().tolist()
        names = labels.task.names
        keeps_names((*(ids[i] for i in seen), *names), self.title)
        present = np.argwhere(labels.y[seen] == 1).tolist()
        value = {
            "images": [{"id": k + 1, "file_name": ids[i]} for k, i in enumerate(seen)],
            "annotations": [{"id": k + 1, "image_id": i + 1, "category_id": c + 1} for k, (i, c) in enumerate(present)],
            "categories": [{"id": c + 1, "name": name} for c, name in enumerate(names)],
        }
        atomic_write(path, json.dumps(value, indent=1))


def _text(entry: dict[str, Any], field: str, where: str) -> str:
    found = entry.get(field)
    if not isinstance(found, str) or not found:
        raise InputError(f"{where}, {field}: expected a name, found {said(found)}.")
    return found


def _key(entry: dict[str, Any], field: str, where: str) -> _Key:
    found = entry.get(field)
    if isinstance(found, bool) or not isinstance(found, int | str):
        raise InputError(f"{where}, {field}: expected a whole number, found {said(found)}.")
    return found


def _numbers(entries: list[dict[str, Any]], where: str) -> dict[_Key, int]:
    """Where each id stands."""
    found: dict[_Key, int] = {}
    for k, entry in enumerate(entries):
        key = _key(entry, "id", f"{where}[{k}]")
        if found.setdefault(key, k) != k:
            raise InputError(f"{where}[{k}] has the id {said(key)}, as has entry {found[key]}; ids are unique.")
    return found


def _known(entry: dict[str, Any], field: str, known: dict[_Key, int], where: str) -> int:
    key = _key(entry, field, where)
    if key not in known:
        raise InputError(f"{where}, {field}: there is no {field.removesuffix('_id')} {said(key)}.")
    return known[key]
