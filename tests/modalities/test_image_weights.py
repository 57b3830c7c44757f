"""What "auto" takes for images: published weights where they are at hand and images are large enough, and why not."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from tacit.data.read import read
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.modalities.image import MODALITY, PreparedImage
from tacit.modalities.image_weights import FROM, LARGEST, PUBLISHED


def images(height: int, width: int, channels: int = 3, count: int = 3) -> Records:
    rng = np.random.default_rng(0)
    return read(rng.integers(0, 256, (count, height, width, channels), dtype=np.uint8), modality="image")


def no_network(*args: Any, **kwargs: Any) -> NoReturn:
    raise AssertionError("nothing may be asked of the network")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """A Hugging Face cache with one file in it: random weights of the published model, as its clients lay it out."""
    import timm

    torch.manual_seed(0)
    state = timm.create_model(PUBLISHED.partition(".")[0]).state_dict()
    cache = tmp_path_factory.mktemp("hub")
    repository = cache / f"models--timm--{PUBLISHED}"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    save_file(state, snapshot / "model.safetensors")
    return cache, state


@pytest.fixture
def cached(checkpoint: tuple[Path, dict[str, torch.Tensor]], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(checkpoint[0]))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket, "create_connection", no_network)
    return next(checkpoint[0].rglob("model.safetensors"))


@pytest.mark.parametrize(
    ("size", "becomes"), [((64, 64), (64, 64)), ((96, 96), (96, 96)), ((70, 200), (70, 70)), ((300, 180), (96, 96))]
)
def test_cached_weights_are_taken_for_large_images(
    cached: Path, size: tuple[int, int], becomes: tuple[int, int]
) -> None:
    prepared = MODALITY().fit(images(*size))
    assert prepared.weights.spec == f"timm:{PUBLISHED}"
    assert prepared.weights.pretrained
    assert prepared.weights.licence == "apache-2.0"
    digest = hashlib.sha256(cached.read_bytes()).hexdigest()
    assert prepared.weights.sha256 == digest
    for said in (PUBLISHED, "apache-2.0", digest[:12]):
        assert said in prepared.weights.note
    assert prepared.shape.size == becomes
    assert max(becomes) <= LARGEST


def test_the_encoder_has_the_weights_of_the_file(
    cached: Path, checkpoint: tuple[Path, dict[str, torch.Tensor]]
) -> None:
    prepared = MODALITY().fit(images(80, 80))
    meta, tensors = prepared.state()
    for one in (prepared, PreparedImage.from_state(json.loads(json.dumps(meta)), tensors)):
        loaded = one.encoder().state_dict()
        for name in ("conv1.weight", "layer4.1.bn2.running_var"):
            assert torch.equal(loaded[f"model.{name}"], checkpoint[1][name])
        assert not torch.equal(
            one.encoder(pretrained=False).state_dict()["model.conv1.weight"], loaded["model.conv1.weight"]
        )


def test_weights_that_changed_since_are_refused(tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tacit.nets import timm_encoder

    prepared = MODALITY().fit(images(64, 64))
    other = tmp_path / "model.safetensors"
    other.write_bytes(cached.read_bytes() + b" ")
    monkeypatch.setattr(timm_encoder, "_weights_file", lambda hub: other)
    with pytest.raises(InputError, match="gone or others now"):
        prepared.encoder()


@pytest.mark.parametrize(
    ("size", "channels", "reason"),
    [((63, 200), 3, "images below 64 pixels"), ((28, 28), 1, "images below 64 pixels"), ((64, 64), 6, "6 channels")],
)
def test_small_images_and_other_channels_stay_from_scratch(
    cached: Path, size: tuple[int, int], channels: int, reason: str
) -> None:
    assert FROM == 64
    prepared = MODALITY().fit(images(*size, channels))
    assert prepared.weights.spec == "small"
    assert not prepared.weights.pretrained
    assert "from scratch" in prepared.weights.note and reason in prepared.weights.note
    assert max(prepared.shape.size) <= 64


def test_grey_images_take_them_too(cached: Path) -> None:
    prepared = MODALITY().fit(images(64, 64, 1))
    assert prepared.weights.pretrained
    features = prepared.encoder().eval()(prepared.clean(prepared.collate([np.zeros((64, 64, 1), np.uint8)])))
    assert features.pooled.shape == (1, 512)


def test_without_weights_at_hand_it_is_the_small_encoder_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> NoReturn:
        assert kwargs["timeout"] <= 3, "a person is waiting"
        raise TimeoutError

    for offline, ask in ((True, no_network), (False, unreachable)):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        monkeypatch.setattr(socket, "create_connection", ask)
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        prepared = MODALITY().fit(images(200, 100))
        assert prepared.weights.spec == "small"
        assert f"{PUBLISHED} are neither in the local cache nor within reach" in prepared.weights.note
        assert prepared.shape.size == (64, 64)


def test_a_size_that_is_asked_for_is_kept(cached: Path) -> None:
    prepared = MODALITY().fit(images(200, 200), options={"size": 72})
    assert prepared.weights.pretrained and prepared.shape.size == (72, 72)
    small = MODALITY().fit(images(200, 200), options={"size": 32})
    assert not small.weights.pretrained and small.shape.size == (32, 32)
