"""Changed views of padded token ids (B, L): token dropout, local swaps and span masks.

Every draw comes from the given generator, on the ids' device, with other parameters for every row.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def uniform(shape: tuple[int, ...], rng: Generator) -> Tensor:
    """Uniform draws on the generator's device."""
    return torch.rand(shape, generator=rng, device=rng.device)


def drop_and_swap(content: Tensor, present: Tensor, drop: float, reach: float, rng: Generator) -> Tensor:
    """Source positions (B, L) of a view with tokens deleted and moved, -1 where nothing is left.

    Each row draws a deletion rate uniformly from 0 to 2 * ``drop`` and a reach from 0 to ``reach``; a token
    at position i is sorted by i + reach * u with u uniform, so that only tokens less than the reach apart can
    change places (Lample et al. 2018). At least one token of content stays, and special tokens (``present``
    without ``content``) stay at either end.
    """
    rows, length = content.shape
    place = torch.arange(length, device=content.device, dtype=torch.float32).expand(rows, length)
    chance = uniform((rows, length), rng)
    rate = 2.0 * drop * uniform((rows, 1), rng)
    kept = content & ((chance >= rate) | _largest(chance, content))
    moved = place + reach * uniform((rows, 1), rng) * uniform((rows, length), rng)
    before = content.long().cumsum(1) == 0
    ends = torch.where(before, place - length, place + 4.0 * length)
    key = torch.where(kept, moved, torch.where(present & ~content, ends, torch.full_like(place, torch.inf)))
    order = key.argsort(dim=1, stable=True)
    return torch.where(key.gather(1, order).isinf(), -1, order)


def span_mask(content: Tensor, rate: float, longest: int, rng: Generator) -> Tensor:
    """Places to hide (B, L): spans of 1 to ``longest`` tokens, on average about ``rate`` of the content."""
    rows, length = content.shape
    wanted = 2.0 * rate * uniform((rows, 1), rng)
    start = uniform((rows, length), rng) < wanted * 2.0 / (1.0 + longest)
    size = torch.randint(1, longest + 1, (rows, length), generator=rng, device=rng.device)
    hidden = torch.zeros_like(content)
    for shift in range(longest):
        reaches = start & (size > shift)
        hidden[:, shift:] |= reaches[:, : length - shift]
    chance = uniform((rows, length), rng)
    return hidden & content & ~_largest(chance, content)


def gather(tokens: Tensor, source: Tensor, pad_id: int) -> Tensor:
    """Tokens (B, L) taken from ``source`` (B, L); ``pad_id`` where the source is -1."""
    taken = tokens.gather(1, source.clamp(min=0))
    return torch.where(source >= 0, taken, torch.full_like(taken, pad_id))


def _largest(chance: Tensor, content: Tensor) -> Tensor:
    """One place of content per row, drawn by ``chance``; none in a row without content."""
    best = chance.masked_fill(~content, -1.0).argmax(dim=1, keepdim=True)
    return torch.zeros_like(content).scatter(1, best, True) & content
