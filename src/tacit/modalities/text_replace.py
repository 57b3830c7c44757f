"""Words that say little replaced by words that say little, by TF-IDF (Xie et al. 2020, UDA, appendix).

A word of a text x is replaced with probability min(1, p · |x| · (C - s) / sum of (C - s)) over the words of x, where s
is its count / |x| times log(documents / documents with it) and C the largest s in x: on average a share p of the
words, hardly ever the ones that tell texts apart. What takes its place is drawn in proportion to max S - S(word), S
being the sum of a word's s over all texts.

Chosen here: the units are the tokenizer's subwords, because views work on ids; a text whose words all weigh the same
(one word, say) has none that says less, and stays as it is (the reference code divides 0 by 0); only tokens that occur
in the pool are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from tacit.modalities.text_views import uniform


@dataclass(frozen=True)
class Replacement:
    """``idf`` (V,) in nats, and the weight (V,) with which each token is drawn as a replacement."""

    idf: Tensor
    drawn: Tensor

    @classmethod
    def fit(cls, ids: Tensor, content: Tensor, size: int) -> Self:
        """``ids`` (n, L) of all texts, ``content`` (n, L) where they are words, ``size`` of the vocabulary."""
        occurs, everywhere = torch.zeros(size), torch.zeros(size)
        for row, words in zip(ids.long(), content, strict=True):
            occurs[row[words].unique()] += 1
        # a token that is in no text weighs as much as one that is in a single one
        idf = (max(len(ids), 1) / occurs.clamp_min(1)).log()
        length = content.sum(1, keepdim=True).clamp_min(1)
        share = (idf[ids.long()] / length)[content]
        everywhere.index_add_(0, ids.long()[content], share)
        return cls(idf, (everywhere.max() - everywhere) * (occurs > 0))

    def chances(self, ids: Tensor, content: Tensor, share: float) -> Tensor:
        """(B, L) probabilities that the tokens ``ids`` (B, L) are replaced; 0 where there is no ``content``."""
        length = content.sum(1, keepdim=True).clamp_min(1)
        same = (ids.unsqueeze(2) == ids.unsqueeze(1)) & content.unsqueeze(1)
        score = self.idf.to(ids.device)[ids.long()] * same.sum(2) / length
        below = (score.masked_fill(~content, -torch.inf).amax(1, keepdim=True) - score).masked_fill(~content, 0.0)
        total = below.sum(1, keepdim=True)
        chance = share * length * below / total.clamp_min(1e-12)
        return torch.where(total > 1e-6, chance, torch.zeros_like(chance)).clamp(max=1.0)

    def __call__(self, ids: Tensor, content: Tensor, share: float, rng: Generator) -> Tensor:
        """``ids`` (B, L) with about ``share`` of the ``content`` of every row replaced."""
        chosen = uniform(tuple(ids.shape), rng) < self.chances(ids, content, share)
        weights = self.drawn.to(ids.device)
        if float(weights.sum()) <= 0:
            return ids
        drawn = torch.multinomial(weights, ids.numel(), replacement=True, generator=rng).view_as(ids)
        return torch.where(chosen, drawn.to(ids.dtype), ids)

    def state(self) -> dict[str, Tensor]:
        return {"idf": self.idf, "drawn": self.drawn}
