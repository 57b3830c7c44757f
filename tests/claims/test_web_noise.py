"""The pool as a search engine fills it: rates, kinds of records, and what is measured of a detection."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from tacit.claims.sets import digits
from tacit.claims.web_noise import WebNoise, photographs, simple_images, web_digits
from tacit.data.read import read


def test_foreign_records_get_any_label_and_a_share_of_the_pool_a_wrong_one() -> None:
    own = digits()
    truth = np.where(np.arange(len(own.truth)) % 5 < 2, -1, own.truth)
    labels = WebNoise(0.2)(replace(own, truth=truth), np.random.default_rng(100))
    strange = truth < 0
    assert (labels.y >= 0).all(), "every record has a label"
    assert ((labels.y != truth) & ~strange).sum() == round(0.2 * len(truth))
    assert np.bincount(labels.y[strange], minlength=10).min() > 0.05 * strange.sum()
    assert (np.bincount(labels.y[(labels.y != truth) & ~strange], minlength=10) > 0).all()
    again = WebNoise(0.2)(replace(own, truth=truth), np.random.default_rng(101))
    assert (labels.y != again.y).any()


def test_simple_images_are_those_that_compress_best() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10, 8, 8)).astype(np.uint8)
    images[[3, 7]] = 5
    split = replace(digits(), pool=read(images, modality="image"))
    assert sorted(simple_images(split, np.arange(10))) == [3, 7]
    assert sorted(simple_images(split, np.array([0, 1, 2, 7]))) == [7]


@pytest.mark.skipif(not os.environ.get("TACIT_DATA"), reason="TACIT_DATA is not set")
def test_photographs_are_two_fifths_of_the_pool_and_none_of_the_test() -> None:
    split, own = web_digits(), digits()
    strange = split.truth < 0
    assert strange.mean() == pytest.approx(0.4, abs=0.001)
    assert split.test.content_hash() == own.test.content_hash()
    assert (np.sort(split.truth[~strange]) == np.sort(own.truth)).all()
    pixels = np.stack(split.pool.gather()).astype(float)
    at = np.flatnonzero(~strange)
    hits = [(np.stack(own.pool.gather()) == pixels[i]).all(axis=(1, 2, 3)) & (own.truth == split.truth[i]) for i in at]
    assert all(h.any() for h in hits), "labels stay with their images"
    assert (pixels[strange] == 0).mean() < 0.05 < (pixels[~strange] == 0).mean(), "digits lie on black"
    with pytest.raises(ValueError, match="20,000 photographs"):
        photographs(20_000, (8, 8))
