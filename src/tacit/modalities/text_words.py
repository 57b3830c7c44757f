"""Word vectors counted on the user's own texts, and texts read with them in order: features without a network.

A bag of words cannot tell how a text begins, and with few labels most words are seen in no labelled text. Vectors
of words that share their neighbours help with the second, separate reading of the first words with the first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

_WORD = re.compile(r"\w+")
_START, _END = "^", "$"  # no words, so they clash with none
_WINDOW = 5
_SMOOTHING = 0.75  # of context frequencies: seldom contexts otherwise dominate (Levy et al. 2015)
_EARLY = 3.0  # words after which a word's weight has fallen to 1/e in the early mean


@dataclass(frozen=True)
class WordVectors:
    """``terms`` in row order, ``weight`` (V,) their log inverse document frequency, ``vectors`` (V, D) unit rows."""

    terms: tuple[str, ...]
    weight: NDArray[np.float32]
    vectors: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[str], width: int = 200, terms: int = 20_000) -> Self:
        """Left singular vectors of the positive pointwise mutual information of words and their neighbours.

        Levy & Goldberg (2014), with singular values dropped (Levy et al. 2015, eigenvalue weighting 0). Words
        of a single text are left out, and all but the ``terms`` most frequent.
        """
        split = [_words(text) for text in texts]
        documents = Counter(word for words in split for word in set(words))
        known = sorted((word for word in documents if documents[word] > 1), key=lambda w: (-documents[w], w))
        known = known[:terms]
        weight = np.log(max(len(texts), 1) / np.array([documents[word] for word in known], dtype=np.float64))
        if len(known) < 3:
            return cls((), np.zeros(0, np.float32), np.zeros((0, 1), np.float32))
        mutual = _mutual_information(split, {word: i for i, word in enumerate(known)})
        left, _, _ = randomized_svd(mutual, min(width, len(known) - 1), n_iter=4, random_state=0)
        return cls(tuple(known), weight.astype(np.float32), normalize(left).astype(np.float32))

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 4 D): the weighted mean of a text's words, that of its early words, its first and second word."""
        rows = {term: i for i, term in enumerate(self.terms)}
        width = self.vectors.shape[1]
        out = np.zeros((len(texts), 4, width), dtype=np.float32)
        for row, text in zip(out, texts, strict=True):
            words = _words(text)[1:-1]
            places = np.array([i for i, word in enumerate(words) if word in rows], dtype=np.int64)
            if not len(places):
                continue
            index = np.array([rows[words[i]] for i in places])
            vectors, weight = self.vectors[index], self.weight[index] + 1e-6
            early = weight * np.exp(-places / _EARLY)
            row[0] = weight @ vectors / weight.sum()
            row[1] = early @ vectors / early.sum()
            row[2:][places[places < 2]] = vectors[places < 2]
        return out.reshape(len(texts), 4 * width)

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        tensors = {"weight": torch.from_numpy(self.weight), "vectors": torch.from_numpy(self.vectors)}
        return {"terms": list(self.terms)}, tensors

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        return cls(tuple(meta["terms"]), tensors["weight"].numpy(), tensors["vectors"].numpy())


def _words(text: str) -> list[str]:
    return [_START, *_WORD.findall(text.lower()), _END]


def _mutual_information(split: list[list[str]], rows: dict[str, int]) -> sp.csr_matrix:
    """(V, V) positive pointwise mutual information of words at most `_WINDOW` apart, weighted by 1 / distance."""
    # A gap of -1 between texts keeps pairs from crossing; unknown words keep their place.
    parts = [[rows.get(word, -1) for word in words] + [-1] * _WINDOW for words in split]
    line = np.array([index for part in parts for index in part], dtype=np.int64)
    counts = sp.csr_matrix((len(rows), len(rows)), dtype=np.float64)
    for distance in range(1, _WINDOW + 1):
        before, after = line[:-distance], line[distance:]
        both = (before >= 0) & (after >= 0)
        ones = np.full(int(both.sum()), 1.0 / distance)
        counts = counts + sp.csr_matrix((ones, (before[both], after[both])), shape=counts.shape)
    pairs = sp.coo_matrix(counts + counts.T)
    total = np.bincount(pairs.row, weights=pairs.data, minlength=len(rows))
    context = total**_SMOOTHING
    chance = total[pairs.row] * context[pairs.col] / context.sum()
    value = np.log(pairs.data / chance)
    kept = value > 0
    return sp.csr_matrix((value[kept], (pairs.row[kept], pairs.col[kept])), shape=counts.shape)
