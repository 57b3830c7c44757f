"""A pool as a search engine fills it: some records are of no class, and all have a label nevertheless."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import nn

from tacit.claims.arms import Trial
from tacit.claims.sets import SUBSET_SEED, Numbers, Split, data_file, digits
from tacit.compare.candidate import Predictor
from tacit.compare.scores import values_of
from tacit.data.read import read
from tacit.engines.pseudoloss import foreign, high_loss
from tacit.labels.noisy import Noisy
from tacit.train.predict import embed, pool_batches

FOREIGN = 0.4
"""Share of the pool that is of no class."""
SIMPLE = 0.2
"""Share of the clean images that count as simple: those that compress best."""


@dataclass(frozen=True)
class WebNoise:
    """A label for every record: of foreign ones (truth -1) any class, of ``flipped`` of the pool a wrong class.

    Both rates are shares of the whole pool, as in Albert et al. 2022 and 2023; all else is labelled with the truth.
    """

    flipped: float

    def __str__(self) -> str:
        return f"all labels, those of {self.flipped:.0%} of the pool flipped, of foreign records drawn at random"

    def __call__(self, split: Split, rng: np.random.Generator) -> Noisy:
        """Labels that say nothing of how they came about."""
        truth, classes = split.truth, len(split.classes)
        given = np.where(truth < 0, rng.integers(0, classes, len(truth)), truth)
        own = np.flatnonzero(truth >= 0)
        wrong = rng.permutation(own)[: min(round(self.flipped * len(truth)), len(own))]
        given[wrong] = (truth[wrong] + rng.integers(1, classes, len(wrong))) % classes
        return Noisy(given, "estimate", split.classes)


def web_digits() -> Split:
    """scikit-learn's digits among photographs of CIFAR-10, 40 % of the pool, in grey and at their 8 × 8 pixels.

    The test records are digits.
    """
    own = digits()
    images = np.stack(own.pool.gather())
    wanted = round(len(images) * FOREIGN / (1 - FOREIGN))
    strange = photographs(wanted, images.shape[1:3]).reshape(-1, *images.shape[1:])
    pool = np.concatenate([images, strange])
    truth = np.concatenate([own.truth, np.full(wanted, -1, dtype=np.int64)])
    order = np.random.default_rng(SUBSET_SEED).permutation(len(truth))
    records = read(pool[order], modality="image")
    name = f"{own.name} among photographs"
    return Split(name, records, truth[order], own.test, own.test_truth, own.classes)


def photographs(count: int, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """(count, height, width) the first training images of CIFAR-10 in grey."""
    height, width = size
    with np.load(data_file("cifar10/cifar10_jpeg.npz"), allow_pickle=False) as file:
        data, offsets = file["train_jpeg"], file["train_offsets"]
    if count > len(offsets) - 1:
        raise ValueError(f"{count:,} photographs are wanted and there are {len(offsets) - 1:,}")
    read_in = (Image.open(io.BytesIO(data[a:b].tobytes())) for a, b in pairwise(offsets[: count + 1]))
    return np.stack([np.asarray(i.convert("L").resize((width, height), Image.Resampling.BOX)) for i in read_in])


def detections(trial: Trial, predictor: Predictor, encoder: nn.Module | None) -> dict[str, float]:
    """How well the end of training tells foreign records, by loss and by the hyperplane that the losses teach.

    For each the area under the ROC curve of foreign records against all others, and the recall of the simple images
    among those with a true label: the share that is believed.
    """
    split, bench, labels = trial.desk.split, trial.desk.bench(), trial.labels
    strange = split.truth < 0
    if encoder is None or not isinstance(labels, Noisy) or not strange.any():
        return {}
    p = values_of(predictor(split.pool))
    losses = -np.log(np.maximum(p[np.arange(len(p)), labels.y], 1e-12))
    wrong = high_loss(losses, np.log(p.shape[1]))
    plane = foreign(embed(encoder, pool_batches(bench.pool), bench.prepared), wrong)
    simple = simple_images(split, np.flatnonzero(labels.y == split.truth))
    return {
        "AUROC by loss": float(roc_auc_score(strange, losses)),
        "AUROC by hyperplane": float(roc_auc_score(strange, plane)),
        "simple clean believed by loss": float(1 - wrong[simple].mean()),
        "simple clean believed by hyperplane": float((plane[simple] <= 0.5).mean()),
    }


def simple_images(split: Split, clean: Numbers) -> Numbers:
    """The fifth of the records at ``clean`` whose pixels compress best."""
    sizes = [len(zlib.compress(np.asarray(image).tobytes(), 9)) for image in split.pool.gather(clean)]
    return clean[np.argsort(sizes, kind="stable")[: max(1, round(SIMPLE * len(clean)))]]
