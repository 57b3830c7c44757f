"""Table encoders: what they may not depend on, and that they learn what a linear map cannot."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tacit.data.batch import Batch
from tacit.nets.table import TableMLP, TableTransformer

Net = TableMLP | TableTransformer


def batch(rows: int = 12, seed: int = 0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    return Batch(
        {
            "numeric": torch.randn(rows, 3, generator=rng),
            "missing": torch.rand(rows, 3, generator=rng) < 0.2,
            "categorical": torch.randint(0, 5, (rows, 2), generator=rng),
        }
    )


@pytest.fixture(params=[TableMLP, TableTransformer])
def net(request: pytest.FixtureRequest) -> Net:
    torch.manual_seed(0)
    made: Net = request.param(3, (5, 40)).eval()
    return made


def test_shapes(net: Net) -> None:
    features = net(batch())
    assert features.pooled.shape == (12, net.width)
    if isinstance(net, TableTransformer):
        assert features.local.shape == (12, 5, net.width)
        assert features.mask.all()


def test_a_missing_number_is_not_read(net: Net) -> None:
    first = batch()
    other = first.replace(numeric=torch.where(first["missing"], first["numeric"] + 9.0, first["numeric"]))
    torch.testing.assert_close(net(first).pooled, net(other).pooled)
    none = first.replace(missing=torch.zeros_like(first["missing"]))
    assert (net(first).pooled - net(none).pooled).abs().max() > 1e-3


def test_rows_do_not_see_each_other(net: Net) -> None:
    whole = batch()
    torch.testing.assert_close(net(whole).pooled[2:5], net(whole.take(slice(2, 5))).pooled)


def test_every_cell_counts(net: Net) -> None:
    first = batch().replace(missing=torch.zeros(12, 3, dtype=torch.bool))
    before = net(first).pooled
    for name in ("numeric", "categorical"):
        for column in range(first[name].shape[1]):
            changed = first[name].clone()
            changed[:, column] = (changed[:, column] + 1) % 5 if name == "categorical" else changed[:, column] + 1
            after = net(first.replace(**{name: changed})).pooled
            assert ((after - before).abs().amax(1) > 1e-4).all()


def test_hidden_columns_of_the_transformer_are_not_attended_to() -> None:
    net = TableTransformer(3, (5, 40)).eval()
    hidden = torch.tensor([[True, False, False, False, True]]).expand(12, 5)
    first, second = batch(seed=1), batch(seed=2)
    mixed = second.replace(
        numeric=torch.cat([second["numeric"][:, :1], first["numeric"][:, 1:]], 1),
        missing=torch.cat([second["missing"][:, :1], first["missing"][:, 1:]], 1),
        categorical=torch.cat([first["categorical"][:, :1], second["categorical"][:, 1:]], 1),
    )
    a, b = net(first.replace(hidden=hidden)), net(mixed.replace(hidden=hidden))
    torch.testing.assert_close(a.pooled, b.pooled)
    torch.testing.assert_close(a.local[:, 1:4], b.local[:, 1:4])
    assert (a.pooled - net(first).pooled).abs().max() > 1e-3
    assert a.mask[0].tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("kind", [TableMLP, TableTransformer])
def test_learns_an_interaction(kind: type[TableMLP] | type[TableTransformer]) -> None:
    torch.manual_seed(0)
    net = kind(2, (3,), width=32, depth=2)
    head = nn.Linear(32, 2)
    numeric = torch.randn(96, 2)
    categorical = torch.randint(0, 3, (96, 1))
    truth = ((numeric[:, 0] > 0) ^ (categorical[:, 0] == 1)).long()
    data = Batch({"numeric": numeric, "missing": torch.zeros(96, 2, dtype=torch.bool), "categorical": categorical})
    optimiser = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=5e-3)
    for _ in range(60):
        loss = nn.functional.cross_entropy(head(net(data).pooled), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (head(net.eval()(data).pooled).argmax(1) == truth).float().mean() > 0.95


def test_numbers_or_categories_alone() -> None:
    for kind in (TableMLP, TableTransformer):
        some = {"numeric": torch.ones(12, 2), "missing": torch.zeros(12, 2).bool()}
        assert kind(2, ())(batch().replace(**some)).pooled.isfinite().all()
        none = {"numeric": torch.zeros(12, 0), "missing": torch.zeros(12, 0).bool()}
        assert kind(0, (5, 5))(batch().replace(**none)).pooled.isfinite().all()


def test_without_a_summary_token_the_seen_columns_stand_for_the_row() -> None:
    torch.manual_seed(0)
    net = TableTransformer(3, (5, 40), summary=False).eval()
    assert not any("summary" in name for name, _ in net.named_parameters())
    hidden = torch.zeros(12, 5, dtype=torch.bool)
    hidden[:, 1] = True
    found = net(batch().replace(hidden=hidden))
    assert found.local is not None and found.local.shape == (12, 5, net.width)
    torch.testing.assert_close(found.pooled, found.local[:, [0, 2, 3, 4]].mean(1))
    other = batch()["numeric"].clone()
    other[:, 1] += 5
    unseen = net(batch().replace(numeric=other, missing=batch()["missing"], hidden=hidden))
    torch.testing.assert_close(found.pooled, unseen.pooled)
