"""Tables: scaling against closed forms, codes by hand, views against marginals, columns by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from scipy.stats import norm
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tacit.data.batch import Columns
from tacit.data.records import Records
from tacit.errors import InputError
from tacit.modalities import base, table_views
from tacit.modalities.table import MODALITY, TablePrepared
from tacit.modalities.table_columns import FIRST, MISSING, RARE, UNKNOWN, Categorical, Numeric, cells

KINDS = {"age": "numeric", "income": "numeric", "since": "date", "town": "categorical", "owner": "boolean"}


class Rows:
    """A source of table rows in memory; ``side`` names columns that are no features."""

    modality = "table"
    description = "rows"
    root: Path | None = None

    def __init__(self, table: pa.Table, side: tuple[str, ...] = ()) -> None:
        self.table = table
        self.ids = [str(i) for i in range(len(table))]
        self.columns = {name: np.zeros(len(table), dtype=object) for name in side}
        kinds = [{"name": name, "kind": KINDS.get(name, "numeric")} for name in table.column_names]
        self.schema: dict[str, Any] = {"columns": kinds}

    def gather(self, index: NDArray[np.int64]) -> pa.Table:
        return self.table.take(pa.array(index))

    def fingerprint(self) -> str:
        return str(self.table)


def rows(count: int = 400, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, count)
    income = np.exp(rng.normal(0, 2, count))
    income[::10] = np.nan
    town = rng.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1]).astype(object)
    town[5] = None
    town[7] = "once"
    owner = [bool(value) for value in rng.random(count) < 0.3]
    since = rng.integers(0, 1000, count).astype(float)
    columns = {
        "age": pa.array(age),
        "income": pa.array(income, from_pandas=True),
        "since": pa.array(since),
        "town": pa.array(town, pa.string()),
        "owner": pa.array(owner),
    }
    return pa.table(columns)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return rows()


@pytest.fixture(scope="module")
def prepared(table: pa.Table) -> TablePrepared:
    return MODALITY().fit(Records(Rows(table, ("label", "id"))))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_promises_what_a_modality_promises(prepared: TablePrepared) -> None:
    assert isinstance(prepared, base.Prepared)
    assert (prepared.name, prepared.geometry) == ("table", "columns")
    assert prepared.weights.spec == "mlp"
    assert prepared.columns == ("age", "income", "since", "owner", "town")


def test_batch_names_types_and_shapes(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    shapes = {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in batch.tensors.items()}
    assert shapes == {
        "numeric": (torch.float32, (400, 3)),
        "missing": (torch.bool, (400, 3)),
        "categorical": (torch.int64, (400, 2)),
    }
    assert prepared.clean(batch) is batch


def test_scaled_numbers_are_normal_scores(prepared: TablePrepared, table: pa.Table) -> None:
    numeric = prepared.collate(table)["numeric"].numpy()
    for column, name in enumerate(["age", "income", "since"]):
        values = table.column(name).to_pandas()
        known = values.notna().to_numpy()
        expected = norm.ppf((values[known].rank() - 0.5) / known.sum())
        inner = np.abs(expected) < 2.0  # beyond the outermost knots the standard scale goes on
        np.testing.assert_allclose(numeric[known, column][inner], expected[inner], atol=0.12)
        assert np.corrcoef(numeric[known, column], expected)[0, 1] > 0.999


def test_scaling_never_falls_and_never_runs_away() -> None:
    column = Numeric.fit("x", np.random.default_rng(0).exponential(size=500))
    line = np.linspace(-1e6, 1e6, 20001)
    scaled = column.scaled(line)
    assert (np.diff(scaled) >= 0).all()
    assert np.abs(scaled).max() < norm.ppf(1 - 0.5 / 128) + 1.01
    inside = column.scaled(np.linspace(0.01, 4, 100))
    assert (np.diff(inside) > 0).all()


def test_ties_share_the_mean_score_and_a_constant_is_zero() -> None:
    binary = Numeric.fit("x", np.array([0.0] * 75 + [1.0] * 25))
    levels = (np.arange(128) + 0.5) / 128
    low, high = binary.scaled(np.array([0.0, 1.0]))
    assert low == pytest.approx(norm.ppf(levels[levels < 0.75]).mean(), abs=0.02)
    assert high == pytest.approx(norm.ppf(levels[levels > 0.75]).mean(), abs=0.02)
    constant = Numeric.fit("x", np.full(10, 7.0))
    assert constant.scaled(np.array([7.0])) == 0.0
    assert np.isfinite(constant.standardised(np.array([7.0, 8.0]))).all()


def test_missing_and_infinite_numbers_take_the_median_and_a_flag() -> None:
    column = Numeric.fit("x", np.array([1.0, 2.0, np.nan, 9.0, np.inf]))
    values, missing = column.filled(np.array([np.nan, 5.0, -np.inf]))
    assert values.tolist() == [2.0, 5.0, 2.0]
    assert missing.tolist() == [True, False, True]
    empty = Numeric.fit("x", np.full(4, np.nan))
    assert empty.filled(np.full(2, np.nan))[0].tolist() == [0.0, 0.0]


def test_category_codes_by_hand() -> None:
    column = Categorical.fit("x", ["b", "a", "a", "a", "b", "once", None])
    assert column.values == ("a", "b")
    codes = column.codes(["a", "b", "once", None, "new"])
    assert codes.tolist() == [FIRST, FIRST + 1, RARE, MISSING, UNKNOWN]
    assert column.size == FIRST + 2


def test_many_values_share_the_rare_code() -> None:
    names = [f"v{i:03d}" for i in range(600) for _ in range(2)]
    column = Categorical.fit("x", names)
    assert len(column.values) == 256
    assert column.codes(["v255", "v256", "v511", "v512"]).tolist() == [FIRST + 255, RARE, RARE, UNKNOWN]


def test_numbers_used_as_categories_match_whatever_their_type() -> None:
    whole = cells(pa.table({"zip": pa.array([10115, 20095])}), "zip")
    broken = cells(pa.table({"zip": pa.array([10115.0, None, float("nan"), 2.5])}), "zip")
    assert whole == ["10115", "20095"]
    assert broken == ["10115", None, None, "2.5"]
    assert cells(pa.table({"b": pa.array([True, False])}), "b") == ["true", "false"]


def test_plain_equals_scikit_learn(prepared: TablePrepared, table: pa.Table) -> None:
    frame = table.to_pandas().astype({"town": object})
    income = frame["income"]
    numbers = frame[["age", "income", "since"]].fillna({"income": income.median()})
    # Scaled by the moments of what is known, as ours.
    scaled = (numbers - frame[["age", "income", "since"]].mean()) / frame[["age", "income", "since"]].std(ddof=0)
    plain = prepared.plain(table)
    np.testing.assert_allclose(plain[:, [0, 1, 3]], scaled.clip(-10, 10), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(plain[:, 2], income.isna())
    complete = frame.drop(index=[5, 7])
    theirs = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["owner", "town"]))
    expected = np.asarray(theirs.fit_transform(complete))[:, 1:]
    ours = np.delete(plain, [5, 7], axis=0)[:, 4:]
    used = ours.any(axis=0)
    assert sorted(map(tuple, expected.T)) == sorted(map(tuple, ours[:, used].T))
    assert plain[[5, 7], 4:].sum(axis=1).tolist() == [2.0, 2.0]


def test_order_of_columns_does_not_matter(prepared: TablePrepared, table: pa.Table) -> None:
    turned = table.select(["town", "since", "income", "owner", "age"])
    prepared.check(Records(Rows(turned)))
    for name, tensor in prepared.collate(table).tensors.items():
        assert torch.equal(tensor, prepared.collate(turned)[name])
    np.testing.assert_array_equal(prepared.plain(table), prepared.plain(turned))
    refitted = MODALITY().fit(Records(Rows(turned, ("id", "label"))))
    assert refitted.state()[0] == prepared.state()[0]


def test_missing_and_extra_columns_are_named(prepared: TablePrepared, table: pa.Table) -> None:
    with pytest.raises(InputError, match=r"column 'town' is missing.*Did you mean 'towns'"):
        prepared.check(Records(Rows(table.rename_columns(["age", "income", "since", "towns", "owner"]))))
    with pytest.raises(InputError, match=r"columns 'age', 'income' are missing"):
        prepared.collate(table.select(["since", "town", "owner"]))
    with pytest.raises(InputError, match="column 'wage' is unknown to the model"):
        prepared.check(Records(Rows(table.append_column("wage", table.column("age")))))
    with_label = table.append_column("label", table.column("age"))
    prepared.check(Records(Rows(with_label)))
    assert len(prepared.collate(with_label)) == len(table)


def test_other_modalities_kinds_and_names_are_refused(prepared: TablePrepared, table: pa.Table) -> None:
    source = Rows(table)
    source.modality = "text"
    with pytest.raises(InputError, match="'text'; this model reads tables"):
        prepared.check(Records(source))
    with pytest.raises(InputError, match="not a table"):
        MODALITY().fit(Records(source))
    with pytest.raises(InputError, match="Did you mean 'transformer'"):
        MODALITY().fit(Records(Rows(table)), "transfomer")
    with pytest.raises(InputError, match="Did you mean 'weak_corrupt'"):
        MODALITY().fit(Records(Rows(table)), options={"weak_corupt": 0.1})
    with pytest.raises(InputError, match="weak_corrupt is 'half'; give a number from 0 to 1"):
        MODALITY().fit(Records(Rows(table)), options={"weak_corrupt": "half"})
    with pytest.raises(InputError, match="no feature column"):
        MODALITY().fit(Records(Rows(table.select([]))))
    with pytest.raises(InputError, match=r"column 'age' is to hold numbers.*old"):
        prepared.collate(table.set_column(0, "age", pa.array(["old"] * len(table))))
    with pytest.raises(InputError, match=r"pyarrow\.Table"):
        prepared.collate(["text"])


def test_views_change_what_their_map_says_and_nothing_else(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    for view in (prepared.weak(batch, generator()), prepared.strong(batch, generator())):
        assert isinstance(view.map, Columns)
        changed = view.map.changed
        for name, part in (
            ("numeric", changed[:, :3]),
            ("missing", changed[:, :3]),
            ("categorical", changed[:, 3:]),
        ):
            assert torch.equal(view.batch[name][~part], batch[name][~part])


def test_corrupted_cells_follow_the_marginals(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    everything = torch.ones(4000, 5, dtype=torch.bool)
    many = batch.take(torch.arange(400).repeat(10))
    drawn = table_views.corrupt(many, batch, everything, generator())
    for column in range(3):
        deciles = [np.quantile(b["numeric"][:, column].numpy(), np.linspace(0.1, 0.9, 9)) for b in (batch, drawn)]
        np.testing.assert_allclose(*deciles, atol=0.12)
    for code in range(prepared.sizes[1]):
        shares = [(b["categorical"][:, 1] == code).float().mean().item() for b in (batch, drawn)]
        assert shares[1] == pytest.approx(shares[0], abs=0.03)
    # A number and its missing flag come from one row; two columns from two rows.
    pairs = {(n, m) for n, m in zip(batch["numeric"][:, 1].tolist(), batch["missing"][:, 1].tolist(), strict=True)}
    new = zip(drawn["numeric"][:, 1].tolist(), drawn["missing"][:, 1].tolist(), strict=True)
    assert set(new) <= pairs
    assert abs(np.corrcoef(drawn["numeric"][:, 0], drawn["numeric"][:, 2])[0, 1]) < 0.06


def test_rates_are_means_and_each_row_draws_its_own() -> None:
    chosen = table_views.choose_cells(4000, 50, 0.3, generator()).float().mean(1)
    assert chosen.mean().item() == pytest.approx(0.3, abs=0.01)
    assert chosen.std().item() == pytest.approx(0.6 / 12**0.5, abs=0.02)


def test_one_seed_one_view(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    first, second, other = (prepared.strong(batch, generator(s)).batch["numeric"] for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_hidden_cells_look_missing(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    hidden = table_views.choose_cells(400, 5, 0.4, generator())
    changed = prepared.hide(batch, hidden)
    assert (changed["numeric"][hidden[:, :3]] == 0).all()
    assert changed["missing"][hidden[:, :3]].all()
    assert (changed["categorical"][hidden[:, 3:]] == UNKNOWN).all()
    assert torch.equal(changed["categorical"][~hidden[:, 3:]], batch["categorical"][~hidden[:, 3:]])


def test_mix_averages_numbers_and_draws_categories(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    partner = torch.arange(400).flip(0)
    share = torch.full((400,), 0.7)
    mixed = table_views.mix(batch, partner, share, generator())
    expected = 0.7 * batch["numeric"] + 0.3 * batch["numeric"].flip(0)
    torch.testing.assert_close(mixed["numeric"], expected)
    own, theirs = batch["categorical"], batch["categorical"].flip(0)
    assert ((mixed["categorical"] == own) | (mixed["categorical"] == theirs)).all()
    differ = own != theirs
    assert (mixed["categorical"] == theirs)[differ].float().mean().item() == pytest.approx(0.3, abs=0.1)
    same = table_views.mix(batch, partner, torch.ones(400), generator())
    assert all(torch.equal(same[name], batch[name]) for name in batch.tensors)


def test_tokens_are_one_per_column(prepared: TablePrepared, table: pa.Table) -> None:
    batch = prepared.collate(table)
    tokens = prepared.tokens(batch)
    assert tokens.values.shape == (400, 5, 1)
    assert torch.equal(tokens.values[:, :3, 0], batch["numeric"])
    assert torch.equal(tokens.values[:, 3:, 0].long(), batch["categorical"])
    assert not tokens.padding.any()
    assert tokens.positions[3].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("encoder", ["mlp", "transformer"])
def test_state_reproduces_everything(encoder: str, table: pa.Table) -> None:
    prepared = MODALITY().fit(Records(Rows(table, ("label",))), encoder, options={"weak_corrupt": 0.2})
    meta, tensors = prepared.state()
    again = TablePrepared.from_state(json.loads(json.dumps(meta)), load(save(tensors)))
    new = rows(50, seed=1)
    batch = prepared.collate(new)
    assert all(torch.equal(batch[name], again.collate(new)[name]) for name in batch.tensors)
    np.testing.assert_array_equal(prepared.plain(new), again.plain(new))
    views = [p.strong(batch, generator()).batch for p in (prepared, again)]
    assert all(torch.equal(views[0][name], views[1][name]) for name in batch.tensors)
    first, second = prepared.encoder().eval(), again.encoder().eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(batch).pooled, second(batch).pooled)
    assert again.weights == prepared.weights
    assert again.state()[0] == meta
    again.check(Records(Rows(new.append_column("label", new.column("age")))))


@pytest.mark.parametrize("names", [["age"], ["town"]])
def test_tables_of_one_kind_work(names: list[str], table: pa.Table) -> None:
    prepared = MODALITY().fit(Records(Rows(table.select(names))), "transformer")
    batch = prepared.collate(table.select(names))
    view = prepared.strong(batch, generator())
    assert torch.isfinite(prepared.encoder()(view.batch).pooled).all()
    assert prepared.plain(table.select(names)).shape[0] == 400


def test_a_table_read_by_pandas_gives_the_same(prepared: TablePrepared, table: pa.Table) -> None:
    again = pa.Table.from_pandas(pd.DataFrame(table.to_pydict()), preserve_index=False)
    np.testing.assert_array_equal(prepared.plain(table), prepared.plain(again))
