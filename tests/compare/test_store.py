"""The out-of-fold store and the files of single predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn.functional import log_softmax

from tacit.compare.store import Store, read_prediction, write_prediction
from tacit.data.prediction import Categorical, Normal
from tacit.data.task import Classes, MultiLabel, Number

IDS = tuple(f"photo {i}.png" for i in range(10))


def belief(sites: int, classes: int, seed: int = 0) -> Categorical:
    return Categorical(log_softmax(torch.randn(sites, classes, generator=torch.Generator().manual_seed(seed)), 1))


def test_predictions_come_back_in_order_of_position() -> None:
    store = Store(Classes(("a", "b", "c")), 4)
    first, second = belief(2, 3, 1), belief(3, 3, 2)
    store.add("new", np.array([7, 1]), 0, first)
    store.add("new", np.array([0, 9, 4]), 1, second)
    index, prediction = store.of("new")
    assert index.tolist() == [0, 1, 4, 7, 9]
    assert isinstance(prediction, Categorical)
    expected = torch.stack([second.log_p[0], first.log_p[1], second.log_p[2], first.log_p[0], second.log_p[1]])
    assert torch.equal(prediction.log_p, expected)


def test_records_of_several_sites_stay_whole() -> None:
    store = Store(MultiLabel(("x", "y")), 4)
    prediction = belief(4, 2)
    store.add("new", np.array([5, 2]), 0, prediction)
    index, found = store.of("new")
    assert index.tolist() == [2, 5]
    assert isinstance(found, Categorical)
    assert torch.equal(found.log_p, prediction.log_p[[2, 3, 0, 1]])
    with pytest.raises(ValueError, match="4 predictions for 3 records"):
        store.add("new", np.array([1, 2, 3]), 1, prediction)


def test_a_table_holds_every_row_with_what_was_given(tmp_path: Path) -> None:
    store = Store(Classes(("a", "b")), 4)
    predictions = {name: belief(2, 2, seed) for seed, name in enumerate(("one", "two"))}
    for name, prediction in predictions.items():
        store.add(name, np.array([3, 8]), 1, prediction)
    store.write(tmp_path / "oof.parquet", IDS, {3: "a", 8: "<b>\n"})
    rows = pq.read_table(tmp_path / "oof.parquet").to_pylist()
    assert [(r["id"], r["candidate"], r["fold"], r["seed"], r["given"]) for r in rows] == [
        ("photo 3.png", "one", 1, 4, "a"),
        ("photo 8.png", "one", 1, 4, "<b>\n"),
        ("photo 3.png", "two", 1, 4, "a"),
        ("photo 8.png", "two", 1, 4, "<b>\n"),
    ]
    np.testing.assert_allclose([r["log_p"] for r in rows[2:]], predictions["two"].log_p, rtol=1e-6)


def test_numbers_have_means_and_scales(tmp_path: Path) -> None:
    store = Store(Number(5.0, 2.0), 0)
    store.add("new", np.array([1]), 0, Normal(torch.tensor([3.5]), torch.tensor([-1.0])))
    store.write(tmp_path / "oof.parquet", IDS, {1: "4.0"})
    (row,) = pq.read_table(tmp_path / "oof.parquet").to_pylist()
    assert (row["mean"], row["log_scale"], row["given"]) == (3.5, -1.0, "4.0")


@pytest.mark.parametrize("prediction", [belief(3, 4), Normal(torch.randn(3), torch.randn(3))])
def test_single_predictions_are_kept_to_the_bit(tmp_path: Path, prediction: Categorical | Normal) -> None:
    write_prediction(tmp_path / "p.safetensors", prediction, {"seconds": 0.25, "cuts": ["x"]})
    back, meta = read_prediction(tmp_path / "p.safetensors")
    assert meta == {"seconds": 0.25, "cuts": ["x"]}
    assert type(back) is type(prediction)
    for name, tensor in vars(prediction).items():
        assert torch.equal(getattr(back, name), tensor)
