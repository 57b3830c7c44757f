"""HTML as a tree, strict where browsers are lenient: every element has to be closed in its turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "img", "br", "input", "hr", "path"})


@dataclass
class Element:
    """A tag with its attributes and children; text is a child too."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str = "", class_: str = "", **attributes: str) -> list[Element]:
        return [e for e in self.walk() if e.matches(tag, class_, attributes)]

    def one(self, tag: str = "", class_: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, class_, **attributes)
        return found

    def matches(self, tag: str, class_: str, attributes: dict[str, str]) -> bool:
        classes = self.attributes.get("class", "").split()
        return (
            (not tag or self.tag == tag)
            and (not class_ or class_ in classes)
            and all(self.attributes.get(k) == v for k, v in attributes.items())
        )


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, {k: v or "" for k, v in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> at {self.getpos()} closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(html: str) -> Element:
    """The tree of a whole document; an unbalanced one is an assertion error."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert len(builder.open) == 1, f"never closed: {[e.tag for e in builder.open[1:]]}"
    return builder.open[0]
