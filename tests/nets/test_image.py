"""Image encoders: map sizes after the stem, positions, independence of samples, and timm's models."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tacit.data.batch import Batch, Features
from tacit.errors import InputError
from tacit.nets import timm_encoder
from tacit.nets.image import Block, SmallEncoder, grid_positions
from tacit.nets.timm_encoder import TimmEncoder, find


def encode(encoder: nn.Module, channels: int, size: tuple[int, int], count: int = 2) -> Features:
    generator = torch.Generator().manual_seed(0)
    features = encoder(Batch({"pixels": torch.rand((count, channels, *size), generator=generator)}))
    assert isinstance(features, Features)
    return features


@pytest.mark.parametrize(
    ("size", "stem"),
    [((8, 8), 8), ((14, 14), 14), ((16, 16), 16), ((17, 17), 8), ((28, 28), 14), ((32, 32), 16), ((64, 64), 16)],
)
def test_the_stem_leaves_at_most_16_by_16(size: tuple[int, int], stem: int) -> None:
    encoder = SmallEncoder(3, size)
    assert encoder.stem(torch.zeros(1, 3, *size)).shape[2:] == (stem, stem)
    features = encode(encoder, 3, size)
    assert features.local is not None
    assert features.pooled.shape == (2, encoder.width)
    assert features.local.shape == (2, (-(-stem // 4)) ** 2, encoder.width)
    torch.testing.assert_close(features.pooled, features.local.mean(1))


@pytest.mark.parametrize("size", [(10, 33), (200, 90), (96, 96)])
def test_long_and_large_images(size: tuple[int, int]) -> None:
    features = encode(SmallEncoder(1, size), 1, size)
    assert features.local is not None
    assert features.positions is not None
    assert features.positions.shape == (*features.local.shape[:2], 2)
    assert features.local.shape[1] <= 16


def test_positions_are_cell_centres_in_reading_order() -> None:
    expected = [[-2 / 3, -0.5], [0, -0.5], [2 / 3, -0.5], [-2 / 3, 0.5], [0, 0.5], [2 / 3, 0.5]]
    torch.testing.assert_close(grid_positions(2, 3, torch.device("cpu")), torch.tensor(expected))


def test_local_features_belong_to_their_positions() -> None:
    """A change in one corner moves the nearest cell most."""
    encoder = SmallEncoder(1, (32, 32)).eval()
    pixels = torch.zeros(2, 1, 32, 32)
    pixels[1, :, :6, -6:] = 5.0
    features = encoder(Batch({"pixels": pixels}))
    moved = (features.local[1] - features.local[0]).norm(dim=1)
    assert features.positions[0, int(moved.argmax())].tolist() == [0.75, -0.75]


def test_samples_are_independent_in_evaluation() -> None:
    encoder = SmallEncoder(3, (16, 16)).eval()
    together = encode(encoder, 3, (16, 16), 5).pooled
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand((5, 3, 16, 16), generator=generator)
    alone = torch.cat([encoder(Batch({"pixels": image[None]})).pooled for image in pixels])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_a_block_is_the_identity_plus_its_branch() -> None:
    block = Block(8, 8, 1)
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(
    ("name", "size", "cells"),
    [("resnet10t", (64, 96), (2, 3)), ("vit_tiny_patch16_224", (32, 48), (2, 3)), ("efficientvit_m0", (64, 64), None)],
)
def test_timm_models(name: str, size: tuple[int, int], cells: tuple[int, int] | None) -> None:
    encoder = TimmEncoder(name, 1, size)
    features = encode(encoder, 1, size)
    assert features.pooled.shape == (2, encoder.width)
    assert features.local is not None
    if cells is not None:
        assert features.positions is not None
        expected = grid_positions(*cells, torch.device("cpu"))
        torch.testing.assert_close(features.positions[0], expected)
        assert features.local.shape == (2, len(expected), encoder.width)


def test_unknown_models_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_encoder, "_weights_file", lambda hub: None)
    with pytest.raises(InputError, match="Did you mean 'resnet18'"):
        find("resnet_18")
    with pytest.raises(InputError, match="no weights named 'mine'"):
        find("resnet18.mine")
    assert find("resnet18").file is None
