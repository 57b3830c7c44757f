"""Features of small images without labels or weights: whitened patches against centroids, summed over quarters.

Source: Coates, Lee and Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", with the
triangle activation (equation 4), and principal components of the pooled features at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Matrix = NDArray[np.float32]

SIDE, CENTROIDS, COMPONENTS = 6, 400, 256
DRAWN = 200_000
"""Patches that whitening and centroids are learned from."""

CONTRAST, WHITENING = 10.0, 0.1
"""Added to variances of patches (of pixels 0 to 255) and of components, as in the paper."""

AT_ONCE = 100


@dataclass(frozen=True)
class PatchFeatures:
    """``mean`` (P,) and ``whiten`` (P, P) of patches, ``centroids`` (K, P), and the ``components`` (4 K, D) kept."""

    mean: Matrix
    whiten: Matrix
    centroids: Matrix
    centre: Matrix
    components: Matrix

    @staticmethod
    def learned(images: Images, seed: int = 0) -> PatchFeatures:
        """From images (n, H, W, 3)."""
        from sklearn.cluster import MiniBatchKMeans
        from sklearn.decomposition import PCA

        rng = np.random.default_rng(seed)
        some = _normalised(_patches(images, rng.integers(len(images), size=DRAWN), rng))
        mean = some.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(some, rowvar=False))
        whiten = (vectors / np.sqrt(values + WHITENING) @ vectors.T).astype(np.float32)
        means = MiniBatchKMeans(CENTROIDS, n_init=1, random_state=seed, batch_size=2048, max_iter=20)
        centroids = means.fit((some - mean) @ whiten).cluster_centers_.astype(np.float32)
        pooled = PatchFeatures(mean, whiten, centroids, np.zeros(0, np.float32), np.zeros(0, np.float32))._pooled(
            images
        )
        pca = PCA(COMPONENTS, random_state=seed).fit(pooled)
        components = pca.components_.T.astype(np.float32)
        return PatchFeatures(mean, whiten, centroids, pca.mean_.astype(np.float32), components)

    def __call__(self, images: Images) -> Matrix:
        """(n, D)."""
        return np.asarray((self._pooled(images) - self.centre) @ self.components, dtype=np.float32)

    def _pooled(self, images: Images) -> Matrix:
        """(n, 4 K) sums of activations over the quarters of each image."""
        parts = [self._of(images[k : k + AT_ONCE]) for k in range(0, len(images), AT_ONCE)]
        return np.concatenate(parts)

    def _of(self, images: Images) -> Matrix:
        windows = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))
        n, rows, columns = windows.shape[:3]
        patches = np.moveaxis(windows, 3, 5).reshape(n * rows * columns, -1)
        x = (_normalised(patches.astype(np.float32)) - self.mean) @ self.whiten
        squared = (x**2).sum(axis=1)[:, None] - 2 * x @ self.centroids.T + (self.centroids**2).sum(axis=1)
        distance = np.sqrt(np.maximum(squared, 0.0))
        active = np.maximum(distance.mean(axis=1, keepdims=True) - distance, 0.0).reshape(n, rows, columns, -1)
        halves = [(slice(0, rows // 2), slice(rows // 2, rows)), (slice(0, columns // 2), slice(columns // 2, columns))]
        return np.concatenate([active[:, a, b].sum(axis=(1, 2)) for a in halves[0] for b in halves[1]], axis=1)


def _patches(images: Images, which: NDArray[np.int64], rng: np.random.Generator) -> Matrix:
    """One random patch of each image in ``which``, as rows."""
    row, column = (rng.integers(images.shape[k] - SIDE + 1, size=len(which)) for k in (1, 2))
    offset = np.arange(SIDE)
    cells = images[which[:, None, None], (row[:, None] + offset)[:, :, None], (column[:, None] + offset)[:, None, :]]
    return np.asarray(cells.reshape(len(which), -1), dtype=np.float32)


def _normalised(patches: Matrix) -> Matrix:
    centred = patches - patches.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt(centred.var(axis=1, keepdims=True) + CONTRAST), dtype=np.float32)
