"""Evidence on pixels: what the same evidence says of as many records, and torch's cross-entropy of masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn.functional import cross_entropy

import tacit
from tacit.data.prediction import Categorical
from tacit.data.task import Masks, task_from_json
from tacit.errors import InputError
from tacit.labels import Candidates, Complementary, Exact, Labels, Levels, Noisy, Positives, Soft
from tacit.labels.native import read_evidence, write_evidence
from tacit.labels.overview import overview

from .judge import belief

N, HEIGHT, WIDTH, C = 4, 2, 3, 3
NAMES = ["sky", "road", "tree"]
SITES = N * HEIGHT * WIDTH
Made = Callable[[Any], Labels]


def cells(seed: int = 0) -> dict[str, np.ndarray]:
    """What each kind is built from, a row a site, all with the same truth; of the second record nothing is known."""
    truth = np.random.default_rng(99).integers(0, C, SITES)
    rng = np.random.default_rng(seed)
    y = rng.integers(-1, C, SITES)
    q = rng.dirichlet(np.ones(C), SITES)
    q[rng.random(SITES) < 0.3] = np.nan
    mask = rng.random((SITES, C)) < 0.5
    mask[np.arange(SITES), truth] = True
    second = slice(HEIGHT * WIDTH, 2 * HEIGHT * WIDTH)
    y[second], q[second], mask[second] = -1, np.nan, True
    return {"exact": y, "soft": q, "virtual": q, "candidates": mask, "complementary": ~mask}


MAKE: dict[str, Made] = {
    "exact": lambda y: Exact(y, NAMES),
    "soft": lambda q: Soft(q, NAMES),
    "virtual": lambda q: Soft(q, NAMES, virtual=True),
    "candidates": lambda mask: Candidates(mask, NAMES),
    "complementary": lambda mask: Complementary(mask, NAMES),
}


def both(kind: str, seed: int = 0) -> tuple[Labels, Labels]:
    """The evidence on pixels, and the same on a record for every pixel."""
    flat = cells(seed)[kind]
    return MAKE[kind](flat.reshape(N, HEIGHT, WIDTH, *flat.shape[1:])), MAKE[kind](flat)


def assert_same(pixels: Labels, flat: Labels) -> None:
    log_p = Categorical(belief(SITES, C))
    assert_allclose(pixels.log_likelihood(log_p), flat.log_likelihood(log_p), rtol=1e-12)
    one, other = pixels.posterior(log_p), flat.posterior(log_p)
    assert isinstance(one, Categorical) and isinstance(other, Categorical)
    assert_allclose(one.p, other.p, rtol=1e-12)
    assert_array_equal(pixels.units().sites, flat.units().sites)


@pytest.mark.parametrize("kind", MAKE)
def test_pixels_are_sites(kind: str) -> None:
    pixels, flat = both(kind)
    assert len(pixels) == N and pixels.labelled().tolist() == [0, 2, 3]
    assert pixels.task == Masks(tuple(NAMES), HEIGHT, WIDTH) == task_from_json(pixels.task.to_json())
    assert_same(pixels, flat)
    assert_same(pixels.hide(np.array([0, 3])), flat.hide(np.array([0, 3])))
    assert_array_equal(pixels.naive().units().sites, flat.naive().units().sites)
    within = np.arange(HEIGHT * WIDTH)
    order = np.array([3, 0])
    taken, longer = pixels.take(order).padded(1), np.concatenate([order, [1]])
    assert_array_equal(
        taken.log_likelihood(Categorical(belief(18, C))),
        flat.take((longer[:, None] * len(within) + within).reshape(-1)).log_likelihood(Categorical(belief(18, C))),
    )
    assert f"pixels of 3 of {N} records" in pixels.describe()


@pytest.mark.parametrize("trust", [None, (0.7, 1.0, 0.4)])
def test_emissions_of_pixels_add(trust: tuple[float, ...] | None) -> None:
    parts = [both(kind, seed) for seed, kind in enumerate(("candidates", "virtual", "complementary"))]
    pixels, flat = (Labels.combine(*some, trust=trust) for some in zip(*parts, strict=True))
    assert_same(pixels, flat)
    assert_array_equal(pixels.naive().units().sites, flat.naive().units().sites)


def test_exact_pixels_are_torchs_cross_entropy() -> None:
    y = cells()["exact"].reshape(N, HEIGHT, WIDTH)
    outputs = torch.randn(N, C, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = Exact(y, NAMES)
    found = labels.log_likelihood(labels.task.prediction(outputs))
    loss = cross_entropy(outputs, torch.from_numpy(y), reduction="none", ignore_index=-1)
    assert_allclose(-found, loss.reshape(-1)[y.reshape(-1) >= 0], rtol=1e-12)
    assert_array_equal(labels.counts(), [(y == c).sum() for c in range(C)])


@pytest.mark.parametrize("kind", MAKE)
def test_a_file_keeps_every_pixel(kind: str, tmp_path: Path) -> None:
    pixels, flat = both(kind)
    write_evidence(tmp_path / "labels.jsonl", pixels, ["a", "b", "c", "d"])
    again = read_evidence(tmp_path / "labels.jsonl", ["a", "b", "c", "d"])
    assert type(again) is type(pixels) and again.task == pixels.task
    assert_same(again, flat)
    with pytest.raises(InputError, match="fit in no table"):
        pixels.to_file(tmp_path / "labels.csv", ["a", "b", "c", "d"])


def test_what_cannot_be_said_of_pixels_names_the_pixel() -> None:
    y = np.zeros((2, 2, 2), dtype=int)
    y[1, 0, 1] = 5
    with pytest.raises(InputError, match="record 1, row 0, column 1, has label 5"):
        Exact(y, NAMES)
    with pytest.raises(InputError, match="record 1, row 1, column 0 can be of no class"):
        Candidates(np.array([[[[1, 1], [1, 1]]] * 2, [[[1, 1], [1, 1]], [[0, 0], [1, 1]]]]))
    with pytest.raises(InputError, match="record 0, row 0, column 1 has shares that do not sum to 1"):
        Soft([[[[0.5, 0.5], [0.5, 0.2]]]])
    with pytest.raises(InputError, match="record 0, row 0, column 0 has 3 for class 1"):
        Candidates([[[[1, 3]]]])
    small = Exact(np.zeros((1, 1, 2), dtype=int), NAMES)
    with pytest.raises(InputError, match="masks of 1 x 2 pixels cannot be combined with evidence on 2 x 1"):
        Labels.combine(small, Exact(np.zeros((1, 2, 1), dtype=int), NAMES))
    with pytest.raises(InputError, match="one class a pixel cannot be combined with evidence on one class a record"):
        Labels.combine(small, Exact([0], NAMES))


def test_fit_says_that_it_learns_nothing_from_pixels_yet() -> None:
    with pytest.raises(InputError, match="labels of pixels, which `fit` does not learn from yet"):
        tacit.fit(np.zeros((3, 2, 2, 3), dtype=np.uint8), labels=Exact(np.zeros((3, 2, 2), dtype=int), NAMES))


@pytest.mark.parametrize("kind", MAKE)
def test_what_was_understood_of_pixels_can_be_said(kind: str) -> None:
    found = overview(both(kind)[0])
    assert found["records"] == N and found["labelled"] == 3 and found["task"]["kind"] == "masks"


def test_kinds_without_pixels_refuse_them() -> None:
    for made in (Positives, lambda y: Noisy(y, "estimate"), lambda y: Levels(y, [-1, -1])):
        with pytest.raises(InputError, match=r"shape|give one|one class"):
            made(np.zeros((2, 3, 4), dtype=int))


@pytest.mark.parametrize("kind", ["exact", "soft", "candidates"])
@pytest.mark.parametrize("size", ["10000000", "4.7", "true", "-1", "0", '"4"', "null"])
def test_a_size_that_no_mask_has_is_an_error(kind: str, size: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    write_evidence(path, both(kind)[0], list("abcd"))
    text = path.read_text()
    path.write_text(
        text.replace(f'"height": {HEIGHT}', f'"height": {size}').replace(f'"width": {WIDTH}', '"width": 99')
    )
    with pytest.raises(InputError, match=r"labels\.jsonl"):
        read_evidence(path, list("abcd"))


def test_a_spoilt_mask_in_a_file_is_an_error_that_says_where(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    write_evidence(path, Exact(np.zeros((1, 2, 2), dtype=int), NAMES), ["a"])
    for spoilt in (
        "[[0, 0]]",
        '"sky"',
        "[[0, 0], [0]]",
        "[[0, 0], [0, 0.5]]",
        "[[0, 1e300], [0, 0]]",
        "[[0, 3], [0, 0]]",
        "[[0, true], [0, 0]]",
        '[[0, "1"], [0, 0]]',
        "null",
    ):
        path.write_text(path.read_text().splitlines()[0] + f'\n{{"id": "a", "mask": {spoilt}}}\n')
        with pytest.raises(InputError, match=r"labels\.jsonl, line 2 .*(2 x 2 numbers|mask)"):
            read_evidence(path, ["a"])
