"""TF-IDF of words and word pairs, and its truncated SVD, with a state of plain lists and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize
from torch import Tensor


@dataclass(frozen=True)
class Tfidf:
    """``terms`` in column order, ``idf`` (V,), ``components`` (D, V) of the truncated SVD."""

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    components: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[str], width: int = 256, terms: int = 50_000) -> Self:
        """Words and word pairs, the ``terms`` most frequent of them, and at most ``width`` components."""
        counter = _counter(max_features=terms)
        try:
            counts = counter.fit_transform(texts)
        except ValueError:  # not one word in all texts
            return cls((), np.zeros(0, np.float32), np.zeros((1, 0), np.float32))
        idf = inverse_frequency(counts)
        names = tuple(str(term) for term in counter.get_feature_names_out())
        return cls(names, idf, truncated(weighted(counts, idf), width))

    def sparse(self, texts: Sequence[str]) -> sp.csr_matrix:
        """(n, V) float32 rows of unit length: (1 + log count) · idf."""
        if not self.terms:
            return sp.csr_matrix(np.zeros((len(texts), 0), dtype=np.float32))
        counter = _counter(vocabulary={term: i for i, term in enumerate(self.terms)})
        return weighted(counter.transform(texts), self.idf)

    def dense(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, D) projections on the components."""
        if not self.terms:
            return np.zeros((len(texts), len(self.components)), dtype=np.float32)
        return np.asarray(self.sparse(texts) @ self.components.T, dtype=np.float32)

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        tensors = {"idf": torch.from_numpy(self.idf), "components": torch.from_numpy(self.components)}
        return {"terms": list(self.terms)}, tensors

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        return cls(tuple(meta["terms"]), tensors["idf"].numpy(), tensors["components"].numpy())


def inverse_frequency(counts: sp.csr_matrix) -> NDArray[np.float32]:
    """(V,) smoothed idf, log((1 + n) / (1 + documents)) + 1, of (n, V) counts."""
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + documents)) + 1, dtype=np.float32)


def weighted(counts: sp.csr_matrix, idf: NDArray[np.float32]) -> sp.csr_matrix:
    """(n, V) rows of unit length: (1 + log count) · idf."""
    scaled = counts.copy()
    scaled.data = (1.0 + np.log(scaled.data)) * idf[scaled.indices]
    return sp.csr_matrix(normalize(scaled), dtype=np.float32)


def truncated(matrix: sp.csr_matrix, width: int) -> NDArray[np.float32]:
    """(D, V) leading right singular vectors, D at most ``width`` and one less than either side of the matrix.

    The randomised solver's seed is fixed: what is fitted without labels depends on the records alone.
    """
    wanted = max(1, min(width, matrix.shape[0] - 1, matrix.shape[1] - 1))
    if min(matrix.shape) < 2:
        return np.ones((1, matrix.shape[1]), dtype=np.float32)
    solver = TruncatedSVD(wanted, n_iter=4, random_state=0).fit(matrix)
    return np.ascontiguousarray(solver.components_, dtype=np.float32)


def _counter(**settings: Any) -> CountVectorizer:
    return CountVectorizer(ngram_range=(1, 2), dtype=np.float32, **settings)
