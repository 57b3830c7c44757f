"""Replacement by TF-IDF against the formulas of Xie et al. 2020, written out with dictionaries and loops."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from tacit.modalities.text_replace import Replacement

PAD, SIZE = 0, 12
TEXTS = [[2, 3, 4, 5], [2, 3, 6], [2, 7, 7, 8, 2, 9], [2], [3, 10, 4, 4]]


def rng(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    ids = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.int32)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = torch.tensor(text, dtype=torch.int32)
    return ids, ids != PAD


def inverse() -> dict[int, float]:
    documents = Counter(word for text in TEXTS for word in set(text))
    return {word: math.log(len(TEXTS) / n) for word, n in documents.items()}


def scores(text: list[int]) -> dict[int, float]:
    idf = inverse()
    return {word: text.count(word) / len(text) * idf[word] for word in text}


@pytest.fixture(scope="module")
def fitted() -> Replacement:
    return Replacement.fit(*padded(TEXTS), SIZE)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_chances_are_those_of_the_paper(fitted: Replacement, share: float) -> None:
    ids, content = padded(TEXTS)
    found = fitted.chances(ids, content, share)
    for row, text in zip(found.tolist(), TEXTS, strict=True):
        s = [scores(text)[word] for word in text]
        below = [max(s) - value for value in s]
        z = sum(below) / len(text)
        expected = [min(1.0, share * b / z) if z > 1e-9 else 0.0 for b in below]
        assert row[: len(text)] == pytest.approx(expected, abs=1e-6)
        assert not any(row[len(text) :])
        assert min(row[i] for i, value in enumerate(s) if value == max(s)) == 0.0, "the word that says most stays"


def test_replacements_are_drawn_by_what_they_do_not_say(fitted: Replacement) -> None:
    total: Counter[int] = Counter()
    for text in TEXTS:
        for word, value in scores(text).items():
            total[word] += value  # type: ignore[assignment]
    expected = np.array([max(total.values()) - total[w] if w in total else 0.0 for w in range(SIZE)])
    expected /= expected.sum()
    np.testing.assert_allclose((fitted.drawn / fitted.drawn.sum()).numpy(), expected, atol=1e-6)
    ids, content = padded([TEXTS[0]] * 20_000)
    changed = fitted(ids, content, 0.5, rng())
    chances = fitted.chances(ids[:1], content[:1], 0.5)[0]
    place = int(chances.argmax())
    drawn = np.bincount(changed[:, place].numpy(), minlength=SIZE) / len(ids)
    # the old word stays where it is not chosen, and where it is drawn itself: deviations below 0.004
    chance = float(chances[place])
    expected = chance * expected + (1 - chance) * np.eye(SIZE)[int(ids[0, place])]
    np.testing.assert_allclose(drawn, expected, atol=0.015)


def test_the_share_is_the_mean_share_of_words_chosen(fitted: Replacement) -> None:
    ids, content = padded([TEXTS[0], TEXTS[2], TEXTS[4]])
    chances = fitted.chances(ids, content, 0.2)
    torch.testing.assert_close(chances.sum(1) / content.sum(1), torch.full((3,), 0.2))


def test_what_is_no_content_stays_and_special_tokens_do_not_come_in(fitted: Replacement) -> None:
    ids, content = padded(TEXTS * 200)
    changed = fitted(ids, content, 0.9, rng())
    assert torch.equal(changed[~content], ids[~content])
    assert int(changed[content].min()) >= 2
    assert int(changed.max()) <= 10, "only what occurs is drawn"
    assert changed.dtype == ids.dtype
    one = torch.tensor([[2, 0], [5, 0]])
    assert torch.equal(fitted(one, one != PAD, 0.9, rng()), one), "a text of one word has none that says less"


def test_texts_that_are_all_alike_or_empty_stay() -> None:
    ids, content = padded([[2, 3]] * 4)
    same = Replacement.fit(ids, content, SIZE)
    assert torch.equal(same(ids, content, 0.9, rng()), ids)
    none = torch.zeros(3, 4, dtype=torch.int32)
    nothing = Replacement.fit(none, none != PAD, SIZE)
    assert torch.equal(nothing(none, none != PAD, 0.9, rng()), none)


def test_one_seed_one_view(fitted: Replacement) -> None:
    ids, content = padded(TEXTS * 20)
    first, second, other = (fitted(ids, content, 0.5, rng(s)) for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
