"""Bags: standardising and statistics against numpy, views by what they keep, pooling against closed forms."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from sklearn.preprocessing import StandardScaler

import tacit
from tacit.data.batch import Batch, Positions
from tacit.errors import InputError
from tacit.modalities import base
from tacit.modalities.set import MODALITY, SetPrepared

Bag = NDArray[np.float64]


def bags(count: int = 30, seed: int = 0, columns: int = 4) -> list[Bag]:
    rng = np.random.default_rng(seed)
    return [rng.normal(3, 2, (int(rng.integers(1, 9)), columns)) for _ in range(count)]


def fitted(raw: list[Bag], encoder: str = "auto", **options: float) -> SetPrepared:
    return MODALITY().fit(tacit.read(raw, modality="set"), encoder, options=options)


@pytest.fixture(scope="module")
def prepared() -> SetPrepared:
    return fitted(bags())


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_promises_what_a_modality_promises(prepared: SetPrepared) -> None:
    assert isinstance(prepared, base.Prepared)
    assert (prepared.name, prepared.geometry, prepared.weights.spec) == ("set", "positions", "attention")


def test_a_batch_is_padded_and_standardised_over_all_instances(prepared: SetPrepared) -> None:
    raw = bags()
    batch = prepared.collate(raw)
    scaled = StandardScaler().fit_transform(np.concatenate(raw))
    assert batch["present"].sum(dim=1).tolist() == [len(bag) for bag in raw]
    np.testing.assert_allclose(batch["instances"][batch["present"]], scaled, atol=1e-5)
    assert not batch["instances"][~batch["present"]].any()
    assert batch["instances"].dtype == torch.float32


def test_missing_numbers_are_the_mean_and_flagged() -> None:
    raw = [np.array([[1.0, np.nan], [3.0, 4.0]]), np.array([[5.0, 8.0]])]
    batch = fitted(raw).collate(raw)
    spread = np.sqrt(8 / 3)
    assert fitted(raw).plain(raw).shape[1] == fitted(raw).plain([]).shape[1] == 12
    expected = [[-2 / spread, 0.0, 1.0], [0.0, -1.0, 0.0], [2 / spread, 1.0, 0.0]]
    np.testing.assert_allclose(batch["instances"][batch["present"]], expected, atol=1e-6)


def test_a_constant_or_empty_column_is_zero() -> None:
    raw = [np.array([[7.0, np.nan, 1.0]]), np.array([[7.0, np.nan, 2.0]])]
    instances = fitted(raw).collate(raw)["instances"]
    assert instances[:, 0, 0].tolist() == [0.0, 0.0]
    assert instances[:, 0, 1].tolist() == [0.0, 0.0]


def test_larger_bags_than_asked_for_are_thinned_evenly() -> None:
    raw = [np.arange(101.0)[:, None], np.zeros((2, 1))]
    prepared = fitted(raw, instances=5)
    batch = prepared.collate(raw)
    assert batch["present"].sum(dim=1).tolist() == [5, 2]
    steps = batch["instances"][0, :, 0].diff()
    torch.testing.assert_close(steps, steps[:1].expand(4))


def test_later_bags_may_be_larger_than_any_before(prepared: SetPrepared) -> None:
    assert prepared.collate([np.zeros((40, 4))])["present"].sum() == 40


def test_plain_features_are_numpys_statistics(prepared: SetPrepared) -> None:
    raw = bags()
    scaler = StandardScaler().fit(np.concatenate(raw))
    scaled = [scaler.transform(bag) for bag in raw]
    expected = [np.concatenate([b.mean(0), b.min(0), b.max(0), np.sqrt(b.var(0))]) for b in scaled]
    np.testing.assert_allclose(prepared.plain(raw), expected, atol=1e-5)
    assert prepared.plain([]).shape == (0, 16)


def test_views_keep_an_instance_of_every_bag_and_say_which(prepared: SetPrepared) -> None:
    batch = prepared.collate(bags(200))
    whole = fitted(bags(), strong_drop=1.0, strong_noise=0.0).strong(batch, generator())
    assert isinstance(whole.map, Positions)
    present, kept = prepared.clean(batch)["present"], whole.batch["present"]
    assert kept.any(dim=1).all()
    assert not (kept & ~present).any()
    assert torch.equal(whole.map.source >= 0, kept)
    original = prepared.clean(batch)["instances"]
    assert torch.equal(whole.batch["instances"][kept], original[kept])
    assert not whole.batch["instances"][~kept].any()


def test_shares_left_out_are_means_and_each_bag_draws_its_own() -> None:
    raw = [np.random.default_rng(i).normal(size=(200, 2)) for i in range(300)]
    prepared = fitted(raw, weak_drop=0.2)
    kept = prepared.weak(prepared.collate(raw), generator()).batch["present"].float().mean(dim=1)
    assert 1 - kept.mean().item() == pytest.approx(0.2, abs=0.02)
    assert kept.std().item() == pytest.approx(0.4 / 12**0.5, abs=0.02)


def test_noise_has_the_deviation_of_its_bag_and_spares_flags() -> None:
    raw = [np.random.default_rng(i).normal(size=(500, 3)) for i in range(200)]
    raw[0][0, 1] = np.nan
    prepared = fitted(raw, weak_drop=0.0, weak_noise=0.3)
    batch = prepared.collate(raw)
    added = prepared.weak(batch, generator()).batch["instances"] - batch["instances"]
    assert not added[:, :, 3:].any()
    deviations = added[:, :, :3].std(dim=(1, 2))
    assert deviations.mean().item() == pytest.approx(0.3, abs=0.03)
    assert deviations.max().item() < 0.65


def test_one_seed_one_view(prepared: SetPrepared) -> None:
    batch = prepared.collate(bags())
    first, second, other = (prepared.strong(batch, generator(s)).batch["instances"] for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_tokens_are_one_an_instance(prepared: SetPrepared) -> None:
    batch = prepared.collate(bags())
    tokens = prepared.tokens(batch)
    assert torch.equal(tokens.values, batch["instances"])
    assert torch.equal(tokens.padding, ~batch["present"])


@pytest.mark.parametrize("encoder", ["attention", "mean", "max"])
def test_the_order_of_instances_does_not_matter_and_padding_is_not_seen(encoder: str) -> None:
    raw = bags()
    prepared = fitted(raw, encoder)
    network = prepared.encoder().eval()
    pooled = network(prepared.clean(prepared.collate(raw))).pooled
    turned = network(prepared.collate([bag[::-1] for bag in raw])).pooled
    torch.testing.assert_close(turned, pooled, atol=1e-5, rtol=1e-5)
    alone = torch.cat([network(prepared.clean(prepared.collate([bag]))).pooled for bag in raw])
    torch.testing.assert_close(alone, pooled, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", ["attention", "mean", "max"])
def test_state_reproduces_everything(encoder: str) -> None:
    raw = bags()
    raw[0][0, 0] = np.nan
    prepared = fitted(raw, encoder, weak_drop=0.3)
    meta, tensors = prepared.state()
    again = SetPrepared.from_state(json.loads(json.dumps(meta)), load(save(tensors)))
    new = bags(10, seed=1)
    batch = prepared.collate(new)
    assert all(torch.equal(batch[name], again.collate(new)[name]) for name in batch.tensors)
    np.testing.assert_array_equal(prepared.plain(new), again.plain(new))
    views = [p.weak(batch, generator()).batch["instances"] for p in (prepared, again)]
    assert torch.equal(*views)
    first, second = prepared.encoder().eval(), again.encoder().eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(batch).pooled, second(batch).pooled)
    assert again.weights == prepared.weights


def test_other_modalities_widths_and_names_are_refused(prepared: SetPrepared) -> None:
    with pytest.raises(InputError, match="modality 'text', the model was made for bags"):
        prepared.check(tacit.read(["a text", "another"]))
    with pytest.raises(InputError, match="have 3 columns, the model was made for 4"):
        prepared.check(tacit.read(bags(columns=3), modality="set"))
    with pytest.raises(InputError, match="have 3 columns, the model reads 4"):
        prepared.collate(bags(columns=3))
    with pytest.raises(InputError, match="list of arrays"):
        prepared.collate(["text"])
    with pytest.raises(InputError, match="not bags"):
        MODALITY().fit(tacit.read(["a text", "another"]))
    with pytest.raises(InputError, match="Did you mean 'attention'"):
        fitted(bags(), "atention")
    with pytest.raises(InputError, match="Did you mean 'weak_drop'"):
        fitted(bags(), weak_dorp=0.1)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("instances", 0, "instances is 0; give a whole number of 1 or more"),
        ("instances", -3, "instances is -3; give a whole number of 1 or more"),
        ("instances", 2.5, "give a whole number of 1 or more"),
        ("instances", float("inf"), "give a whole number of 1 or more"),
        ("instances", float("nan"), "instances is nan"),
        ("weak_drop", 1.5, "weak_drop is 1.5; give a number from 0 to 1"),
        ("strong_drop", -0.1, "strong_drop is -0.1; give a number from 0 to 1"),
        ("strong_drop", "few", "strong_drop is 'few'; give a number from 0 to 1"),
        ("weak_noise", float("nan"), "weak_noise is nan; give a number of 0 or more"),
        ("strong_noise", -1, "strong_noise is -1; give a number of 0 or more"),
        ("strong_noise", None, "strong_noise is None"),
        ("weak_noise", True, "weak_noise is True"),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        fitted(bags(), **{option: value})


def test_options_at_their_limits_are_taken() -> None:
    prepared = fitted(bags(), instances=1, weak_drop=0, strong_drop=1, weak_noise=0)
    assert prepared.weak(prepared.collate(bags()), generator()).batch["present"].shape[1] == 1


def test_an_empty_batch_is_a_batch(prepared: SetPrepared) -> None:
    batch = prepared.clean(prepared.collate([]))
    assert isinstance(batch, Batch)
    assert len(batch) == 0
