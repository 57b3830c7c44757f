"""What every format of labels says of itself, and what its reader may be told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tacit.data.records import Records
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.formats.look import Look
from tacit.listing import subclasses


@dataclass(frozen=True)
class Options:
    """What a file does not say.

    ``target``: the column, or control, that holds the labels. ``task``: "classes" or "regression". ``classes``: their
    names in order, where the file does not order them. ``of``: the class that preferences speak of. ``abstain``: what
    a missing vote means, as `tacit.labels.Votes` has it.
    """

    target: str | None = None
    task: str | None = None
    classes: Sequence[str] | None = None
    of: str | None = None
    abstain: str | None = None


class Format(ABC):
    """A kind of file that holds labels. Stateless; a subclass is one file in this package.

    ``name``: what users type. ``title``: what it is, for people. ``kind``: the evidence in it, by which it can be
    asked for too. ``tasks``: what its labels can be about. ``suffixes``: of the files that it writes.
    ``targeted``: whether it knows what to do with a target; ``paired``: with a second file.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("classes",)
    suffixes: ClassVar[tuple[str, ...]] = ()
    targeted: ClassVar[bool] = False
    paired: ClassVar[bool] = False

    @abstractmethod
    def recognises(self, look: Look) -> bool:
        """Whether the file can hardly be anything else; never raises."""

    def suits(self, look: Look) -> bool:
        """Whether it may be this format, among those of its kind, once the kind is asked for; never raises."""
        return self.recognises(look)

    @abstractmethod
    def read(self, look: Look, records: Records, options: Options) -> Labels:
        """The labels, aligned to ``records``; what cannot be read is an `InputError` that says where."""

    def holds(self, labels: Labels) -> bool:
        """Whether labels of this kind can be written."""
        return False

    def write(self, path: Path, labels: Labels, ids: Sequence[str]) -> None:
        """Write ``labels``, aligned to ``ids``; what would not come back is an `InputError`."""
        raise InputError(
            f"{self.title} is read only; write JSON lines (a name that ends in .jsonl), which hold anything"
        )


def formats() -> dict[str, Format]:
    """Every format by name."""
    found: dict[str, Format] = {}
    for kind in subclasses("tacit.labels.formats", Format).values():
        if kind.name in found:
            raise RuntimeError(f"two formats have the name {kind.name!r}")
        found[kind.name] = kind()
    return dict(sorted(found.items()))
