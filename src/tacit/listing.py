"""Finds the parts of the library by listing packages, so that an addition is a new file and no edit elsewhere."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Any

from tacit.errors import InputError


@cache
def constants(package: str, constant: str) -> dict[str, Any]:
    """``{constant.name: constant}`` of every module of ``package`` that defines ``constant``; a clash is an error."""
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(_path(package)):
        value = getattr(importlib.import_module(f"{package}.{info.name}"), constant, None)
        if value is None:
            continue
        if value.name in found:
            raise RuntimeError(f"two modules of {package} define the name {value.name!r}")
        found[value.name] = value
    return dict(sorted(found.items()))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that ends an error message: the nearest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    if close:
        original = next(n for n in names if n.lower() == close[0])
        return f"Did you mean {original!r}?"
    return "Known are: " + ", ".join(names) + "."


def pick(name: str, known: dict[str, Any], what: str) -> Any:
    """``known[name]``, or an `InputError` that suggests the nearest name."""
    if name not in known:
        raise InputError(f"unknown {what} {name!r}. {nearest(name, known)}")
    return known[name]


@cache
def subclasses(package: str, base: type) -> dict[str, Any]:
    """``{name: class}`` of every class without abstract methods that a module of ``package`` derives from ``base``."""
    modules = [importlib.import_module(f"{package}.{info.name}") for info in pkgutil.iter_modules(_path(package))]
    found = {
        value.__name__: value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    }
    return {name: value for name, value in sorted(found.items()) if not inspect.isabstract(value)}


def _path(package: str) -> Iterable[str]:
    return importlib.import_module(package).__path__
