"""Classes that are named alike, so that one of them may be a slip of the pen."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import takewhile

RARE = 2
"""As often a class may be named, whatever the other, and be taken for a slip of it."""

SHARE = 0.01
"""The part of the other's times, beyond ``RARE``, that it may be named."""

TIMES = 10
"""As many times as often the other has to be named."""

SHORTEST = 3
"""Letters of the shortest word that can be misspelt; shorter ones are codes."""

READABLE = 5
"""Letters from which on a word with one letter changed is hardly another word, and capitals are hardly a code."""

LONGEST = 100
"""Letters of the longest name whose slips are looked for; longer ones are texts."""

_APART = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=[^\W\d_])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_ROMAN = frozenset("ivxlcdm")


def alike(counts: Mapping[str, float]) -> list[tuple[str, str]]:
    """Pairs of a class and the one that it may be meant for, of classes that were named ``counts`` times.

    They are equal but for case and spaces, hyphens or underscores; or the first is rare beside the second, and one
    word of it has one slip after its first letter: a letter too many or too few, two exchanged, or in longer words one
    that is another. What tells classes apart on purpose is no slip: digits, single letters, short codes, Roman
    numerals, and beginnings such as *a-* and *un-*. A class comes first in one pair at most.
    """
    named = sorted((name for name in counts if counts[name] > 0), key=lambda name: -counts[name])
    found = _same(named)
    short = [name for name in named if len(name) <= LONGEST]
    rare = [name for name in short if name not in found and _beside(counts[name], counts[named[0]])]
    usual: defaultdict[int, list[str]] = defaultdict(list)
    for other in short:
        if rare and _beside(counts[rare[-1]], counts[other]):
            for key in _keys(other):
                usual[key].append(other)
    for name in rare:
        near = {other for key in _keys(name) for other in usual.get(key, ()) if _beside(counts[name], counts[other])}
        if meant := [other for other in near if _misspelt(name, other)]:
            found[name] = max(meant, key=lambda other: (counts[other], other))
    return [(name, found[name]) for name in named if name in found]


def _same(named: list[str]) -> dict[str, str]:
    """Of each name that an earlier one is written like, but for case and what parts words: that one."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in named:
        other = first.setdefault(_APART.sub("", name.strip().casefold()), name)
        if other != name and sum(map(str.isalpha, name)) >= SHORTEST:
            found[name] = other
    return found


def _keys(name: str) -> set[int]:
    """Hashes of its words as they are and less one letter each, of which names that are a slip apart share one.

    Source: SymSpell (Garbe, 2012). To look these up takes time linear in the names, to compare all pairs does not.
    """
    text = " ".join(_WORD.findall(name.casefold()))
    return {hash(text), *(hash(text[:k] + text[k + 1 :]) for k in range(len(text)))}


def _beside(rare: float, usual: float) -> bool:
    """Whether a class that is named ``rare`` times is rare beside one that is named ``usual`` times."""
    return rare <= max(RARE, SHARE * usual) and usual >= TIMES * rare


def _misspelt(name: str, other: str) -> bool:
    """Whether all words are the same but one, which has a slip."""
    mine, others = _WORD.findall(name.casefold()), _WORD.findall(other.casefold())
    if len(mine) != len(others) or _coded(name) or _coded(other):
        return False
    apart = [(a, b) for a, b in zip(mine, others, strict=True) if a != b]
    return len(apart) == 1 and not any(map(_code, apart[0])) and _slip(*apart[0])


def _coded(name: str) -> bool:
    return name.isupper() and len(name) < READABLE


def _code(word: str) -> bool:
    return len(word) < SHORTEST or word.isdigit() or set(word) <= _ROMAN


def _slip(a: str, b: str) -> bool:
    """Whether one edit after the first letter makes one word of the other, and hardly makes another word."""
    short, long = sorted((a, b), key=len)
    start = _shared(short, long)
    end = _shared(short[start:][::-1], long[start:][::-1])
    less, more = short[start : len(short) - end], long[start : len(long) - end]
    if not start:
        return False
    if not less:
        plural_or_doubled = more == long[start - 1] or (more == "s" and not end)
        return len(more) == 1 and (plural_or_doubled or len(short) > SHORTEST)
    if len(more) == 1:
        return end > 0 and len(short) >= READABLE
    return len(more) == 2 and less == more[::-1]


def _shared(a: str, b: str) -> int:
    """How many letters two words begin with together."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
