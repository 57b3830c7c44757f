"""Images: statistics by numpy, resizing by Pillow, views through their maps, errors and the round trip of state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tacit.data.batch import Affine, Batch
from tacit.data.records import Records, Samples
from tacit.errors import InputError
from tacit.modalities import base
from tacit.modalities.image import MODALITY, PreparedImage
from tacit.nets import timm_encoder


class Pictures:
    """A source of images in memory."""

    description = "pictures"
    root: Path | None = None

    def __init__(self, images: list[NDArray[Any]], modality: str = "image") -> None:
        self.modality = modality
        self.images = images
        self.ids: Sequence[str] = [str(i) for i in range(len(images))]
        self.columns: Mapping[str, NDArray[np.object_]] = {}
        sizes = {image.shape[:2] for image in images}
        size = list(sizes.pop()) if len(sizes) == 1 else None
        self.schema = {"channels": images[0].shape[2], "dtype": str(images[0].dtype), "size": size}

    def gather(self, index: NDArray[np.int64]) -> Samples:
        return [self.images[i] for i in index]

    def fingerprint(self) -> str:
        return "pictures"


def records(images: list[NDArray[Any]], modality: str = "image") -> Records:
    return Records(Pictures(images, modality))


def some(count: int = 12, height: int = 10, width: int = 14, channels: int = 3) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, height, width, channels), dtype=np.uint8))


def fitted(images: list[NDArray[Any]], **options: Any) -> tuple[PreparedImage, Batch]:
    prepared = MODALITY().fit(records(images), options=options)
    return prepared, prepared.collate(images)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_it_is_a_prepared_modality() -> None:
    assert isinstance(fitted(some())[0], base.Prepared)
    assert MODALITY.name == PreparedImage.name == "image"


def test_clean_has_mean_zero_and_deviation_one_per_channel() -> None:
    images = some()
    prepared, batch = fitted(images)
    stacked = np.stack(images).astype(np.float64)
    expected = (stacked - stacked.mean((0, 1, 2))) / stacked.std((0, 1, 2))
    found = prepared.clean(batch)["pixels"].permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert batch["pixels"].dtype == torch.uint8
    assert batch["pixels"].shape == (12, 3, 10, 14)


@pytest.mark.parametrize(("dtype", "top"), [("uint16", 65535), ("float32", 3.5)])
def test_deep_and_float_images_stay_exact(dtype: str, top: float) -> None:
    images = [(image / 255 * top - (1 if dtype == "float32" else 0)).astype(dtype) for image in some(channels=5)]
    prepared, batch = fitted(images)
    assert batch["pixels"].dtype == torch.float32
    np.testing.assert_array_equal(batch["pixels"].permute(0, 2, 3, 1).numpy(), np.stack(images).astype(np.float32))
    clean = prepared.clean(batch)["pixels"]
    torch.testing.assert_close(clean.mean((0, 2, 3)), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(clean.std((0, 2, 3), correction=0), torch.ones(5), atol=1e-4, rtol=0)


def test_a_constant_channel_does_not_divide_by_zero() -> None:
    prepared, batch = fitted([np.full((8, 8, 1), 7, dtype=np.uint8)] * 3)
    torch.testing.assert_close(prepared.clean(batch)["pixels"], torch.zeros(3, 1, 8, 8), atol=1e-6, rtol=0)


def test_mixed_sizes_are_resized_like_pillow_and_cropped_at_the_centre() -> None:
    rng = np.random.default_rng(1)
    coarse = [rng.integers(0, 256, (5, 9, 3), dtype=np.uint8), rng.integers(0, 256, (9, 5, 3), dtype=np.uint8)]
    images = [
        np.asarray(Image.fromarray(coarse[0]).resize((180, 100), Image.Resampling.BICUBIC)),
        np.asarray(Image.fromarray(coarse[1]).resize((100, 180), Image.Resampling.BICUBIC)),
    ]
    prepared, batch = fitted(images, size=50)
    wide = np.asarray(Image.fromarray(images[0]).resize((90, 50), Image.Resampling.BILINEAR))[:, 20:70]
    tall = np.asarray(Image.fromarray(images[1]).resize((50, 90), Image.Resampling.BILINEAR))[20:70]
    found = batch["pixels"].permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(found - np.stack([wide, tall])).max() <= 2
    assert prepared.shape.size == (50, 50)


def test_size_is_the_images_own_up_to_64_pixels() -> None:
    assert fitted(some())[0].shape.size == (10, 14)
    assert fitted(some(3, 100, 80))[0].shape.size == (64, 64)
    assert fitted([*some(3, 20, 30), *some(3, 24, 22)])[0].shape.size == (21, 21)


def test_views_differ_by_sample_and_repeat_with_the_generator() -> None:
    image = some(1)[0]
    prepared, batch = fitted([image] * 40)
    for view in (prepared.weak, prepared.strong):
        first, again = view(batch, generator(1)).batch["pixels"], view(batch, generator(1)).batch["pixels"]
        assert torch.equal(first, again)
        assert not torch.equal(first, view(batch, generator(2)).batch["pixels"])
        flat = first.flatten(1)
        assert len(torch.unique(flat, dim=0)) == 40


def test_strong_views_are_further_from_the_image_than_weak_ones() -> None:
    prepared, batch = fitted(some(40))
    clean = prepared.clean(batch)["pixels"]
    weak = prepared.weak(batch, generator()).batch["pixels"]
    strong = prepared.strong(batch, generator()).batch["pixels"]
    assert (strong - clean).square().mean() > 1.2 * (weak - clean).square().mean() > 0


def _dots(count: int, side: int = 33) -> tuple[PreparedImage, Batch, Tensor]:
    """A bright blob on black, and where it is in coordinates from -1 to 1 (x, y)."""
    y, x = np.mgrid[0:side, 0:side]
    blob = 255 * np.exp(-((x - 21) ** 2 + (y - 12) ** 2) / 8)
    prepared, batch = fitted([blob.astype(np.uint8)[:, :, None]] * count)
    place = (torch.tensor([21.0, 12.0]) * 2 + 1) / side - 1
    return prepared, batch, place


def test_the_map_says_where_the_content_went() -> None:
    prepared, batch, place = _dots(30)
    view = prepared.weak(batch, generator(3))
    assert isinstance(view.map, Affine)
    matrix = view.map.matrix
    forward = torch.linalg.inv(matrix[:, :, :2])
    expected = torch.einsum("bij,bj->bi", forward, place - matrix[:, :, 2])
    pixels = view.batch["pixels"][:, 0] - view.batch["pixels"][:, 0].amin((1, 2), keepdim=True)
    weight = pixels / pixels.sum((1, 2), keepdim=True)
    axis = (torch.arange(33) * 2 + 1) / 33 - 1
    found = torch.stack([(weight.sum(1) * axis).sum(1), (weight.sum(2) * axis).sum(1)], dim=1)
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0)


def test_nothing_is_mirrored_unless_asked() -> None:
    images = some(200)
    for flip, share in ((False, 0.0), (True, 0.5)):
        prepared, batch = fitted(images, flip=flip)
        for view in (prepared.weak, prepared.strong):
            place = view(batch, generator(4)).map
            assert isinstance(place, Affine)
            mirrored = torch.linalg.det(place.matrix[:, :, :2]) < 0
            assert abs(float(mirrored.float().mean()) - share) < (0.12 if flip else 1e-9)


def test_large_batches_are_viewed_in_blocks_of_the_same_law() -> None:
    """The pool is larger than a block; every image still gets its own view."""
    image = some(1, 32, 32)[0]
    prepared, batch = fitted([image] * 300)
    place = prepared.strong(batch, generator()).map
    assert isinstance(place, Affine)
    assert place.matrix.shape == (300, 2, 3)
    assert len(torch.unique(place.matrix.flatten(1), dim=0)) > 290  # 0.4 to the 6th get no change of place


def test_tokens_are_the_patches_in_reading_order() -> None:
    prepared, batch = fitted(some(2, 16, 24))
    tokens = prepared.tokens(batch)
    clean = prepared.clean(batch)["pixels"]
    patch = clean[1, :, 2:4, 6:8]  # row 1, column 3 of the 8 x 12 grid of 2 x 2 patches
    torch.testing.assert_close(tokens.values[1, 12 + 3], patch.flatten())
    torch.testing.assert_close(tokens.positions[1, 12 + 3], torch.tensor([7 / 12 - 1, 3 / 8 - 1]))
    assert tokens.values.shape == (2, 96, 12)
    assert not tokens.padding.any()


def test_plain_features_are_the_pixels_or_their_means() -> None:
    images = some(4)
    prepared, batch = fitted(images)
    np.testing.assert_allclose(prepared.plain(images), prepared.clean(batch)["pixels"].flatten(1).numpy(), atol=1e-5)
    large = some(4, 64, 64)
    prepared, batch = fitted(large)
    expected = prepared.clean(batch)["pixels"].reshape(4, 3, 32, 2, 32, 2).mean((3, 5)).flatten(1)
    np.testing.assert_allclose(prepared.plain(large), expected.numpy(), atol=1e-4)


def test_state_is_json_and_comes_back() -> None:
    images = some()
    prepared, batch = fitted(images, flip=True, padding="reflection")
    meta, tensors = prepared.state()
    again = PreparedImage.from_state(json.loads(json.dumps(meta)), tensors)
    assert again.shape == prepared.shape
    assert again.weights == prepared.weights
    seen, expected = again.strong(batch, generator(5)), prepared.strong(batch, generator(5))
    assert torch.equal(seen.batch["pixels"], expected.batch["pixels"])
    assert torch.equal(again.clean(again.collate(images))["pixels"], prepared.clean(batch)["pixels"])


def test_an_empty_list_is_an_empty_batch() -> None:
    prepared, _ = fitted(some())
    empty = prepared.collate([])
    assert empty["pixels"].shape == (0, 3, 10, 14)
    assert prepared.clean(empty)["pixels"].shape == (0, 3, 10, 14)


@pytest.mark.parametrize(
    ("others", "modality", "message"),
    [
        (some(), "text", "text"),
        (some(channels=1), "image", "1 channels"),
        (some(3, 10, 15), "image", "10 x 15"),
        ([*some(1), *some(1, 10, 15)], "image", "several sizes"),
        ([image.astype(np.uint16) for image in some()], "image", "uint16"),
    ],
)
def test_other_records_are_refused(others: list[NDArray[Any]], modality: str, message: str) -> None:
    prepared, _ = fitted(some())
    with pytest.raises(InputError, match=message):
        prepared.check(records(others, modality))


def test_records_of_any_size_pass_where_sizes_were_mixed() -> None:
    prepared, _ = fitted([*some(3, 20, 30), *some(3, 24, 22)])
    prepared.check(records(some(2, 50, 40)))


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'resnet10t'"):
        MODALITY().fit(records(some()), "resnet10tt")
    with pytest.raises(InputError, match="flop"):
        MODALITY().fit(records(some()), options={"flop": True})


def test_encoders_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_encoder, "_weights_file", lambda hub: None)
    images = some(4, 32, 32)
    for name, spec in (("auto", "small"), ("small", "small"), ("timm:resnet10t", "timm:resnet10t")):
        prepared = MODALITY().fit(records(images), name)
        assert prepared.weights.spec == spec
        assert not prepared.weights.pretrained
        assert "from scratch" in prepared.weights.note
        encoder = prepared.encoder()
        features = encoder(prepared.clean(prepared.collate(images)))
        assert features.pooled.shape == (4, encoder.width)


def test_published_weights_are_loaded_named_and_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first convolution of an RGB model is summed over its channels for grey images (timm's rule)."""
    import hashlib

    import timm
    from safetensors.torch import save_file

    published = timm.create_model("resnet10t")
    file = tmp_path / "model.safetensors"
    save_file(published.state_dict(), file)
    monkeypatch.setattr(timm_encoder, "_weights_file", lambda hub: file)
    images = some(2, 40, 40, 1)
    prepared = MODALITY().fit(records(images), "resnet10t")
    assert prepared.weights.pretrained
    assert prepared.weights.licence == "apache-2.0"
    assert prepared.weights.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert prepared.shape.size == (176, 176)
    state = prepared.encoder().state_dict()
    torch.testing.assert_close(state["model.layer1.0.conv1.weight"], published.layer1[0].conv1.weight.detach())
    summed = published.conv1[0].weight.detach().sum(1, keepdim=True)
    torch.testing.assert_close(state["model.conv1.0.weight"], summed)
    bare = prepared.encoder(pretrained=False).state_dict()
    assert not torch.equal(bare["model.conv1.0.weight"], summed)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(InputError, match="resnet10t"):
        prepared.encoder()
