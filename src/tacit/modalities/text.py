"""The text modality: subword ids, views by deletion, moves and masks, features without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tacit.data.batch import Batch, Features, Positions, Tokens, View
from tacit.data.records import Records, Samples
from tacit.errors import InputError
from tacit.listing import nearest
from tacit.modalities.base import Weights
from tacit.modalities.text_replace import Replacement
from tacit.modalities.text_tfidf import Tfidf, inverse_frequency, truncated, weighted
from tacit.modalities.text_tokens import Subwords, parse_subwords, read_subwords, train_subwords
from tacit.modalities.text_views import drop_and_swap, gather, span_mask
from tacit.modalities.text_weights import Choice, choose
from tacit.modalities.text_words import WordVectors
from tacit.nets.text import TextLSA, TextTransformer
from tacit.nets.transformer import masked_mean

# Longest text in tokens, size of a trained vocabulary, deletion rate of the weak and the strong view, reach
# of the strong view's swaps, its masked share. Rates are means: every sample draws its own up to twice that.
# "strong_replace" is UDA's share of words replaced by TF-IDF in the strong view, the same for every sample.
DEFAULTS: dict[str, float] = {
    "length": 128,
    "vocabulary": 6000,
    "weak_drop": 0.05,
    "strong_drop": 0.1,
    "strong_reach": 2.0,
    "strong_mask": 0.15,
    "strong_replace": 0.0,
}
_FITTED_ON = 100_000  # texts, evenly spaced over larger pools, that vocabularies are counted on
_WIDTH = 256  # of the TF-IDF projections


class TextPrepared:
    """Texts as ``{"tokens": (B, L) int32}`` ids, padded with ``pad_id`` to one length L for all batches."""

    name: ClassVar[str] = "text"
    geometry: ClassVar[str] = "positions"

    def __init__(
        self,
        choice: Choice,
        subwords: Subwords,
        tfidf: Tfidf,
        words: WordVectors,
        settings: dict[str, float],
        lsa: tuple[Tensor, Tensor] | None = None,
        replacement: Replacement | None = None,
    ) -> None:
        """``lsa``: idf (V,) and components (D, V) of the subwords, for the encoder "tfidf" alone.

        ``replacement``: where the strong view replaces words.
        """
        self.weights: Weights = choice.weights
        self.settings = settings
        self.length = int(settings["length"])
        self.vocab_size = subwords.vocab_size
        self.pad_id = subwords.pad_id
        self.mask_id = subwords.mask_id
        self._choice = choice
        self._subwords = subwords
        self._tfidf = tfidf
        self._words = words
        self._lsa = lsa
        self._replacement = replacement
        self._special = torch.from_numpy(subwords.special)

    def check(self, records: Records) -> None:
        """Raise `InputError` where ``records`` are no texts."""
        if records.modality != self.name:
            raise InputError(f"These records are of modality {records.modality!r}; this model reads texts.")

    def collate(self, samples: Samples) -> Batch:
        return Batch({"tokens": self._subwords.encode(_texts(samples), self.length)})

    def clean(self, batch: Batch) -> Batch:
        return batch

    def weak(self, batch: Batch, rng: Generator) -> View:
        """A few tokens deleted."""
        return self._view(batch, rng, drop=self.settings["weak_drop"], reach=0.0, mask=0.0)

    def strong(self, batch: Batch, rng: Generator) -> View:
        """Tokens deleted, neighbours swapped, words replaced where the settings ask for it, spans masked."""
        chosen = {name.removeprefix("strong_"): value for name, value in self.settings.items() if "strong" in name}
        return self._view(batch, rng, **chosen)

    def tokens(self, batch: Batch) -> Tokens:
        """Ids (B, L), their places, and what is never hidden: padding and special tokens (True)."""
        ids = batch["tokens"].long()
        positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        return Tokens(ids, positions, ~self._content(ids))

    def hide(self, batch: Batch, hidden: Tensor) -> Batch:
        """The batch with ``mask_id`` at the places ``hidden`` (B, L)."""
        return batch.replace(tokens=batch["tokens"].masked_fill(hidden, self.mask_id))

    def encoder(self, pretrained: bool = True) -> nn.Module:
        """A new encoder; ``pretrained=False`` builds a pretrained one's architecture without its weights."""
        if self._choice.config is not None:
            return self._pretrained_encoder(pretrained)
        if self._lsa is not None:
            return TextLSA(*self._lsa, self.pad_id)
        return TextTransformer(self.vocab_size, self.length, self.pad_id)

    def plain(self, samples: Samples) -> NDArray[np.float32]:
        """(n, D <= 256) truncated SVD of `tfidf`."""
        return self._tfidf.dense(_texts(samples))

    def tfidf(self, samples: Samples) -> sp.csr_matrix:
        """(n, V) sparse TF-IDF of words and word pairs, sublinear, rows of unit length."""
        return self._tfidf.sparse(_texts(samples))

    def dense(self, samples: Samples) -> dict[str, NDArray[np.float32]]:
        """Label-free features by name, without a network: "terms" is `plain`, "order" reads words in order."""
        texts = _texts(samples)
        return {"terms": self._tfidf.dense(texts), "order": self._words.read(texts)}

    def readings(self, batch: Batch, features: Features) -> dict[str, Tensor]:
        """What else can be read off an encoder's ``features`` of ``batch``, each (B, D), beside ``pooled``.

        "mean": of the local features; "first": the local features of the first token of content, which in
        context know how a text begins: for many tasks more than their mean over the whole text.
        """
        local, content = features.local, self._content(batch["tokens"])
        if local is None:
            raise ValueError("this encoder returns no local features to read")
        first = content.to(torch.uint8).argmax(dim=1)
        return {
            "mean": masked_mean(local, content),
            "first": local[torch.arange(len(local), device=local.device), first],
        }

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        parts = {"tfidf": self._tfidf.state(), "words": self._words.state()}
        tensors = {f"{name}.{key}": tensor for name, (_, held) in parts.items() for key, tensor in held.items()}
        choice = self._choice
        meta: dict[str, Any] = {
            **{name: part for name, (part, _) in parts.items()},
            "tokenizer": self._subwords.to_json(),
            "pad_id": self.pad_id,
            "settings": self.settings,
            "weights": self.weights.to_json(),
            "config": choice.config,
            "pooling": choice.pooling,
            "normalise": choice.normalise,
        }
        if self._lsa is not None:
            tensors |= {"lsa_idf": self._lsa[0], "lsa_components": self._lsa[1]}
        if self._replacement is not None:
            tensors |= {f"replacement.{name}": tensor for name, tensor in self._replacement.state().items()}
        return meta, tensors

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        weights = Weights(**meta["weights"])
        choice = Choice(weights, None, meta["config"], meta["pooling"], meta["normalise"])
        lsa = (tensors["lsa_idf"], tensors["lsa_components"]) if "lsa_idf" in tensors else None
        subwords = parse_subwords(meta["tokenizer"], meta["pad_id"])
        tfidf = Tfidf.from_state(meta["tfidf"], _part(tensors, "tfidf"))
        words = WordVectors.from_state(meta["words"], _part(tensors, "words"))
        replaced = _part(tensors, "replacement")
        replacement = Replacement(**replaced) if replaced else None
        return cls(choice, subwords, tfidf, words, meta["settings"], lsa, replacement)

    def _content(self, ids: Tensor) -> Tensor:
        return ~self._special.to(ids.device)[ids.long()]

    def _view(
        self, batch: Batch, rng: Generator, *, drop: float, reach: float, mask: float, replace: float = 0.0
    ) -> View:
        ids = batch["tokens"]
        source = drop_and_swap(self._content(ids), ids != self.pad_id, drop, reach, rng)
        changed = gather(ids, source, self.pad_id)
        if replace > 0.0:
            if self._replacement is None:
                raise ValueError("words can be replaced only where that was asked for when the texts were fitted")
            changed = self._replacement(changed, self._content(changed), replace, rng)
        if mask > 0.0:
            changed = changed.masked_fill(span_mask(self._content(changed), mask, 3, rng), self.mask_id)
        return View(batch.replace(tokens=changed), Positions(source))

    def _pretrained_encoder(self, pretrained: bool) -> nn.Module:
        from tacit.nets.pretrained_text import PretrainedText

        choice = self._choice
        folder: Path | None = None
        if pretrained:
            found = choice if choice.folder is not None else choose(self.weights.spec)
            if found.weights.sha256 != self.weights.sha256:
                raise InputError(f"The weights {self.weights.spec!r} are not those that this model was made with.")
            folder = found.folder
        return PretrainedText(
            choice.config or {},
            self.pad_id,
            pooling=choice.pooling,
            normalise=choice.normalise,
            folder=folder,
        )


class TextModality:
    """Fits tokenizer, vocabulary and TF-IDF to all texts, labelled or not."""

    name: ClassVar[str] = "text"
    prepared: ClassVar[type[Any]] = TextPrepared

    def fit(self, records: Records, encoder: str = "auto", *, options: dict[str, Any] | None = None) -> TextPrepared:
        """``encoder``: "auto", "small", "tfidf", "minilm" or a model folder; ``options``: see `DEFAULTS`."""
        if records.modality != self.name:
            raise InputError(f"These records are of modality {records.modality!r}, not texts.")
        settings = _settings(options or {})
        choice = choose(encoder)
        texts = _texts(records.gather(_spaced(len(records), _FITTED_ON)))
        if choice.folder is not None:
            subwords = read_subwords(choice.folder)
        else:
            subwords = train_subwords(texts, int(settings["vocabulary"]))
        longest = _longest(choice, settings)
        settings["length"] = _length(subwords.lengths(texts, longest), longest)
        lsa = _lsa(subwords, texts, int(settings["length"])) if choice.weights.spec == "tfidf" else None
        tfidf, words = Tfidf.fit(texts, _WIDTH), WordVectors.fit(texts)
        replacement = _replacement(subwords, texts, int(settings["length"])) if settings["strong_replace"] else None
        return TextPrepared(choice, subwords, tfidf, words, settings, lsa, replacement)


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def _settings(options: dict[str, Any]) -> dict[str, float]:
    for name in options:
        if name not in DEFAULTS:
            raise InputError(f"unknown option {name!r} for texts. {nearest(name, DEFAULTS)}")
    return {**DEFAULTS, **{name: float(value) for name, value in options.items()}}


def _longest(choice: Choice, settings: dict[str, float]) -> int:
    """The cap on tokens: what is asked, at most what the model has places for (RoBERTa keeps two back)."""
    places = int((choice.config or {}).get("max_position_embeddings", 1 << 20))
    return max(3, min(int(settings["length"]), places - 2))


def _length(lengths: NDArray[np.int64], most: int) -> int:
    """Half as many places again as the longest text fills, for longer ones to come; few distinct sizes."""
    wanted = int(lengths.max(initial=3)) * 3 // 2
    return min(wanted + -wanted % 8, most)


def _lsa(subwords: Subwords, texts: list[str], length: int) -> tuple[Tensor, Tensor]:
    """Smoothed idf (V,) and SVD components (D, V) of subword counts; special tokens weigh nothing."""
    ids = subwords.encode(texts, length).numpy()
    rows = np.repeat(np.arange(len(ids)), ids.shape[1])
    shape = (len(ids), subwords.vocab_size)
    counts = sp.csr_matrix((np.ones(ids.size, np.float32), (rows, ids.ravel())), shape=shape)
    idf = inverse_frequency(counts)
    idf[subwords.special] = 0.0
    components = truncated(weighted(counts, idf), _WIDTH)
    return torch.from_numpy(idf), torch.from_numpy(components)


def _replacement(subwords: Subwords, texts: list[str], length: int) -> Replacement:
    ids = subwords.encode(texts, length)
    return Replacement.fit(ids, ~torch.from_numpy(subwords.special)[ids.long()], subwords.vocab_size)


def _spaced(total: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, max(total - 1, 0), min(total, most)).round().astype(np.int64))


def _texts(samples: Samples) -> list[str]:
    if not isinstance(samples, list) or any(not isinstance(text, str) for text in samples):
        raise InputError("Texts are expected as a list of strings.")
    return [text for text in samples if isinstance(text, str)]


MODALITY = TextModality
