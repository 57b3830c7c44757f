"""What generated canvases and their draws promise."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.claims.canvases import HiddenLabels, MissedPositives, canvases, drawn, tailed_canvases
from tacit.claims.sets import digits
from tacit.labels import Exact, Positives

SPLIT, TAILED = canvases(), tailed_canvases()


def test_a_canvas_shows_the_digits_of_its_labels_and_nothing_else() -> None:
    """With one flat image a class, its value is what can be read off the canvas, as 8 x 8 blocks."""
    flat = np.repeat(np.arange(1, 11, dtype=np.uint8), 64).reshape(10, 8, 8)
    images, present = drawn(flat, np.arange(10), 50, np.full(10, 0.1), np.random.default_rng(0))
    counts = set()
    for canvas, labels in zip(images, present, strict=True):
        value, pixels = np.unique(canvas[canvas > 0], return_counts=True)
        assert (value - 1).tolist() == np.flatnonzero(labels).tolist()
        assert (pixels % 64 == 0).all(), "none covers another"
        counts.add(pixels.sum() // 64)
    assert counts == {2, 3, 4}


@pytest.mark.parametrize("split", [SPLIT, TAILED], ids=["even", "tailed"])
def test_the_sets_are_fixed_and_of_their_sizes(split: object) -> None:
    again = canvases() if split is SPLIT else tailed_canvases()
    assert isinstance(split, type(again))
    assert (len(again.pool), len(again.test)) == (1500, 1000)
    assert again.fingerprint() == split.fingerprint()
    assert again.pool.content_hash() == split.pool.content_hash()


def test_digits_of_the_test_are_not_those_of_the_pool() -> None:
    halves = [{np.asarray(d).tobytes() for d in part.gather()} for part in (digits().pool, digits().test)]
    for seen, own, other in ((SPLIT.pool, *halves), (SPLIT.test, *halves[::-1])):
        cells = {c.tobytes() for canvas in seen.take(np.arange(40)).gather() for c in windows(np.asarray(canvas))}
        assert len(cells & own) >= 40 * 2 * 0.8
        assert not cells & other - own


def windows(canvas: np.ndarray) -> list[np.ndarray]:
    """Every place where a digit may lie."""
    starts = [cell + shift for cell in (0, 10) for shift in range(3)]
    return [np.ascontiguousarray(canvas[r : r + 8, c : c + 8]) for r in starts for c in starts]


def test_labels_are_even_or_fall() -> None:
    even, falling = SPLIT.truth.mean(axis=0), TAILED.truth.mean(axis=0)
    expected = np.mean([1 - 0.9**k for k in (2, 3, 4)])
    np.testing.assert_allclose(even, expected, atol=0.04)
    np.testing.assert_allclose(TAILED.test_truth.mean(axis=0), expected, atol=0.05)
    assert 20 < falling[0] / falling[9] < 60
    assert (np.diff(falling) < 0).sum() >= 8


def test_positives_are_missed_at_the_rates_and_none_is_made_up() -> None:
    labels = MissedPositives(0.3, 0.6)(SPLIT, np.random.default_rng(100))
    assert isinstance(labels, Positives)
    assert ((labels.state == 1) <= (SPLIT.truth == 1)).all()
    missed = 1 - (labels.state == 1).sum(axis=0) / SPLIT.truth.sum(axis=0)
    assert missed.min() > 0.25 and missed.max() < 0.65 and np.ptp(missed) > 0.1
    assert (labels.state >= 0).all()


def test_labels_are_hidden_at_the_rate_and_the_rest_is_true() -> None:
    labels = HiddenLabels(0.6)(TAILED, np.random.default_rng(100))
    assert isinstance(labels, Exact)
    known = labels.y >= 0
    assert known.mean() == pytest.approx(0.4, abs=0.01)
    assert (labels.y[known] == TAILED.truth[known]).all()
    again = HiddenLabels(0.6)(TAILED, np.random.default_rng(101))
    assert (again.y != labels.y).any()
