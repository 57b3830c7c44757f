"""Pascal VOC: a folder of XML files, as labels of whole images: which classes of objects are in each."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

import numpy as np

from tacit.data.records import Records
from tacit.data.sources.files import read_bytes
from tacit.errors import InputError
from tacit.labels.base import Labels
from tacit.labels.exact import Exact, sort_names
from tacit.labels.formats.base import Format, Options
from tacit.labels.formats.cells import once
from tacit.labels.formats.look import Look
from tacit.labels.ids import Named, Place, match_ids
from tacit.labels.values_io import positions
from tacit.listing import nearest

DEEPEST = 100
"""Levels of elements beyond which a file is refused."""


class PascalVoc(Format):
    """A file an image, whose name is in ``filename``, else that of the XML file; ``object/name`` are its classes.

    An image without objects has none of them; a record without a file is unknown. Classes are sorted unless given.
    Recognised by an ``annotation`` at the start of the folder's first XML file. DTDs are refused. Not written.
    """

    name = "pascal-voc"
    title = "a folder of Pascal VOC files"
    kind = "pascal-voc"

    def recognises(self, look: Look) -> bool:
        files = _xml(look)
        return bool(files) and "<annotation" in Look(look.path / files[0]).start

    def read(self, look: Look, records: Records, options: Options) -> Labels:
        files = _xml(look)
        if not files:
            raise InputError(f"{look.path} holds no XML files; give the folder of annotations")
        named = Named(records)
        pictures: list[str] = []
        objects: list[list[str]] = []
        for name in files:
            found = _File(look.path / name)
            by_file = found.picture is not None and named.find(found.picture)
            pictures.append(found.picture if by_file and found.picture else name.removesuffix(".xml"))
            objects.append(found.objects)
        record = np.array(match_ids(pictures, records, Place(look.name, "filename", lambda row: files[row])))
        once(record, records, look.name, lambda row: files[row])
        classes = options.classes or sort_names({name for names in objects for name in names})
        if not classes:
            raise InputError(f"{look.path}: no file names an object, so nothing says what the classes are")
        number = positions(classes)
        y = np.full((len(records), len(classes)), -1, dtype=np.int64)
        y[record] = 0
        for row, names in enumerate(objects):
            for name in names:
                if name not in number:
                    raise InputError(f"{files[row]}: {name!r} is none of the classes. {nearest(name, classes)}")
                y[record[row], number[name]] = 1
        return Exact(y, classes)


class _File:
    """What an annotation says of its image: ``picture``, the name of the image, and ``objects``, their classes."""

    def __init__(self, path: Path) -> None:
        self.picture: str | None = None
        self.objects: list[str] = []
        self._path, self._open, self._text = path, list[str](), list[str]()
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(read_bytes(path), True)
        except expat.ExpatError as error:
            raise InputError(f"{path} is no valid XML: {error}.") from None
        except (ValueError, LookupError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} cannot be read: {error}.") from None

    def _doctype(self, *_: object) -> None:
        raise InputError(f"{self._path} declares a document type, which can name other files; remove <!DOCTYPE ...>.")

    def _start(self, name: str, _: object) -> None:
        if not self._open and name != "annotation":
            raise InputError(f"{self._path} holds <{name:.40}>; an annotation starts with <annotation>.")
        if len(self._open) >= DEEPEST:
            raise InputError(f"{self._path} has elements nested more than {DEEPEST} deep; no annotation has.")
        self._open.append(name)
        self._text.clear()

    def _end(self, _: str) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        match self._open:
            case ["annotation", "filename"]:
                self.picture = text or None
            case ["annotation", "object", "name"]:
                if not text:
                    raise InputError(f"{self._path}: an object has an empty name.")
                self.objects.append(text)
        self._open.pop()


def _xml(look: Look) -> list[str]:
    return [name for name in look.files if name.lower().endswith(".xml")]
