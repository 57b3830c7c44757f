"""What the caller of ``tacit.read`` asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.errors import InputError


@dataclass(frozen=True)
class Ask:
    """The arguments of `tacit.data.read.read`; ``text`` is a tuple, empty where none was named."""

    modality: str | None = None
    id: str | None = None
    exclude: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    path: str | None = None
    bag: str | None = None

    @staticmethod
    def of(
        modality: str | None,
        id: str | None,
        exclude: Sequence[str],
        text: str | Sequence[str] | None,
        path: str | None,
        bag: str | None = None,
    ) -> Ask:
        """Checked: a named column of texts, paths or bags implies the modality, and must not contradict it."""
        for wanted, given, option in (("text", text, "text"), ("image", path, "path"), ("set", bag, "bag")):
            if given and modality not in (None, wanted):
                raise InputError(f"--{option} is for modality {wanted!r}, but {modality!r} was asked for.")
        texts = (text,) if isinstance(text, str) else tuple(text or ())
        found = "text" if texts else "image" if path else "set" if bag else modality
        if found == "set" and id is not None:
            raise InputError(f"--id names {id!r}, but the ids of bags are in the column of --bag; leave --id out.")
        return Ask(found, id, (exclude,) if isinstance(exclude, str) else tuple(exclude), texts, path, bag)

    def columns(self) -> tuple[str, ...]:
        """Every column that was named."""
        return tuple(name for name in (*self.exclude, self.id, self.path, self.bag, *self.text) if name is not None)

    def without_columns(self, what: str) -> None:
        """An error where a column was named for a source that has none."""
        for option, given in (("id", self.id), ("text", self.text), ("path", self.path), ("bag", self.bag)):
            if given:
                raise InputError(f"--{option} names a column of a table, but {what} has no columns.")
