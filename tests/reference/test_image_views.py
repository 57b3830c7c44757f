"""Image views against torchvision's single transforms, scipy's filters and the algebra of their matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from torch import Tensor
from torch.nn.functional import affine_grid, interpolate
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from tacit.modalities.image_views import (
    STRONG,
    WEAK,
    Policy,
    affine_matrices,
    change,
    erase,
    geometry,
    recolour,
    resample,
)

HEIGHT, WIDTH = 24, 32
INNER = (slice(None), slice(None), slice(8, -8), slice(8, -8))
STILL = {"rotate": 0.0, "zoom": 1.0, "shear_x": 0.0, "shear_y": 0.0, "shift_x": 0.0, "shift_y": 0.0}


def photo(seed: int = 0, channels: int = 3) -> Tensor:
    """A smooth random image (1, channels, HEIGHT, WIDTH) between 0 and 1."""
    coarse = torch.rand((1, channels, 6, 8), generator=torch.Generator().manual_seed(seed))
    return interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)


def matrix(mirror: float | None = None, **values: float) -> Tensor:
    arguments = {name: torch.tensor([value]) for name, value in (STILL | values).items()}
    flipped = None if mirror is None else torch.tensor([mirror])
    return affine_matrices(**arguments, mirror=flipped, height=HEIGHT, width=WIDTH)


def torchvision(image: Tensor, **values: float) -> Tensor:
    v = STILL | values
    found: Tensor = tv.affine(
        image,
        angle=math.degrees(v["rotate"]),
        translate=[v["shift_x"] * WIDTH, v["shift_y"] * HEIGHT],
        scale=v["zoom"],
        shear=[math.degrees(math.atan(v["shear_x"])), math.degrees(math.atan(v["shear_y"]))],
        interpolation=InterpolationMode.BILINEAR,
    )
    return found


def square(m: Tensor) -> Tensor:
    return torch.cat([m[0], torch.tensor([[0.0, 0.0, 1.0]])])


SINGLE: list[dict[str, float]] = [
    {"rotate": 0.3},
    {"rotate": -0.7},
    {"zoom": 1.3},
    {"zoom": 0.85},
    {"shift_x": 4 / WIDTH},
    {"shift_x": -2.5 / WIDTH, "shift_y": 1.25 / HEIGHT},
    {"rotate": 0.2, "zoom": 1.2, "shift_x": 0.05, "shift_y": -0.08},
]


@pytest.mark.parametrize("values", SINGLE)
def test_geometry_is_torchvisions(values: dict[str, float]) -> None:
    image = photo()
    ours = resample(image, matrix(**values), "zeros")
    torch.testing.assert_close(ours[INNER], torchvision(image, **values)[INNER], atol=2e-4, rtol=0)


@pytest.mark.parametrize(("name", "slope"), [("shear_x", 0.3), ("shear_x", -0.2), ("shear_y", 0.25)])
def test_shear_is_torchvisions(name: str, slope: float) -> None:
    """torchvision turns by a positive angle against the slope's sign: its shear maps x to x - tan(angle) y."""
    image = photo(1)
    ours = resample(image, matrix(**{name: slope}), "zeros")
    theirs = torchvision(image, **{name: slope})
    torch.testing.assert_close(ours[INNER], theirs[INNER], atol=2e-4, rtol=0)


def test_all_changes_together_are_torchvisions_affine() -> None:
    """rotate . shear . zoom: torchvision's order, with one shear, where its two conventions agree."""
    image, values = photo(2), {"rotate": 0.25, "zoom": 1.15, "shear_x": 0.2, "shift_x": 0.06, "shift_y": -0.04}
    ours = resample(image, matrix(**values), "zeros")
    torch.testing.assert_close(ours[INNER], torchvision(image, **values)[INNER], atol=2e-4, rtol=0)


def test_the_matrix_is_the_product_of_the_single_maps() -> None:
    """Output-to-input maps compose in the reverse order of the changes."""
    values = {"rotate": 0.4, "zoom": 1.2, "shear_x": 0.3, "shear_y": -0.15, "shift_x": 0.1, "shift_y": -0.2}
    shift = {k: v for k, v in values.items() if k.startswith("shift")}
    singles = [
        matrix(zoom=values["zoom"]),
        matrix(shear_x=values["shear_x"]),
        matrix(shear_y=values["shear_y"]),
        matrix(rotate=values["rotate"]),
        matrix(**shift),
    ]
    product = torch.eye(3)
    for single in singles:
        product = product @ square(single)
    torch.testing.assert_close(square(matrix(**values)), product, atol=1e-6, rtol=1e-5)


def test_one_resampling_is_sharper_than_two() -> None:
    noise = torch.rand((1, 1, HEIGHT, WIDTH), generator=torch.Generator().manual_seed(3))
    turn, shift = matrix(rotate=0.2), matrix(shift_x=0.5 / WIDTH)
    composed = (square(turn) @ square(shift))[None, :2]
    once = resample(noise, composed, "reflection")
    twice = resample(resample(noise, turn, "reflection"), shift, "reflection")
    assert once[INNER].var() > 1.2 * twice[INNER].var()


def test_mirror_is_flip() -> None:
    image = photo(4)
    torch.testing.assert_close(resample(image, matrix(mirror=-1.0), "border"), image.flip(3), atol=1e-5, rtol=0)


def test_grid_is_torchs_affine_grid() -> None:
    image = photo(5).expand(4, -1, -1, -1).contiguous()
    matrices, _ = geometry(
        STRONG, 4, torch.Generator().manual_seed(0), height=HEIGHT, width=WIDTH, flip=False, device=image.device
    )
    grid = affine_grid(matrices, list(image.shape), align_corners=False)
    theirs = torch.nn.functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
    torch.testing.assert_close(resample(image, matrices, "reflection"), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("kind", "place", "theirs"),
    [
        ("brightness", 0, tv.adjust_brightness),
        ("contrast", 1, tv.adjust_contrast),
        ("saturation", 2, tv.adjust_saturation),
    ],
)
@pytest.mark.parametrize("amount", [-0.5, 0.0, 0.6])
def test_colour_is_torchvisions(kind: str, place: int, theirs: Any, amount: float) -> None:
    image = photo(6)
    amounts = torch.zeros(1, 6)
    amounts[0, place] = amount
    ours = recolour(image, Policy(**{kind: 1.0}), amounts)
    torch.testing.assert_close(ours, theirs(image, 1 + amount), atol=2e-3, rtol=0)


def test_solarise_is_torchvisions() -> None:
    image = photo(7)
    ours = recolour(image, Policy(solarise=1.0), torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.3, 0.0]]))
    torch.testing.assert_close(ours, tv.solarize(image, 0.7))


def test_full_sharpness_is_the_binomial_filter() -> None:
    image = photo(8, channels=1)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    ours = recolour(image, Policy(sharpness=1.0), torch.tensor([[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]))
    theirs = convolve(image[0, 0].numpy(), kernel, mode="nearest")
    np.testing.assert_allclose(ours[0, 0].numpy(), theirs, atol=1e-6)


def test_posterise_leaves_the_levels_of_the_remaining_bits() -> None:
    image = torch.rand((1, 1, 64, 64), generator=torch.Generator().manual_seed(9))
    ours = recolour(image, Policy(posterise=1.0), torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 0.75]]))
    torch.testing.assert_close(torch.unique(ours), torch.tensor([0.0, 1 / 3, 2 / 3, 1.0]))


def test_erase_hides_a_rectangle_no_larger_than_asked() -> None:
    ones = torch.ones(200, 2, 20, 10)
    gone = erase(ones, 0.5, torch.Generator().manual_seed(10)) == 0
    assert torch.equal(gone[:, 0], gone[:, 1])
    rows, columns = gone[:, 0].any(2), gone[:, 0].any(1)
    torch.testing.assert_close(gone[:, 0], rows[:, :, None] & columns[:, None, :])
    assert int(rows.sum(1).max()) <= 10
    assert int(columns.sum(1).max()) <= 5
    assert 0.02 < gone.float().mean() < 0.0625  # the mean area, 0.25 * 0.25, less what falls outside


def test_a_policy_of_nothing_changes_nothing() -> None:
    image = photo(11)
    seen, matrices = change(image, Policy(), torch.Generator().manual_seed(0), padding="border")
    torch.testing.assert_close(seen, image, atol=1e-5, rtol=0)
    torch.testing.assert_close(matrices, torch.eye(3)[None, :2])


@pytest.mark.parametrize("policy", [WEAK, STRONG])
def test_magnitudes_fill_their_limits_and_stay_inside(policy: Policy) -> None:
    matrices, colour = geometry(
        policy, 4000, torch.Generator().manual_seed(1), height=16, width=16, flip=False, device=torch.device("cpu")
    )
    zoom_squared = 1 / torch.linalg.det(matrices[:, :, :2])
    limit = math.exp(2 * policy.zoom)
    assert zoom_squared.max() <= limit + 1e-4
    assert zoom_squared.min() >= 1 / limit - 1e-4
    limits = torch.tensor(policy.colour())
    assert (colour.abs() <= limits).all()
    torch.testing.assert_close(colour.abs().amax(0), limits, rtol=0.02, atol=0)
    share = (colour[:, limits > 0] != 0).float().mean() if limits.any() else torch.tensor(policy.share)
    assert abs(float(share) - policy.share) < 0.02
