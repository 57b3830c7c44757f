"""What all tests share: one thread, a cache of their own, and tiny data of each modality."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import tacit
from tacit.compare.model import modalities
from tacit.compare.workbench import Workbench, make_fabric
from tacit.data.records import Records
from tacit.data.task import Task
from tacit.modalities.base import Prepared
from tacit.train.watch import Watch

torch.set_num_threads(1)

VIEWS: dict[str, dict[str, float]] = {"text": {"length": 12, "vocabulary": 120}}
ENCODERS = {"text": "small"}
"""Options and a network for texts that keep training short; pretrained ones have tests of their own."""


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the user's cache."""
    before = os.environ.get("TACIT_CACHE")
    folder = tmp_path_factory.mktemp("cache")
    os.environ["TACIT_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["TACIT_CACHE"]
    else:
        os.environ["TACIT_CACHE"] = before


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Ctrl-C works in tests also where the shell that started them in the background had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def make_table(n: int, seed: int = 0) -> tuple[list[dict[str, Any]], NDArray[np.int64]]:
    """Rows of three numbers, a category and a gap here and there; three classes, well apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    rows: list[dict[str, Any]] = [
        {
            "length": float(3 * c + rng.normal()),
            "width": float(rng.normal() - 2 * c),
            "noise": None if rng.random() < 0.1 else float(rng.normal()),
            "kind": "uvw"[c] if rng.random() < 0.8 else "other",
        }
        for c in y
    ]
    return rows, y


def make_images(n: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(n, 8, 8) grey images with a bright square whose corner is the class; three classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    pixels = rng.integers(0, 60, (n, 8, 8))
    for i, c in enumerate(y):
        row, column = [(1, 1), (1, 5), (5, 3)][c]
        pixels[i, row : row + 3, column : column + 3] += 180
    return pixels.astype(np.uint8), y


def make_texts(n: int, seed: int = 0) -> tuple[list[str], NDArray[np.int64]]:
    """Sentences from three templates of different topics."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    nouns = [("goal", "match", "team"), ("bread", "soup", "spice"), ("rain", "wind", "cloud")]
    verbs = [("scored", "won", "played"), ("baked", "stirred", "tasted"), ("fell", "blew", "gathered")]
    when = ("today", "again", "at last", "in the morning", "once more")
    texts = [f"the {rng.choice(nouns[c])} {rng.choice(verbs[c])} {rng.choice(when)}" for c in y]
    return texts, y


def make_bags(n: int, seed: int = 0) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Bags of 3 to 7 instances of four numbers, of which two lie where their class is; three classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    bags = [rng.normal(size=(int(rng.integers(3, 8)), 4)) for _ in y]
    for bag, c in zip(bags, y, strict=True):
        bag[rng.permutation(len(bag))[:2], c] += 5
    return bags, y


@pytest.fixture(autouse=True, scope="session")
def _no_published_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the user's Hugging Face cache or fetches weights, whatever machine it runs on."""
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        empty = str(tmp_path_factory.mktemp("hub"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HUB_CACHE", empty)
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        patch.setattr(constants, "HF_HUB_CACHE", empty)
        yield


MAKERS: dict[str, Callable[..., tuple[Any, NDArray[np.int64]]]] = {
    "table": make_table,
    "image": make_images,
    "text": make_texts,
    "set": make_bags,
}


class Toy:
    """Records of one modality with the truth, and everything a candidate needs to be trained on them."""

    def __init__(self, modality: str, n: int = 72, seed: int = 0) -> None:
        self.modality = modality
        self.raw, self.y = MAKERS[modality](n, seed)
        self.records: Records = tacit.read(self.raw, modality=modality)
        encoder = ENCODERS.get(modality, "auto")
        self.prepared: Prepared = modalities()[modality]().fit(self.records, encoder, options=VIEWS.get(modality))

    def some(self, labelled: int) -> NDArray[np.int64]:
        """The truth of the first records, -1 for the others."""
        return np.where(np.arange(len(self.y)) < labelled, self.y, -1)

    def bench(self, task: Task, watch: Watch | None = None) -> Workbench:
        """A workbench on the CPU that keeps nothing between runs."""
        return Workbench(self.records, self.prepared, task, make_fabric("cpu"), watch or Watch())


@pytest.fixture(scope="session")
def toy() -> Callable[[str], Toy]:
    """``toy("image")`` and so on, each made once."""
    made: dict[str, Toy] = {}

    def get(modality: str) -> Toy:
        if modality not in made:
            made[modality] = Toy(modality)
        return made[modality]

    return get


@pytest.fixture(scope="session")
def fresh() -> Callable[..., tuple[Any, NDArray[np.int64]]]:
    """``fresh("table", n, seed)``: raw samples and their classes, other ones for another seed."""
    return lambda modality, n, seed=0: MAKERS[modality](n, seed)


@pytest.fixture
def global_randomness() -> Iterator[None]:
    """Fails where a test moves the state of the global generators of torch or numpy."""
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    yield
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
