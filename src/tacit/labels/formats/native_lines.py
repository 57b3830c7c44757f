"""Lines of JSON as this library writes them: evidence of any kind, and mixtures, without loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tacit.data.records import Records
from tacit.labels.base import Labels
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.files import NATIVE
from tacit.labels.formats.look import Look
from tacit.labels.native import read_evidence, write_evidence


class NativeLines(Format):
    """`tacit.labels.native`. Recognised by its first line."""

    name = NATIVE
    title = "evidence as JSON lines"
    kind = "native"
    tasks = ("classes", "regression")
    suffixes = (".jsonl",)
    targeted = True

    def recognises(self, look: Look) -> bool:
        return look.first.get("tacit") == "labels"

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        return read_evidence(look.path, records.ids)

    def holds(self, labels: Labels) -> bool:
        return True

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        write_evidence(path, labels, ids)
