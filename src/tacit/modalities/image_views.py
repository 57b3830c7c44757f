"""Changed images: one affine map per image and one resampling, then pointwise colour, noise and erasing.

Composing the geometry first means that an image is interpolated once, however many changes it gets, and that the
map of the whole view is known exactly. Magnitudes are drawn for every image alone, in a few batched operations.

RandAugment: Cubuk et al., 2020, arXiv:1909.13719. Cutout: DeVries and Taylor, 2017, arXiv:1708.04552.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import grid_sample, pad

_GEOMETRY = 6  # rotate, zoom, shear along x, shear along y, shift along x, shift along y
_COLOUR = 6  # brightness, contrast, saturation, sharpness, solarise, posterise
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Policy:
    """How far a view may go. Every magnitude is drawn uniformly between minus and plus its limit.

    Attributes:
        rotate: degrees.
        zoom: natural logarithm of the magnification.
        shear: slope.
        shift: fraction of the side.
        brightness, contrast, saturation: relative change.
        sharpness: 1 blurs fully (3 x 3 binomial), -1 sharpens as much.
        solarise: largest share of the value range, from above, that is inverted.
        posterise: largest share of the 8 bits of depth that is dropped.
        noise: standard deviation in units of the value range.
        erase: largest side of the erased rectangle, as a fraction of the image's.
        share: probability that an image gets a given change (RandAugment draws 2 of 14); 1 gives it all of them.
    """

    rotate: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    sharpness: float = 0.0
    solarise: float = 0.0
    posterise: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    share: float = 1.0

    def geometry(self) -> tuple[float, ...]:
        return (self.rotate, self.zoom, self.shear, self.shear, self.shift, self.shift)

    def colour(self) -> tuple[float, ...]:
        return (self.brightness, self.contrast, self.saturation, self.sharpness, self.solarise, self.posterise)


WEAK = Policy(rotate=8.0, zoom=0.08, shear=0.08, shift=0.08)
STRONG = Policy(
    rotate=25.0,
    zoom=0.25,
    shear=0.3,
    shift=0.15,
    brightness=0.4,
    contrast=0.4,
    saturation=0.5,
    sharpness=0.8,
    solarise=0.0,
    posterise=0.5,
    noise=0.05,
    erase=0.4,
    share=0.6,
)


def affine_matrices(
    *,
    rotate: Tensor,
    zoom: Tensor,
    shear_x: Tensor,
    shear_y: Tensor,
    shift_x: Tensor,
    shift_y: Tensor,
    mirror: Tensor | None = None,
    height: int,
    width: int,
) -> Tensor:
    """Output-to-input matrices (B, 2, 3) in coordinates from -1 to 1 of: mirror, zoom, shear, rotate, then shift.

    All arguments are (B,): ``rotate`` in radians, clockwise as seen; ``zoom`` a factor; ``shear_*`` slopes;
    ``shift_*`` fractions of the side; ``mirror`` is -1 where left and right are exchanged, else 1. Angles and
    shears are those of ``torchvision.transforms.v2.functional.affine``: the forward map is
    shift . rotate . shear_y . shear_x . zoom . mirror about the image's centre.
    """
    cos, sin = torch.cos(rotate), torch.sin(rotate)
    both = 1 + shear_x * shear_y
    across = 1 / zoom if mirror is None else mirror / zoom
    down = 1 / zoom
    xx = across * (both * cos - shear_x * sin)
    xy = across * (both * sin + shear_x * cos) * (height / width)
    yx = down * (shear_y * cos - sin) * (width / height)
    yy = down * (shear_y * sin + cos)
    x, y = 2 * shift_x, 2 * shift_y
    rows = (xx, xy, -(xx * x + xy * y), yx, yy, -(yx * x + yy * y))
    return torch.stack(rows, dim=1).reshape(-1, 2, 3)


def resample(pixels: Tensor, matrices: Tensor, padding: str) -> Tensor:
    """``pixels`` (B, C, H, W) read bilinearly at the places that ``matrices`` (B, 2, 3) give.

    The grid is that of ``affine_grid``, as one broadcast sum of its rows and columns (20 times as fast on a CPU).
    """
    height, width = pixels.shape[-2:]
    x = (torch.arange(width, device=pixels.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=pixels.device) * 2 + 1) / height - 1
    across = x[:, None] * matrices[:, None, :, 0]
    down = y[:, None] * matrices[:, None, :, 1] + matrices[:, None, :, 2]
    grid = across[:, None] + down[:, :, None]
    return grid_sample(pixels, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _blur(pixels: Tensor) -> Tensor:
    """Binomial 3 x 3 mean; the border is repeated."""
    padded = pad(pixels, (1, 1, 1, 1), mode="replicate")
    rows = (padded[:, :, :-2] + padded[:, :, 2:]).add_(padded[:, :, 1:-1], alpha=2)
    return (rows[..., :-2] + rows[..., 2:]).add_(rows[..., 1:-1], alpha=2).div_(16)


def recolour(pixels: Tensor, policy: Policy, amounts: Tensor) -> Tensor:
    """Brightness, contrast, saturation, sharpness, solarise and posterise by ``amounts`` (B, 6) in that order.

    ``pixels`` (B, C, H, W) lie between 0 and 1, and so does the result. An amount of 0 changes nothing; what
    ``policy`` leaves at 0 is not computed.
    """
    bright, contrast, saturation, sharp, solar, poster = amounts[:, :, None, None, None].unbind(1)
    channels = pixels.shape[1]
    luma = pixels.new_tensor(_LUMA if channels == 3 else (1 / channels,) * channels).reshape(1, -1, 1, 1)
    if policy.saturation and channels == 3:
        pixels = torch.lerp((pixels * luma).sum(1, keepdim=True), pixels, 1 + saturation)
    if policy.contrast:
        level = (pixels.mean((2, 3), keepdim=True) * luma).sum(1, keepdim=True)
        pixels = torch.lerp(level, pixels, 1 + contrast)
    if policy.brightness:
        pixels = pixels * (1 + bright)
    if policy.sharpness:
        pixels = torch.lerp(pixels, _blur(pixels), sharp)
    pixels = pixels.clamp(0, 1)
    if policy.solarise:
        pixels = pixels + (pixels > 1 - solar.abs()) * (1 - 2 * pixels)
    if policy.posterise:
        levels = torch.exp2(8 * (1 - poster.abs())) - 1
        pixels = torch.lerp(pixels, (pixels * levels).round() / levels, (poster != 0).float())
    return pixels


def erase(pixels: Tensor, side: float, rng: Generator) -> Tensor:
    """Put 0 into one rectangle per image, centred anywhere, its sides drawn up to ``side`` of the image's."""
    count, _, height, width = pixels.shape
    centre_y, centre_x, size_y, size_x = torch.rand((4, count, 1), generator=rng, device=pixels.device)
    rows = (torch.arange(height, device=pixels.device) + 0.5) / height
    columns = (torch.arange(width, device=pixels.device) + 0.5) / width
    inside_y = (rows - centre_y).abs() < size_y * (side / 2)
    inside_x = (columns - centre_x).abs() < size_x * (side / 2)
    hidden = inside_y[:, None, :, None] & inside_x[:, None, None, :]
    kept: Tensor = pixels * ~hidden
    return kept


def draw(policy: Policy, count: int, rng: Generator, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Magnitudes of the geometric (count, 6) and of the colour (count, 6) changes."""
    limits = torch.tensor(policy.geometry() + policy.colour(), device=device)
    kinds = _GEOMETRY + _COLOUR
    amounts = (2 * torch.rand((count, kinds), generator=rng, device=device) - 1) * limits
    if policy.share < 1:
        amounts = amounts * (torch.rand((count, kinds), generator=rng, device=device) < policy.share)
    return amounts[:, :_GEOMETRY], amounts[:, _GEOMETRY:]


def geometry(
    policy: Policy, count: int, rng: Generator, *, height: int, width: int, flip: bool, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Drawn matrices (count, 2, 3) and the colour amounts (count, 6) that go with them."""
    amounts, colour = draw(policy, count, rng, device=device)
    rotate, zoom, shear_x, shear_y, shift_x, shift_y = amounts.unbind(1)
    mirror = None
    if flip:
        mirror = torch.where(torch.rand(count, generator=rng, device=device) < 0.5, -1.0, 1.0)
    matrices = affine_matrices(
        rotate=torch.deg2rad(rotate),
        zoom=torch.exp(zoom),
        shear_x=shear_x,
        shear_y=shear_y,
        shift_x=shift_x,
        shift_y=shift_y,
        mirror=mirror,
        height=height,
        width=width,
    )
    return matrices, colour


def change(
    pixels: Tensor, policy: Policy, rng: Generator, *, padding: str = "reflection", flip: bool = False
) -> tuple[Tensor, Tensor]:
    """A view of ``pixels`` (B, C, H, W) between 0 and 1, not yet erased, and its matrices (B, 2, 3)."""
    count, _, height, width = pixels.shape
    matrices, colour = geometry(policy, count, rng, height=height, width=width, flip=flip, device=pixels.device)
    pixels = resample(pixels, matrices, padding)
    if any(policy.colour()):
        pixels = recolour(pixels, policy, colour)
    if policy.noise:
        level = policy.noise * torch.rand((count, 1, 1, 1), generator=rng, device=pixels.device)
        pixels = pixels + level * torch.randn(pixels.shape, generator=rng, device=pixels.device)
    return pixels, matrices


def nearby_matrices(most: int, height: int, width: int) -> list[Tensor]:
    """At most ``most`` affine matrices (1, 2, 3) on the largest grid of small turns, shifts and shears that fits.

    Turns of up to 10 degrees, shifts of up to a tenth of the side, shears of up to 0.15: what a label survives.
    """
    turns, shifts, shears = (-10.0, -5.0, 0.0, 5.0, 10.0), (-0.1, -0.05, 0.0, 0.05, 0.1), (-0.15, 0.0, 0.15)
    none = (0.0,)
    coarse = turns[::2], shifts[::2]
    grids = [(turns, shifts, shears), (*coarse, shears), (none, coarse[1], none), (none, none, none)]
    rows = next(g for g in grids if len(g[0]) * len(g[1]) ** 2 * len(g[2]) <= max(most, 1))
    one = torch.ones(1)
    return [
        affine_matrices(
            rotate=torch.deg2rad(one * turn),
            zoom=one,
            shear_x=one * shear,
            shear_y=one * 0,
            shift_x=one * x,
            shift_y=one * y,
            height=height,
            width=width,
        )
        for turn in rows[0]
        for x in rows[1]
        for y in rows[1]
        for shear in rows[2]
    ]
