"""Subword tokenizers, trained on the user's text or read from a model folder, as padded id tensors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from tacit.errors import InputError

PAD, START, END, MASK = "[PAD]", "[CLS]", "[SEP]", "[MASK]"
_PADS = (PAD, "<pad>", "<|pad|>", "<PAD>")
_MASKS = (MASK, "<mask>", "<MASK>")
_UNKNOWNS = ("[UNK]", "<unk>", "<UNK>")


@dataclass(frozen=True)
class Subwords:
    """A tokenizer with the ids that views need. ``special``: (vocab_size,) bool, tokens without content."""

    tokenizer: Tokenizer
    pad_id: int
    mask_id: int
    special: NDArray[np.bool_]

    @property
    def vocab_size(self) -> int:
        return len(self.special)

    def encode(self, texts: Sequence[str], length: int) -> Tensor:
        """(n, length) int32 ids, cut at ``length`` with the closing token kept, padded with ``pad_id``."""
        self.tokenizer.enable_truncation(length)
        rows = torch.full((len(texts), length), self.pad_id, dtype=torch.int32)
        for row, encoding in zip(rows, self.tokenizer.encode_batch(list(texts)), strict=True):
            row[: len(encoding.ids)] = torch.tensor(encoding.ids, dtype=torch.int32)
        return rows

    def lengths(self, texts: Sequence[str], most: int) -> NDArray[np.int64]:
        """Number of tokens of every text, closing tokens included, at most ``most``."""
        self.tokenizer.enable_truncation(most)
        return np.array([len(e.ids) for e in self.tokenizer.encode_batch(list(texts))], dtype=np.int64)

    def to_json(self) -> str:
        self.tokenizer.no_truncation()
        return str(self.tokenizer.to_str())


def train_subwords(texts: Iterable[str], vocab_size: int) -> Subwords:
    """A lower-casing byte-level BPE tokenizer of at most ``vocab_size`` pieces (Sennrich et al. 2016).

    Bytes know every script, and unlike WordPiece's its trainer gives the same pieces every time.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[PAD, START, END, MASK],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return wrap(tokenizer)


def read_subwords(folder: Path) -> Subwords:
    """The tokenizer of a model folder; raises `InputError` where there is no ``tokenizer.json``."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputError(
            f"The encoder folder {folder} has no tokenizer.json; save its tokenizer there in the fast format "
            "(Transformers: AutoTokenizer.from_pretrained(...).save_pretrained(folder))."
        )
    settings = folder / "tokenizer_config.json"
    named = json.loads(settings.read_text(encoding="utf-8")).get("pad_token") if settings.is_file() else None
    named = named.get("content") if isinstance(named, dict) else named
    return wrap(Tokenizer.from_file(str(path)), pad=named, where=f"The tokenizer of {folder}")


def parse_subwords(text: str, pad_id: int) -> Subwords:
    """The inverse of `Subwords.to_json`."""
    tokenizer = Tokenizer.from_str(text)
    return wrap(tokenizer, pad=tokenizer.id_to_token(pad_id))


def wrap(tokenizer: Tokenizer, *, pad: str | None = None, where: str = "The tokenizer") -> Subwords:
    """Find the special ids. Without a mask token the unknown token hides, without that the padding token."""
    tokenizer.no_padding()
    pad_id = _first(tokenizer, ((pad,) if pad else ()) + _PADS)
    if pad_id is None:
        raise InputError(f"{where} has no padding token; name one as pad_token in tokenizer_config.json.")
    mask_id = _first(tokenizer, _MASKS + _UNKNOWNS)
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    special = np.zeros(size, dtype=bool)
    for index, token in tokenizer.get_added_tokens_decoder().items():
        special[index] = token.special and token.content not in _UNKNOWNS
    special[pad_id] = True
    return Subwords(tokenizer, pad_id, pad_id if mask_id is None else mask_id, special)


def _first(tokenizer: Tokenizer, names: Iterable[str]) -> int | None:
    ids = (tokenizer.token_to_id(name) for name in names)
    return next((int(i) for i in ids if i is not None), None)
